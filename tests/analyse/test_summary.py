"""From a stored run to its figures, on synthetic runs whose numbers are known."""

import json
from pathlib import Path
from typing import Any

import pytest

from gainbench.analyse.summary import summarise
from gainbench.load.cycles import BINS
from gainbench.plan.condition import Pool
from gainbench.plan.model import Cell, Control, Plan
from gainbench.store import load_run
from gainbench.store.records import Collapse, Comb, End, Line, Trial
from gainbench.store.results import Results
from tests import runs


def results_of(folder: Path, plan: Plan | None = None, record: list[Line] | None = None) -> Results:
    return summarise(load_run(runs.store(folder, plan, record=record)))


def changed(record: list[Line], arm: str, **parts: Any) -> list[Line]:
    """The same record with other readings of an arm in every counted comb."""
    return runs.combs_changed(record, lambda comb: runs.changed(comb, arm, **parts))


def test_the_headline_is_the_geometric_mean_of_the_trials_ratios(tmp_path: Path) -> None:
    headline = results_of(tmp_path).headline
    assert headline is not None
    # Three trials at 1400, 1414 and 1386 requests/s over 1000.
    assert headline.gain == pytest.approx((1.400 * 1.414 * 1.386) ** (1 / 3) - 1)
    assert headline.trial_gains == pytest.approx((0.400, 0.414, 0.386))
    assert (headline.trials, headline.blocks) == (3, 3)


def test_an_arms_rate_is_of_its_windows_and_its_costs_are_of_all_its_requests(tmp_path: Path) -> None:
    cell = results_of(tmp_path).headline_cell
    assert cell is not None
    blocking = cell.arms["blocking"]
    assert blocking.requests == 3 * 2 * 600  # guards included, where requests cost as much as in windows
    assert blocking.throughput_rps == pytest.approx(1000)
    assert blocking.cpu_ms_per_request == pytest.approx(0.72)
    assert blocking.trips_per_request == pytest.approx(2)
    assert blocking.bytes_per_request == pytest.approx(1000)
    assert blocking.switches_per_request == pytest.approx(3)
    assert blocking.requests_per_cpu_second == pytest.approx(1000 / 0.72)
    assert blocking.turnaround_ms == pytest.approx(0.05)


def test_statements_that_were_not_held_equal_are_told_and_no_work_is_expected_to_be_alike(
    tmp_path: Path,
) -> None:
    plan = runs.plan()
    gate, *others = runs.lines(plan)
    sent = {"blocking": {"select": 3, "rollback": 3}, "async": {"select": 3}, "sync": {}}
    shown = gate.model_copy(update={"statements": sent, "statements_held": False})

    held, told = (
        results_of(tmp_path / name, plan, [first, *others])
        for name, first in (("held", gate), ("told", shown))
    )

    assert [
        [each.rule for each in cell.validity if each.rule.startswith("work of the arms")]
        for cell in (held.headline_cell, told.headline_cell)
        if cell is not None
    ] == [["work of the arms differs by"], []]
    said = (
        "statements were not held equal; in 40 sequences of requests before timing the arms sent:"
        " blocking 3 rollback, 3 select; async 3 select; sync none"
    )
    assert said in told.notes
    assert said not in held.notes


def test_a_cell_says_how_its_turns_went(tmp_path: Path) -> None:
    cell = results_of(tmp_path).headline_cell
    assert cell is not None
    assert cell.turns is not None
    assert cell.turns.guard_ms == pytest.approx(100)
    assert cell.turns.window_ms == pytest.approx(500)
    assert cell.turns.drain_ms == pytest.approx(20)
    assert cell.turns.turns_per_comb == 6
    # In A B C C B A, the first waits for four turns of 0.62 s.
    assert cell.turns.arms_idle_ms == pytest.approx(4 * 620)
    assert cell.settling["async"] == pytest.approx([1.0] * BINS)


def test_the_round_trip_said_to_be_measured_is_what_the_arms_got_under_load(tmp_path: Path) -> None:
    """`sync`'s chunks are 0.02 ms late in each direction, the others' 0.005: 0.14 ms against 0.11."""
    plan = runs.plan()
    late = {"late_seconds": 4 * 1560 * 0.02 / 1000}
    cell = results_of(tmp_path, plan, changed(runs.lines(plan), "sync", traffic=late)).headline_cell
    assert cell is not None
    assert cell.rtt_measured_ms.p50 == pytest.approx((0.11 + 0.14 + 0.11) / 3)
    assert cell.rtt_measured_ms.p99 == pytest.approx(0.14)


def test_arms_that_had_no_comb_together_are_compared_by_way_of_a_third(tmp_path: Path) -> None:
    """1300 over 1000 and 1000 over 1400, in combs of which one ran on a machine twice as fast."""
    plan = runs.plan(arms=("sync", "blocking", "async"), claim=False)
    where = plan.headline_cell
    first = {"sync": 1300.0, "blocking": 1000.0}
    second = {"blocking": 2000.0, "async": 2800.0}
    record: list[Line] = [
        *(
            runs.comb(trial, 2 * trial + at, where, 60.0 * trial + at, arms=tuple(rates), rates_rps=rates)
            for trial in range(2)
            for at, rates in enumerate((first, second))
        ),
        End(status="complete", seconds=120.0),
    ]
    headline = results_of(tmp_path, plan, record).headline
    assert headline is not None
    assert (headline.baseline, headline.candidate) == ("sync", "async")
    assert headline.gain == pytest.approx(1400 / 1300 - 1)
    assert (headline.trials, headline.blocks) == (2, 0)


def test_the_gain_is_told_as_it_would_be_without_the_generators_own_time(tmp_path: Path) -> None:
    """Four users: cycles of 4 and 2.857 ms, of which 0.05 and 0.15 ms are the generator's: 3.95 and 2.707."""
    plan = runs.plan(trials=1)
    slow = {"turnaround_seconds": 1680 * 0.15 / 1000}
    headline = results_of(tmp_path, plan, changed(runs.lines(plan), "async", load=slow)).headline
    assert headline is not None
    assert headline.gain == pytest.approx(0.4)
    assert headline.gain_without_turnaround == pytest.approx(3.95 / (4 / 1.4 - 0.15) - 1)
    unknown = changed(runs.lines(plan), "async", load={"turnarounds": 0, "turnaround_seconds": 0.0})
    blind = results_of(tmp_path / "blind", plan, unknown).headline
    assert blind is not None
    assert blind.gain_without_turnaround is None


def test_the_statements_named_off_the_loop_are_no_part_of_the_loops_wait(tmp_path: Path) -> None:
    cell = results_of(tmp_path).headline_cell
    assert cell is not None
    blocking = cell.arms["blocking"]
    assert blocking.loop_wait_ms_per_request == pytest.approx(0.18 + 0.1)
    assert blocking.wait_ms_per_request == pytest.approx(0.18 + 0.1 + 0.08 + 0.1)
    assert cell.arms["async"].loop_wait_ms_per_request is None


@pytest.mark.parametrize(("said", "loop_wait_ms"), [(None, None), ((), 0.46), (("rollback",), 0.28)])
def test_any_arm_that_says_what_stops_its_loop_has_its_loops_wait(
    tmp_path: Path, said: tuple[str, ...] | None, loop_wait_ms: float | None
) -> None:
    plan = runs.plan(claim=False)
    arms = tuple(arm.model_copy(update={"off_loop": said}) for arm in plan.arms)
    cell = results_of(tmp_path, plan.model_copy(update={"arms": arms})).headline_cell
    assert cell is not None
    # A SELECT waits for 0.18 + 0.1 ms, a ROLLBACK for 0.08 + 0.1 ms.
    found = cell.arms["async"].loop_wait_ms_per_request
    assert found == (loop_wait_ms and pytest.approx(loop_wait_ms))


def test_a_claims_baseline_that_names_no_statement_off_its_loop_waits_for_all_of_them(tmp_path: Path) -> None:
    plan = runs.plan()
    arms = tuple(arm.model_copy(update={"off_loop": None}) for arm in plan.arms)
    cell = results_of(tmp_path, plan.model_copy(update={"arms": arms})).headline_cell
    assert cell is not None
    assert cell.arms["blocking"].loop_wait_ms_per_request == pytest.approx(0.46)


def test_a_run_over_a_curve_finds_the_claim_on_it(tmp_path: Path) -> None:
    claim = results_of(tmp_path, runs.curve_plan()).crossing
    assert claim is not None
    # 1400 (0.9 + rtt) / 1000 = 1.38 at an added round trip of 0.0857 ms: a wait of 0.2657 ms in 0.72 ms.
    assert claim.rtt_ms == pytest.approx(0.0857, abs=0.01)
    assert claim.wait_ratio == pytest.approx(0.369, abs=0.015)
    assert claim.band == pytest.approx((0.3 / 2.5, 0.9 / 0.8))
    assert claim.verdict == "reproduced"


def costing(plan: Plan, factor: float) -> list[Line]:
    """The plan's run on a machine where `blocking` takes this much more CPU time for a request."""

    def dearer(comb: Comb) -> Comb:
        seconds = comb.arms["blocking"].server.cpu_seconds
        return runs.changed(comb, "blocking", server={"cpu_seconds": factor * (seconds or 0.0)})

    return runs.combs_changed(runs.lines(plan), dearer)


def test_a_crossing_far_from_the_set_up_refutes_the_claim_whatever_a_request_costs_here(
    tmp_path: Path,
) -> None:
    plan = runs.curve_plan()
    claim = results_of(tmp_path, plan, costing(plan, 0.1)).crossing
    assert claim is not None
    # Ten times less CPU time: the crossing lies at a wait ratio of 3.7, the set-up where it was.
    assert claim.wait_ratio == pytest.approx(3.69, abs=0.15)
    assert claim.band == pytest.approx((0.12, 1.125))
    assert claim.verdict == "not reproduced"
    assert claim.notes == ()


def test_a_run_says_which_published_gains_it_would_have_refused(tmp_path: Path) -> None:
    claim = results_of(tmp_path, runs.curve_plan()).crossing
    assert claim is not None
    # At 1.125 a request waits for 0.81 ms, 0.63 of them added: 1400 (0.9 + 0.63) / 1000 = 2.142
    assert claim.refused_above == pytest.approx(1.142, abs=0.03)
    # Without a delay it waits for 0.18 ms in 0.72: the curve begins at 0.25, above the band's 0.12.
    assert claim.refused_below is None
    assert claim.notes == ()


def test_a_run_whose_curve_lies_past_the_start_of_the_band_refuses_gains_that_are_too_low(
    tmp_path: Path,
) -> None:
    plan = runs.curve_plan()
    claim = results_of(tmp_path, plan, costing(plan, 2.5)).crossing
    assert claim is not None
    # 0.18 ms in 1.8 ms is 0.1; at 0.12 a request waits for 0.216 ms: 1400 (0.9 + 0.036) / 1000 = 1.31
    assert claim.refused_below == pytest.approx(0.29, abs=0.03)
    # The last cell waits for 0.98 ms, 0.54: within the band.
    assert claim.refused_above is None
    assert claim.notes == (
        "to refuse gains that are too high, the curve has to reach a wait ratio of 1.12: "
        "add cells above, --rtt 0,0.1,0.2,0.4,0.8,1.6,3.2",
    )


@pytest.mark.parametrize(
    ("rtts", "note"),
    [
        ((0.1, 0.2, 0.4), "its lower bound is unknown: add cells below, --rtt 0,0.05,0.1,0.2,0.4"),
        ((0.0, 0.05), "its upper bound is unknown: add cells above, --rtt 0,0.05,0.1,0.2"),
    ],
)
def test_a_claim_that_is_not_bounded_says_which_cells_to_add(
    tmp_path: Path, rtts: tuple[float, ...], note: str
) -> None:
    plan = runs.plan(cells=[runs.cell(rtt, headline=rtt == rtts[0]) for rtt in rtts], trials=8)
    claim = results_of(tmp_path, plan).crossing
    assert claim is not None
    assert claim.verdict == "unresolved"
    assert note in claim.notes


def test_the_gain_is_given_where_the_wait_ratio_is_that_of_any_machine(tmp_path: Path) -> None:
    results = results_of(tmp_path, runs.curve_plan())
    half, one = results.curves[0].gain_at
    # At 0.5 a request waits for 0.36 ms, 0.18 of them added: 1400 (0.9 + 0.18) / 1000 = 1.512
    assert (half.wait_ratio, half.gain) == (0.5, pytest.approx(0.512, abs=0.03))
    assert half.low is not None
    assert half.high is not None
    assert half.low < 0.512 < half.high
    # At 1.0 it waits for 0.72 ms, 0.54 of them added: 1400 (0.9 + 0.54) / 1000 = 2.016
    assert (one.wait_ratio, one.gain) == (1.0, pytest.approx(1.016, abs=0.04))


def test_outside_what_was_measured_the_gain_at_a_wait_ratio_is_unknown(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    assert plan.claim is not None
    claim = plan.claim.model_copy(update={"at_wait_ratios": (0.2, 2.0)})
    results = results_of(tmp_path, plan.model_copy(update={"claim": claim}))
    assert [(place.gain, place.low) for place in results.curves[0].gain_at] == [(None, None)] * 2


def test_failures_never_count_as_throughput(tmp_path: Path) -> None:
    """Half of async's cycles fail: its windows of 0.5 s hold 350 successes and 350 failures."""
    plan = runs.plan()
    halved = {
        "turns": {"successes": 350.0, "failures": 350.0},
        "load": {"failures": {"HTTP 500": 840}},
    }
    results = results_of(tmp_path, plan, changed(runs.lines(plan), "async", **halved))
    cell, headline = results.headline_cell, results.headline
    assert cell is not None
    assert headline is not None
    assert cell.arms["async"].throughput_rps == pytest.approx(700)
    assert cell.arms["async"].failures == {"HTTP 500": 3 * 840}
    assert headline.verdict == "invalid"
    assert results.run.status == "invalid"


@pytest.mark.parametrize(("failed", "cpu_ms"), [(1, 0.71), (2, None)])
def test_an_arm_that_fails_more_than_the_rule_allows_does_not_look_cheap(
    tmp_path: Path, failed: int, cpu_ms: float | None
) -> None:
    """1680 requests in the one comb of the run."""
    plan = runs.plan(trials=1)
    some = {"failures": {"HTTP 500": failed}}
    cell = results_of(tmp_path, plan, changed(runs.lines(plan), "async", load=some)).headline_cell
    assert cell is not None
    figures = cell.arms["async"]
    costs = (
        figures.wait_ms_per_request,
        figures.trips_per_request,
        figures.bytes_per_request,
        figures.switches_per_request,
        figures.run_queue_ms_per_request,
        figures.requests_per_cpu_second,
        figures.turnaround_ms,
    )
    assert figures.requests == 1680
    assert figures.cpu_ms_per_request == (cpu_ms and pytest.approx(cpu_ms))
    assert figures.cpu_ms_trials == ((pytest.approx(cpu_ms),) if cpu_ms else ())
    assert [cost is None for cost in costs] == [cpu_ms is None] * len(costs)
    assert figures.throughput_rps is not None
    assert figures.memory_mib is not None


def test_dropped_combs_are_in_no_figure(tmp_path: Path) -> None:
    plan = runs.plan(trials=4)
    whole = runs.lines(plan)
    record = [
        line.model_copy(update={"dropped": "steal 9.0% > 5%"})
        if isinstance(line, Comb) and line.trial == 1
        else line
        for line in whole
    ]
    cell = results_of(tmp_path, plan, record).headline_cell
    assert cell is not None
    assert (cell.combs_measured, cell.combs_dropped) == (4, 1)
    assert cell.comparisons[0].trials == 3


def test_a_collapsed_arm_has_no_gain_and_the_run_is_still_valid(tmp_path: Path) -> None:
    plan = runs.plan()
    collapse = Collapse(
        trial=0,
        cell=plan.headline_cell.key,
        arm="blocking",
        state="collapsed",
        started=5.0,
        reason="4 of 4 users waited and none was served",
        stacks="Queue.get",
    )
    survivors = ("sync", "async")
    record: list[Line] = [
        collapse,
        *(runs.comb(trial, trial, plan.headline_cell, 60.0 * trial, arms=survivors) for trial in range(2)),
        End(status="complete", seconds=120.0),
    ]
    results = results_of(tmp_path, plan, record)
    cell, headline = results.headline_cell, results.headline
    assert cell is not None
    assert headline is not None
    assert (headline.verdict, headline.gain) == ("collapsed", None)
    assert cell.arms["blocking"].state == "collapsed"
    assert cell.arms["blocking"].throughput_rps is None
    between_survivors = next(c for c in cell.comparisons if c.baseline == "sync")
    assert between_survivors.gain is not None
    assert results.run.status == "valid"
    assert results.collapses[0].stacks == "Queue.get"


def test_a_run_without_its_last_line_was_interrupted(tmp_path: Path) -> None:
    plan = runs.plan()
    assert results_of(tmp_path, plan, runs.lines(plan, end=False)).run.status == "interrupted"


@pytest.mark.parametrize("kept", [[], [runs.cell(0.4).key]])
def test_a_complete_run_without_a_comb_of_its_headline_cell_is_invalid(
    tmp_path: Path, kept: list[str]
) -> None:
    plan = runs.plan(cells=(runs.cell(), runs.cell(0.4, headline=False)))
    record = [line for line in runs.lines(plan) if not isinstance(line, Comb) or line.cell in kept]
    results = results_of(tmp_path, plan, record)
    assert results.run.status == "invalid"
    assert any("nothing was measured in the headline cell" in note for note in results.notes)


def test_a_run_that_knows_nothing_of_its_pinning_is_summarised(tmp_path: Path) -> None:
    path = runs.store(tmp_path, environment=runs.ENVIRONMENT.model_copy(update={"pinning": None}))
    assert summarise(load_run(path)).run.status == "valid"


def controlled(plan: Plan, arm: str = "sync#2") -> Plan:
    return plan.model_copy(update={"control": Control(arm=arm, share=0.1)})


def with_control(plan: Plan) -> list[Line]:
    """A record in which each trial's control burnt 0.076 ms a request."""
    burnt = {"control_added_seconds": 0.076e-3}
    return [line.model_copy(update=burnt) if isinstance(line, Trial) else line for line in runs.lines(plan)]


def twins(*cells: Cell) -> Plan:
    """`sync` against itself, with `sync#2` slowed down."""
    plan = runs.plan(arms=("sync", "sync#2"), cells=cells, claim=False)
    return controlled(plan)


def test_a_control_is_held_against_the_cpu_that_was_burnt_on_top_of_the_measured(tmp_path: Path) -> None:
    plan = twins(runs.cell(0.0))
    cell = results_of(tmp_path, plan, with_control(plan)).headline_cell
    assert cell is not None
    # sync takes 0.76 ms a request; with 0.076 ms on top it serves 1 / 1.1 as many.
    assert runs.CPU_MS["sync"] == 0.76
    assert cell.comparisons[0].expected_gain == pytest.approx(1 / 1.1 - 1)
    assert any(
        note.startswith("control: the interval misses the -9.1%") for note in cell.comparisons[0].notes
    )


def test_a_control_of_several_round_trips_foretells_the_gain_where_there_is_none(tmp_path: Path) -> None:
    plan = twins(runs.cell(0.0), runs.cell(0.4, headline=False))
    cells = results_of(tmp_path, plan, with_control(plan)).cells
    assert [cell.comparisons[0].expected_gain is None for cell in cells] == [False, True]


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        pytest.param(twins(runs.cell(0.1)), "requests wait for the database", id="a round trip"),
        pytest.param(
            controlled(runs.plan(arms=("sync", "async"), cells=(runs.cell(0.0),), claim=False), "async"),
            "the arms differ in more than the control",
            id="two arms",
        ),
        pytest.param(
            twins(runs.cell(0.0), runs.cell(0.0, headline=False, users=8)),
            "known for one condition of a trial only",
            id="two conditions",
        ),
        pytest.param(
            runs.at_rate(twins(runs.cell(0.0)), 500.0),
            "an open loop serves the rate asked for",
            id="an open loop",
        ),
    ],
)
def test_a_control_that_foretells_no_gain_expects_none_and_says_why(
    tmp_path: Path, plan: Plan, why: str
) -> None:
    for cell in results_of(tmp_path, plan, with_control(plan)).cells:
        (comparison,) = cell.comparisons
        assert comparison.expected_gain is None
        (note,) = [note for note in comparison.notes if note.startswith("control: ")]
        assert note.startswith("control: no gain can be expected here")
        assert why in note


def test_a_comparison_without_the_controls_arm_has_no_word_of_it(tmp_path: Path) -> None:
    plan = controlled(runs.plan(claim=False), "sync")
    cell = results_of(tmp_path, plan, with_control(plan)).headline_cell
    assert cell is not None
    between_others = next(c for c in cell.comparisons if "sync" not in (c.baseline, c.candidate))
    assert not [note for note in between_others.notes if note.startswith("control")]


def collapse_in(plan: Plan, trial: int, at: int, arm: str) -> list[Line]:
    """The record of a run in which an arm stopped serving in one cell, in a late trial."""
    cell = plan.cells[at]
    gone = Collapse(
        trial=trial, cell=cell.key, arm=arm, state="collapsed", started=60.0 * trial, reason="no answer"
    )

    def without(line: Line) -> Line:
        if not isinstance(line, Comb) or line.cell != cell.key or line.trial < trial:
            return line
        return line.model_copy(
            update={
                "turns": tuple(turn for turn in line.turns if turn.arm != arm),
                "arms": {name: reading for name, reading in line.arms.items() if name != arm},
            }
        )

    return [gone, *map(without, runs.lines(plan))]


def places(results: Results, baseline: str) -> list[str]:
    return next(
        [point.cell for point in curve.points] for curve in results.curves if curve.baseline == baseline
    )


def test_a_cell_in_which_an_arm_collapsed_late_is_on_no_curve_of_that_arm(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    keys = [cell.key for cell in plan.cells]
    results = results_of(tmp_path, plan, collapse_in(plan, trial=3, at=4, arm="sync"))
    assert places(results, "sync") == keys[:4]
    assert places(results, "blocking") == keys
    assert results.cells[4].comparisons[0].verdict == "collapsed"


def test_a_cell_in_which_the_claims_baseline_collapsed_decides_nothing_of_the_claim(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    served = [cell for cell in plan.cells if cell != plan.cells[3]]
    without = results_of(tmp_path, plan.model_copy(update={"cells": tuple(served)}))
    results = results_of(tmp_path, plan, collapse_in(plan, trial=3, at=3, arm="blocking"))
    assert [places(results, arm) for arm in ("blocking", "sync")] == [[cell.key for cell in served]] * 2
    assert results.crossing == without.crossing


def test_the_claim_of_an_interrupted_run_is_unresolved_because_of_that(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    claim = results_of(tmp_path, plan, runs.lines(plan, end=False)).crossing
    assert claim is not None
    assert claim.verdict == "unresolved"
    assert claim.notes == ("the run was interrupted: a part of it does not decide the claim",)


def test_the_claim_of_an_invalid_run_is_unresolved_because_of_that(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    key = plan.headline_cell.key
    record = [
        line.model_copy(update={"dropped": "steal 9.0% > 5%"})
        if isinstance(line, Comb) and line.cell == key and line.trial > 3
        else line
        for line in runs.lines(plan)
    ]
    claim = results_of(tmp_path, plan, record).crossing
    assert claim is not None
    assert claim.verdict == "unresolved"
    assert claim.notes == ("the run is invalid, so that nothing can be said of the claim",)


def test_a_run_with_a_wish_for_precision_has_one_interval_for_each_gain(tmp_path: Path) -> None:
    plan = runs.curve_plan(trials=3)
    wished = plan.profile.model_copy(update={"precision": 0.02})
    record = runs.lines(plan.model_copy(update={"profile": plan.profile.model_copy(update={"trials": 8})}))
    results = results_of(tmp_path, plan.model_copy(update={"profile": wished}), record)
    (curve,) = [curve for curve in results.curves if curve.baseline == "blocking"]
    compared = [
        next(c for c in cell.comparisons if (c.baseline, c.candidate) == ("blocking", "async"))
        for cell in results.cells
    ]
    assert [one.trials for one in compared] == [8] * 5
    assert [(point.low, point.high) for point in curve.points] == [(one.low, one.high) for one in compared]
    plain = results_of(tmp_path, runs.curve_plan(), record)
    assert plain.curves[0].points[0].low != curve.points[0].low


def test_a_cell_that_breaks_a_rule_is_left_off_the_curve(tmp_path: Path) -> None:
    plan = runs.curve_plan()
    worst = plan.cells[-1].key
    record = runs.combs_changed(
        runs.lines(plan),
        lambda comb: (
            runs.changed(comb, "sync", load={"covered_seconds": 3.0}) if comb.cell == worst else comb
        ),
    )
    results = results_of(tmp_path, plan, record)
    assert results.run.status == "valid"
    assert [point.cell for point in results.curves[0].points] == [cell.key for cell in plan.cells[:-1]]
    assert all(c.verdict == "invalid" for c in results.cells[-1].comparisons)


def test_what_an_arm_does_alone_in_a_sitting_stays_out_of_the_figures_of_the_arms_in_turn(
    tmp_path: Path,
) -> None:
    sitting = runs.plan().model_copy(update={"name": "ui"})
    in_turn = runs.lines(sitting, end=False)
    alone = [runs.comb(8, 90, runs.cell(), 900.0, arms=("async",))]
    end = runs.lines(sitting)[-1:]
    both = results_of(tmp_path / "both", sitting, [*in_turn, *alone, *end])
    assert both.cells == results_of(tmp_path / "turns", sitting, [*in_turn, *end]).cells
    assert any("1 of the combs" in note for note in both.notes)
    only = results_of(tmp_path / "alone", sitting, [*alone, *end])
    assert only.cells[0].arms["async"].throughput_rps is not None


def test_a_cell_s_condition_stands_flat_among_its_figures_and_is_read_back(tmp_path: Path) -> None:
    where = runs.cell(0.1).changed({"pool": Pool(size=5, overflow=10), "rate_rps": 150.0})
    results = results_of(tmp_path, runs.plan(cells=(where,), claim=False))
    written = results.model_dump_json()
    (figures,) = json.loads(written)["cells"]
    asked = ("scenario", "users", "rtt_ms", "pool", "overflow", "workers", "rate_rps", "headline")
    assert [figures[key] for key in asked] == ["read-list", 4, 0.1, 5, 10, 1, 150.0, True]
    assert "condition" not in figures
    assert Results.model_validate_json(written) == results
