"""From a question by way of parts on disk to a map and its page, with arms of known speed."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.bench import Job
from gainbench.experiments.map.maps import Starve, Wanted, draw_map, results_of
from gainbench.plan.build import load_plan
from gainbench.plan.file import render
from gainbench.plan.flags import Flags
from gainbench.plan.grid import axis_from, grid_over
from gainbench.plan.model import Cell, Plan
from gainbench.report import maps, write_map
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import StoredRun, load_whole
from gainbench.store.records import Collapse, Comb, End, MapQuestion, Starved, Trial
from gainbench.store.results import Results
from tests import runs

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
PAIRS = (("blocking", "async"), ("sync", "async"))

Rates = Callable[[Cell], dict[str, float]]


def known(cell: Cell) -> dict[str, float]:
    """The blocking arm's gain grows with the round trip; the two others are alike."""
    return {"blocking": 1000 / (1 + cell.rtt_ms), "sync": 1000.0, "async": 1000.0}


def plan() -> Plan:
    return load_plan(Path("bench.toml"), Flags())


def question(the_plan: Plan) -> MapQuestion:
    grid = grid_over(the_plan.headline_cell, axis_from("rtt=0,0.1,0.2,0.5,1"), axis_from("users=1,2,4,8,16"))
    return MapQuestion(grid=grid, pairs=PAIRS, lines=(0.0, 0.38), precision=0.05, plan=render(the_plan))


def starved(the_plan: Plan, cell: Cell, arm: str, stacks: str | None = None) -> Starved:
    return Starved(
        arm=arm,
        users=cell.users,
        pool=cell.pool.size,
        threads=the_plan.thread_tokens,
        answered=0.0 if stacks else 100.0,
        stacks=stacks,
    )


def nobody_stops(the_plan: Plan, supervisor: object, logs: Path, record: Any, watch: object) -> None:
    record(starved(the_plan, the_plan.cells[0], the_plan.arm_names[0]))


class Engine:
    """Measures every part from known rates; stops with an error once so many parts are done."""

    def __init__(self, rates: Rates = known, *, scatter: float = 0.005, most: int = 100) -> None:
        self.rates = rates
        self.scatter = scatter
        self.most = most
        self.measured: list[str] = []

    def comb(self, *given: Any, **more: Any) -> Comb:
        return runs.comb(*given, **more)

    def __call__(self, job: Job, directory: RunDirectory, resumed: StoredRun | None = None) -> None:
        if resumed is None:
            directory.write_text("plan.toml", runs.render(job.plan))
            directory.write_text("environment.json", runs.ENVIRONMENT.model_dump_json())
        if len(self.measured) >= self.most:
            raise KeyboardInterrupt
        self.measured.append(job.plan.name)
        number = 0
        for trial in range(job.plan.profile.trials):
            strays = 1 + self.scatter * (-1) ** trial
            for cell in job.plan.cells:
                number += 1
                rates = {arm: rate for arm, rate in self.rates(cell).items() if rate}
                if len(rates) < 3 and trial == 0:
                    gone = next(arm for arm in self.rates(cell) if arm not in rates)
                    directory.append(
                        Collapse(
                            trial=0,
                            cell=cell.key,
                            arm=gone,
                            state="collapsed",
                            started=1.0,
                            reason="it hangs",
                        )
                    )
                rates["async"] *= strays
                directory.append(
                    self.comb(trial, number, cell, 10.0 * number, arms=tuple(rates), rates_rps=rates)
                )
            directory.append(Trial(number=trial, started=60.0 * trial, seconds=50.0, setup_seconds=5.0))
        directory.append(End(status="complete", seconds=1.0))


def drawn(out: Path, engine: Engine, starving: Starve = nobody_stops) -> Path:
    the_plan = plan()
    directory = RunDirectory.create(out, "map", now=NOW, purpose="map")
    command = ("gainbench", "map")
    draw_map(
        Wanted(question(the_plan), the_plan, 900.0, command, lambda progress: None, engine, starving),
        directory,
    )
    return directory.path


def read(path: Path) -> Results:
    return results_of(load_whole(path))


def test_the_gain_is_known_all_over_the_map_where_it_changes(tmp_path: Path) -> None:
    engine = Engine()
    found = read(drawn(tmp_path, engine))
    assert found.map is not None
    assert engine.measured[0] == "coarse"
    growing, level = found.map.pairs
    for cell in growing.cells:
        rtt = float(found.map.columns.values[cell.column])
        if cell.state == "measured":
            assert cell.gain == pytest.approx(rtt, abs=0.02)
    assert all(growing.at(column, 0).state == "measured" for column in range(5))
    assert {cell.gain for cell in level.cells if cell.gain is not None and abs(cell.gain) > 0.02} == set()


def test_places_whose_neighbours_agree_are_left_out_and_this_is_told(tmp_path: Path) -> None:
    engine = Engine(lambda cell: {"blocking": 800.0, "sync": 900.0, "async": 1000.0})
    found = read(drawn(tmp_path, engine))
    assert found.map is not None
    assert engine.measured == ["coarse"]
    states = [cell.state for cell in found.map.pairs[0].cells]
    assert states.count("not measured") == 16
    assert any("16 places of 25 not measured" in note for note in found.notes)


def test_a_wide_interval_is_measured_again_and_its_trials_add_up(tmp_path: Path) -> None:
    engine = Engine(lambda cell: {"blocking": 800.0, "sync": 900.0, "async": 1000.0}, scatter=0.12)
    found = read(drawn(tmp_path, engine))
    assert found.map is not None
    assert engine.measured[1:] == ["narrow-1", "narrow-2"]
    cell = found.map.pairs[0].at(0, 0)
    assert cell.trials == 6 + 4 + 4
    assert cell.state == "unresolved"
    assert any("hatched" in note for note in found.notes)


def test_who_stops_serving_stands_beside_the_rule(tmp_path: Path) -> None:
    def loop_stops(the_plan: Plan, supervisor: object, logs: Path, record: Any, watch: object) -> None:
        for cell in the_plan.cells:
            for arm in the_plan.arm_names:
                stops = arm == "blocking" and min(cell.users, the_plan.thread_tokens) > cell.pool.size
                record(starved(the_plan, cell, arm, stacks="it waits" if stops else None))

    found = read(drawn(tmp_path, Engine(), loop_stops))
    assert found.map is not None
    by_arm = {arm: [one for one in found.map.starving if one.arm == arm] for arm in ("blocking", "sync")}
    assert all(one.stopped == one.forecast for one in by_arm["blocking"])
    assert any(one.stopped for one in by_arm["blocking"])
    assert not any(one.stopped for one in by_arm["sync"])
    assert any(one.forecast for one in by_arm["sync"])
    assert len(found.map.starving) >= 3 * 12
    assert found.map.rule_right < len(found.map.starving)
    assert [(one.arm, one.stacks) for one in maps.mechanism(found)] == [("blocking", "it waits")]


def test_a_place_where_an_arm_stopped_has_no_gain(tmp_path: Path) -> None:
    def many_stop(cell: Cell) -> dict[str, float]:
        return {**known(cell), **({"blocking": 0.0} if cell.users == 16 else {})}

    found = read(drawn(tmp_path, Engine(many_stop)))
    assert found.map is not None
    stopped = [cell for cell in found.map.pairs[0].cells if cell.state == "collapsed"]
    assert {cell.row for cell in stopped} == {4}
    assert {cell.baseline_regime for cell in stopped} == {"collapsed"}
    assert all(cell.gain is None for cell in stopped)


def test_an_interrupted_map_goes_on_with_the_part_that_it_was_in(tmp_path: Path) -> None:
    first = Engine(most=1)
    with pytest.raises(KeyboardInterrupt):
        drawn(tmp_path, first)
    path = next(path for path in tmp_path.iterdir() if path.name.endswith("-map"))
    assert read(path).run.status == "interrupted"
    the_plan, second = plan(), Engine()
    wanted = Wanted(question(the_plan), the_plan, 900.0, (), lambda progress: None, second, nobody_stops)
    draw_map(wanted, RunDirectory.reopen(path), load_whole(path))
    assert first.measured == ["coarse"]
    assert second.measured[0] == "fine-1"
    assert "coarse" not in second.measured
    whole = read(drawn(tmp_path / "whole", Engine()))
    assert read(path).run.status == "valid"
    assert whole.map is not None
    assert read(path).map == whole.map


def test_the_time_that_is_left_decides_how_many_places_are_measured(tmp_path: Path) -> None:
    the_plan, engine = plan(), Engine()
    directory = RunDirectory.create(tmp_path, "map", now=NOW, purpose="map")
    wanted = Wanted(question(the_plan), the_plan, 30.0, (), lambda progress: None, engine, nobody_stops)
    draw_map(wanted, directory)
    assert not [name for name in engine.measured if name.startswith("fine")]


def test_a_place_whose_measurement_is_broken_has_no_figure_and_names_the_rule(tmp_path: Path) -> None:
    class Failing(Engine):
        def comb(self, *given: Any, **more: Any) -> Comb:
            whole = runs.comb(*given, **more)
            far = given[2].rtt_ms == 1.0
            return runs.changed(whole, "sync", load={"failures": {"HTTP 500": 300}}) if far else whole

    found = read(drawn(tmp_path, Failing()))
    assert found.map is not None
    broken = [cell for cell in found.map.pairs[0].cells if cell.state == "invalid"]
    assert {cell.column for cell in broken} == {4}
    assert all(cell.gain is None and cell.broken is not None for cell in broken)
    assert {cell.baseline_regime for cell in broken} == {"unknown"}
    assert not any(cell.broken for cell in found.map.pairs[0].cells if cell.column < 4)


def test_a_map_that_measured_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        drawn(tmp_path, Engine(most=0))
    path = next(path for path in tmp_path.iterdir() if path.name.endswith("-map"))
    with pytest.raises(ConfigurationError, match="before it had measured anything"):
        read(path)


def test_the_page_has_a_tile_for_each_place_and_says_what_it_shows(tmp_path: Path) -> None:
    path = drawn(tmp_path, Engine())
    write_map(path, read(path))
    page = (path / "report.html").read_text()
    assert "Where the gain of async over blocking and async over sync begins" in page
    assert page.count('role="img"') == 4  # two comparisons, wide and narrow
    assert "the rule was right in" in page
    assert "| rtt |" in (path / "summary.md").read_text()
