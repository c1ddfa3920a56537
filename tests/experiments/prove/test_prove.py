"""Case after case: through a fake engine on disk and back, and a few quick ones through the real one."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gainbench.cli import prove as command
from gainbench.errors import EnvironmentLacking
from gainbench.experiments.prove.judge import judge
from gainbench.experiments.prove.prove import (
    Measure,
    Proving,
    _bursts,
    prepared,
    prove,
    results_of,
)
from gainbench.experiments.prove.truths import CASES, Case, Pair, ratio
from gainbench.report import proofs, write_proofs
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import load_results, load_run, load_whole, purpose_of
from gainbench.store.results import ProofFigures, Results
from tests.cli.conftest import Command, gainbench  # noqa: F401 - a fixture
from tests.experiments.prove import synthetic

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
BY_ID = {case.id: case for case in CASES}
QUARTER_MORE = ((100.0, 125.0), (100.0, 126.0), (100.0, 124.0))
FILES = ("results.json", "report.html", "summary.md", "junit.xml")


def tried(out: Path, *cases: Case, measure: Measure | None = None) -> tuple[Path, list[ProofFigures]]:
    """The run directory, and what was told on the way."""
    directory = RunDirectory.create(out, "prove", now=NOW, purpose="prove")
    told: list[ProofFigures] = []
    engine = {} if measure is None else {"measure": measure}
    wanted = prepared(cases, seed=0, plan_path=synthetic.PLAN_PATH)
    prove(Proving(wanted, 0, ("gainbench", "prove"), lambda progress: None, told.append, **engine), directory)
    return directory.path, told


def read(path: Path) -> Results:
    return results_of(load_whole(path))


def by_id(engines: dict[str, Measure]) -> Measure:
    """Another engine for each case."""
    return lambda job, directory: engines[job.plan.name](job, directory)


def test_truth_and_figure_stand_side_by_side_and_are_counted(tmp_path: Path) -> None:
    engines = {
        "good": synthetic.measuring(QUARTER_MORE),
        "bad": synthetic.measuring([(100.0, 150.0), (100.0, 150.1), (100.0, 149.9)]),
        "faulty": synthetic.measuring(QUARTER_MORE, failures=50),
        "unlike": synthetic.refusing(),
    }
    cases = (
        synthetic.case("good"),
        synthetic.case("bad"),
        synthetic.case("faulty", truth=None, allowed=("refused",)),
        synthetic.case("unlike"),
    )
    path, told = tried(tmp_path, *cases, measure=by_id(engines))
    found = read(path)
    assert [proof.verdict for proof in found.proofs] == ["right", "wrong", "refused", "refused"]
    assert [proof.is_allowed for proof in found.proofs] == [True, False, True, False]
    assert found.proofs == tuple(told)
    assert found.run.status == "invalid"
    assert proofs.counts(found) == (
        "1 right, 1 wrong, 1 refused where that is right, 1 refused where it should have been measured"
    )
    assert proofs.intervals(found) == "1 of 2 95 % intervals held the truth"
    assert found.proofs[2].note.startswith("errors")
    assert found.proofs[3].note == "the arms are not alike"


def test_each_case_is_a_run_of_its_own_and_the_whole_is_none(tmp_path: Path) -> None:
    path, _ = tried(tmp_path, synthetic.case("good"), measure=synthetic.measuring(QUARTER_MORE))
    assert load_run(path / "cases" / "good").plan.name == "good"
    assert (tmp_path / "latest").resolve() == path
    with pytest.raises(Exception, match="is a run of prove, which is many runs"):
        load_run(path)


def test_the_report_comes_from_disk_and_is_the_same_twice(tmp_path: Path) -> None:
    path, _ = tried(tmp_path, synthetic.case("good"), measure=synthetic.measuring(QUARTER_MORE))
    pages = []
    for _ in range(2):
        write_proofs(path, read(path))
        pages.append([(path / name).read_bytes() for name in FILES])
    assert pages[0] == pages[1]
    assert load_results(path) == read(path)
    results, page, summary, junit = (content.decode() for content in pages[0])
    assert "+25.0 %" in page
    assert "| good | 10 and 8 ms | +25.0 % |" in summary
    assert 'failures="0"' in junit
    (proof,) = json.loads(results)["proofs"]
    assert json.loads(results)["kind"] == "prove"
    assert {"id", "truth", "low", "high", "gain", "verdict", "allowed", "note"} <= proof.keys()


def test_nulls_are_told_together(tmp_path: Path) -> None:
    zero = BY_ID["think-same"].truth
    alike = synthetic.measuring([(100.0, 101.0), (100.0, 99.0), (100.0, 100.0)])
    path, _ = tried(tmp_path, synthetic.case("a", truth=zero), synthetic.case("b", truth=zero), measure=alike)
    assert read(path).nulls is not None
    assert "all nulls together, 6 trials" in (proofs.nulls(read(path)) or "")


def test_a_machine_that_lacks_something_says_nothing_of_the_harness(tmp_path: Path) -> None:
    lacking = synthetic.refusing(EnvironmentLacking("there is no database server"))
    with pytest.raises(EnvironmentLacking):
        tried(tmp_path, synthetic.case("good"), measure=lacking)
    stored = read(tmp_path / "latest")
    assert (stored.proofs, stored.run.status) == ((), "interrupted")
    assert stored.notes == ("there is no database server",)


def test_an_interruption_keeps_what_was_tried(tmp_path: Path) -> None:
    def interrupted(job: Any, directory: RunDirectory) -> None:
        if job.plan.name == "second":
            raise KeyboardInterrupt
        synthetic.measuring(QUARTER_MORE)(job, directory)

    with pytest.raises(KeyboardInterrupt):
        tried(tmp_path, synthetic.case("first"), synthetic.case("second"), measure=interrupted)
    found = read(tmp_path / "latest")
    assert [proof.id for proof in found.proofs] == ["first"]
    assert found.run.status == "interrupted"


def test_the_program_that_takes_a_core_ends_with_its_case(supervisor: Supervisor, tmp_path: Path) -> None:
    part = RunDirectory.create_part(tmp_path, "busy", now=NOW)
    before = set(_children(supervisor))
    with _bursts(supervisor, part, wanted=True):
        (started,) = set(_children(supervisor)) - before
        assert "bursts" in Path(f"/proc/{started}/cmdline").read_text()
    assert started not in _children(supervisor)
    with _bursts(supervisor, part, wanted=False):
        assert set(_children(supervisor)) <= before


def _children(supervisor: Supervisor) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{supervisor.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize(
    ("rates", "allowed", "status", "said"),
    [
        (QUARTER_MORE, ("right",), 0, "1 right, 0 wrong"),
        (((100.0, 150.0),) * 3, ("right",), 3, "0 right, 1 wrong"),
        (QUARTER_MORE[:1], ("right",), 3, "1 refused where it should have been measured"),
        (QUARTER_MORE[:1], ("right", "refused"), 0, "1 refused where that is right"),
    ],
)
def test_the_command_exits_by_what_was_found(
    gainbench: Command,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    rates: Any,
    allowed: Any,
    status: int,
    said: str,
) -> None:
    cases = (synthetic.case("known", allowed=allowed),)
    monkeypatch.setattr(command, "chosen", lambda only: cases)
    monkeypatch.setattr(command, "Proving", partial(Proving, measure=synthetic.measuring(rates)))
    done = gainbench("prove", "--out", str(tmp_path), "--quiet")
    assert done.status == status
    assert said in " ".join(done.stdout.split())
    run = tmp_path / "latest"
    assert purpose_of(run) == "prove"
    before = (run / "report.html").read_bytes()
    again = gainbench("report", str(run))
    assert again.status == 0
    assert said in " ".join(again.stdout.split())
    assert (run / "report.html").read_bytes() == before


def test_the_command_lists_its_cases_and_measures_nothing(gainbench: Command, tmp_path: Path) -> None:  # noqa: F811
    done = gainbench("prove", "--list", "--out", str(tmp_path / "none"))
    assert done.status == 0
    assert all(case.id in done.stdout for case in CASES)
    assert not (tmp_path / "none").exists()
    mistaken = gainbench("prove", "--only", "nothing")
    assert mistaken.status == 2
    assert "choose of: null-blocking-0" in mistaken.stderr


def test_json_is_the_folder_alone_on_standard_output(
    gainbench: Command,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(command, "chosen", lambda only: (synthetic.case("known"),))
    monkeypatch.setattr(command, "Proving", partial(Proving, measure=synthetic.measuring(QUARTER_MORE)))
    done = gainbench("prove", "--out", str(tmp_path), "--json")
    assert Path(done.stdout.strip()) == (tmp_path / "latest").resolve()


def quick(id: str, **more: Any) -> Case:
    """As in the table, but for the time it takes. What a busy machine makes of it may be a refusal."""
    return replace(BY_ID[id], trials=2, combs=1, comb_seconds=1.0, **more)


QUICK = (
    # Far from the machine's own milliseconds, and with room for a few of them.
    synthetic.case(
        "delay",
        arms=Pair("wait --ms 50", "wait --ms 40"),
        truth=ratio(50, 40, most_extra_ms=10),
        trials=2,
        combs=1,
    ),
    quick("think-constant"),
    quick("cpu-30"),
    quick("fast-errors"),
    quick("error-body-twin"),
)


def test_quick_cases_on_the_real_engine_are_never_wrong(tmp_path: Path) -> None:
    path, told = tried(tmp_path, *QUICK)
    assert [proof.id for proof in told] == [case.id for case in QUICK]
    assert [proof.id for proof in told if proof.verdict == "wrong"] == []
    assert [proof.verdict for proof in told[-2:]] == ["refused", "refused"]
    # What was measured, however the machine was: judged again from disk, it comes to the same.
    stored = load_whole(path)
    assert judge(stored.cases[-1], None) == told[-1]
    assert load_run(path / "cases" / "think-constant").combs
