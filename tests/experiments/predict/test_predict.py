"""From the plans by way of records on disk to a forecast and its page, with apps that are known."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.experiments.bench import Job
from gainbench.experiments.predict.plans import Parts, parts_of
from gainbench.experiments.predict.predict import Measure, Predicting, predict, results_of
from gainbench.plan.build import load_plan
from gainbench.plan.condition import Pool
from gainbench.plan.flags import Flags
from gainbench.report import write_forecast
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import last_checked_forecast, load_results, load_run, load_whole
from gainbench.store.records import Comb, End, Trial
from gainbench.store.results import Results
from tests import runs
from tests.cli.conftest import Command, gainbench  # noqa: F401 - a fixture
from tests.known_apps import App

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
PLAN = Path("bench.toml")
APPS: Mapping[str, Mapping[str, App]] = {
    "read-list": {
        "blocking": App(2.8, waits_in_loop=True),
        "sync": App(3.0),
        "async": App(2.6, is_async=True),
    },
    "read-one": {
        "blocking": App(2.2, waits_in_loop=True),
        "sync": App(2.4),
        "async": App(2.0, is_async=True),
    },
    "write": {
        "blocking": App(3.5, waits_in_loop=True, trips=4),
        "sync": App(3.6, trips=4),
        "async": App(3.4, is_async=True, trips=4),
    },
}


def comb(number: int, trial: int, cell: runs.Cell, arms: tuple[str, ...], strays: float) -> Comb:
    """Every arm a little faster or slower in this trial."""
    apps = {arm: APPS[cell.scenario][arm] for arm in arms}
    seen = {arm: app.sight(cell.users, cell.rtt_ms) for arm, app in apps.items()}
    rates = {arm: one.rate * 1000 * strays for arm, one in seen.items()}
    whole = runs.comb(trial, number, cell, 10.0 * number, arms=arms, rates_rps=rates)
    for arm, one in seen.items():
        requests = whole.arms[arm].load.requests
        select = {"trips": round(requests * one.trips), "wait_seconds": requests * one.wait_ms / 1000}
        whole = runs.changed(
            whole,
            arm,
            server={"cpu_seconds": requests * one.cpu_ms / 1000 / strays},
            traffic={"by_kind": {"select": runs.StatementTraffic(**select)}},
        )
    return whole


def measuring(job: Job, directory: RunDirectory) -> None:
    plan = job.plan
    directory.write_text("plan.toml", runs.render(plan))
    directory.write_text("environment.json", runs.ENVIRONMENT.model_dump_json())
    number = 0
    for trial in range(plan.profile.trials):
        for cell in plan.cells:
            directory.append(comb(number, trial, cell, plan.arm_names, 1 + 0.01 * (-1) ** trial))
            number += 1
        directory.append(Trial(number=trial, started=60.0 * trial, seconds=50.0, setup_seconds=5.0))
    directory.append(End(status="complete", seconds=60.0 * plan.profile.trials))


def parts(
    *, arms: tuple[str, ...] | None = None, is_checked: bool = False, gain_error: float | None = None
) -> Parts:
    plan = load_plan(PLAN, Flags(arms=arms, rtt_ms=(0.5,)))
    return parts_of(plan, load_plan(PLAN), trials=None, is_checked=is_checked, cores=1, gain_error=gain_error)


def forecast(out: Path, wanted: Parts, measure: Measure = measuring) -> Path:
    directory = RunDirectory.create(out, "predict", now=NOW, purpose="predict")
    predict(Predicting(wanted, ("gainbench", "predict"), lambda progress: None, measure), directory)
    return directory.path


def read(path: Path) -> Results:
    return results_of(load_whole(path))


def truth(arm: str, users: int, rtt_ms: float) -> float:
    return APPS["read-list"][arm].sight(users, rtt_ms).rate * 1000


def test_each_arm_is_seen_alone_and_what_it_would_gain_is_right_here_and_elsewhere(tmp_path: Path) -> None:
    found = read(forecast(tmp_path, parts()))
    assert found.forecast is not None
    assert [needs.serves for needs in found.forecast.needs] == ["event loop", "threads"]
    for one in found.forecast.predictions:
        asked = one.condition
        if asked.pool.size < asked.users or asked.workers > 1:
            continue
        gain = truth("async", asked.users, asked.rtt_ms) / truth(one.baseline, asked.users, asked.rtt_ms) - 1
        assert one.gain == pytest.approx(gain, abs=0.05), (one.baseline, asked.key)
        assert one.low is not None
        assert one.low < one.gain < one.high
    here = found.forecast.here
    assert [(one.baseline, one.condition.users, one.condition.rtt_ms) for one in here] == [
        ("blocking", 4, 0.5),
        ("sync", 4, 0.5),
    ]


def test_the_app_is_measured_without_the_other_form_of_it(tmp_path: Path) -> None:
    wanted = parts()
    by_name = dict(wanted.plans)
    assert by_name["app"].arm_names == ("blocking", "sync")
    assert {(cell.users, cell.rtt_ms) for cell in by_name["app"].cells} == {
        (1, 0.5),
        (1, 2.5),
        (8, 0.5),
        (8, 2.5),
    }
    assert {cell.scenario for cell in by_name["exchange"].cells} == {"read-one", "write"}


def test_a_check_tells_how_far_the_forecast_is_off_and_widens_its_intervals(tmp_path: Path) -> None:
    """The measured pair is slower than the exchange says: every forecast is too high by a tenth."""

    def slower(job: Job, directory: RunDirectory) -> None:
        if job.plan.name != "app":
            measuring(job, directory)
            return
        wrong = {**APPS["read-list"], "async": App(2.6 * 1.1, is_async=True)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(APPS, "read-list", wrong)  # type: ignore[arg-type]
            measuring(job, directory)

    plain = read(forecast(tmp_path / "a", parts())).forecast
    path = forecast(tmp_path / "b", parts(is_checked=True), slower)
    checked = read(path).forecast
    assert plain is not None
    assert checked is not None
    assert checked.check is not None
    seen = {(1, 0.5), (1, 2.5), (8, 0.5), (8, 2.5)}
    measured = [one for one in checked.predictions if one.measured is not None]
    assert not seen & {
        (one.condition.users, one.condition.rtt_ms)
        for one in measured
        if one.condition.pool.size == 40 and one.condition.workers == 1
    }
    assert checked.check.cells == 12
    assert 0 < checked.check.median_error < checked.check.worst_error < 0.2
    assert 0.03 < checked.check.gain_error < 0.12
    narrow, wide = ({one.condition.key: one for one in each.predictions} for each in (plain, checked))
    for key, one in narrow.items():
        if one.gain is not None:
            assert wide[key].high > one.high
    write_forecast(path, read(path))
    assert last_checked_forecast(path.parent, read(path).environment.machine) == checked


def test_an_earlier_check_widens_the_intervals_too(tmp_path: Path) -> None:
    plain, warned = (
        read(forecast(tmp_path / name, parts(gain_error=error))).forecast
        for name, error in (("a", None), ("b", 0.05))
    )
    assert plain is not None
    assert warned is not None
    assert warned.here[0].low < plain.here[0].low


def test_a_broken_rule_makes_the_forecast_invalid_and_is_told(tmp_path: Path) -> None:
    def failing(job: Job, directory: RunDirectory) -> None:
        original = runs.comb
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                runs,
                "comb",
                lambda *given, **more: runs.changed(
                    original(*given, **more), "sync", load={"failures": {"500": 9}}
                ),
            )
            measuring(job, directory)

    found = read(forecast(tmp_path, parts(arms=("sync", "async")), failing))
    assert found.run.status == "invalid"
    assert any("errors" in note for note in found.notes)


def test_a_run_that_ended_before_the_exchange_was_measured_has_no_forecast(tmp_path: Path) -> None:
    def ends(job: Job, directory: RunDirectory) -> None:
        if job.plan.name == "exchange":
            raise EnvironmentLacking("no database server")
        measuring(job, directory)

    with pytest.raises(EnvironmentLacking):
        forecast(tmp_path, parts(), ends)
    with pytest.raises(ConfigurationError, match="ended before it had measured"):
        read(tmp_path / "latest")


def test_the_page_the_summary_and_the_figures_come_from_disk_and_are_the_same_twice(tmp_path: Path) -> None:
    path = forecast(tmp_path, parts(is_checked=True))
    files = ("results.json", "report.html", "summary.md")
    pages = []
    for _ in range(2):
        write_forecast(path, read(path))
        pages.append([(path / name).read_bytes() for name in files])
    assert pages[0] == pages[1]
    assert load_results(path) == read(path)
    results, page, summary = (content.decode() for content in pages[0])
    assert "async over sync" in page
    assert "checked in" in summary
    first = json.loads(results)["forecast"]["predictions"][0]
    assert {
        "users",
        "rtt_ms",
        "pool",
        "workers",
        "baseline",
        "candidate",
        "gain",
        "low",
        "high",
    } <= first.keys()
    assert page.count("<svg") == 4  # two figures, each in two widths


def test_each_part_is_a_run_of_its_own_and_the_whole_is_none(tmp_path: Path) -> None:
    path = forecast(tmp_path, parts())
    assert load_run(path / "parts" / "app").plan.arm_names == ("blocking", "sync")
    with pytest.raises(ConfigurationError, match="is a run of predict, which is many runs"):
        load_run(path)


def test_without_another_form_nothing_can_be_checked() -> None:
    with pytest.raises(ConfigurationError, match="both forms"):
        parts(arms=("sync",), is_checked=True)


def test_few_connections_of_the_app_let_no_part_ask_for_more_than_there_are() -> None:
    plan = load_plan(PLAN, Flags(rtt_ms=(0.5,), pool=Pool(size=5)))
    wanted = parts_of(plan, load_plan(PLAN), trials=None, is_checked=True, cores=1, gain_error=None)
    for name, part in wanted.plans:
        assert all(cell.users <= cell.pool.size for cell in part.cells), name


def test_one_arm_alone_is_forecast_with_the_name_of_the_other_form(tmp_path: Path) -> None:
    found = read(forecast(tmp_path, parts(arms=("sync",)))).forecast
    assert found is not None
    assert [(one.baseline, one.candidate) for one in found.here] == [("sync", "async")]


def test_an_app_whose_database_nobody_sees_needs_its_trips_said(tmp_path: Path) -> None:
    def unseen(job: Job, directory: RunDirectory) -> None:
        original = runs.changed
        with pytest.MonkeyPatch.context() as patch:
            if job.plan.name == "app":
                patch.setattr(
                    runs,
                    "changed",
                    lambda one, arm, server, traffic: original(one, arm, server=server, traffic=None),
                )
            measuring(job, directory)

    plan = load_plan(PLAN, Flags(arms=("sync",), rtt_ms=(0.0,)))
    without = {"database": plan.database.changed({"server": "none"}), "seeds": ()}
    arms = tuple(arm.model_copy(update={"seed": None}) for arm in plan.arms)
    plan = plan.model_copy(update={**without, "arms": arms})
    said: dict[str, Any] = {"trials": None, "is_checked": False, "cores": 1, "gain_error": None}
    with pytest.raises(ConfigurationError, match="nobody counts the round trips"):
        parts_of(plan, load_plan(PLAN), **said)
    found = read(forecast(tmp_path, parts_of(plan, load_plan(PLAN), trips=2, **said), unseen)).forecast
    assert found is not None
    (here,) = found.here
    assert here.gain == pytest.approx(truth("async", 4, 0) / truth("sync", 4, 0) - 1, abs=0.02)
    assert {one.condition.rtt_ms for one in found.predictions} == {0}


def test_what_would_be_measured_is_shown_and_nothing_done(gainbench: Command, tmp_path: Path) -> None:  # noqa: F811
    done = gainbench("predict", "--check", "--dry-run", "--out", str(tmp_path))
    assert done.status == 0
    assert "the app: blocking, sync, async, 6 trials" in done.stdout
    assert "what exchanging the driver changes: blocking, sync, async, 6 trials" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_plan_without_the_two_requests_says_so(tmp_path: Path) -> None:
    plan = load_plan(PLAN, Flags(rtt_ms=(0.5,)))
    bare = plan.model_copy(update={"scenarios": plan.scenarios[:1]})
    with pytest.raises(ConfigurationError, match="read-one and write"):
        parts_of(plan, bare, trials=None, is_checked=False, cores=1, gain_error=None)
