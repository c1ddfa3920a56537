from pathlib import Path
from typing import Any

import pytest

from gainbench.report import tables, words
from gainbench.report.advice import advice
from gainbench.store.results import GainAt, Quantiles, Results, RuleFigures
from tests.report import cases
from tests.report.cases import Case
from tests.runs import plan


def with_verdicts(results: Results, **verdicts_and_gains: tuple[str, float]) -> Results:
    """The results with another verdict and gain at the headline: candidate_over_baseline=(verdict, gain)."""
    cell = results.headline_cell
    assert cell is not None
    changed = tuple(
        found.model_copy(update=dict(zip(("verdict", "gain"), said, strict=True)))
        if (said := verdicts_and_gains.get(f"{found.candidate}_over_{found.baseline}"))
        else found
        for found in cell.comparisons
    )
    cells = tuple(
        one.model_copy(update={"comparisons": changed}) if one.headline else one for one in results.cells
    )
    return results.model_copy(update={"cells": cells})


def test_a_blocked_loop_is_told_how_much_of_the_gain_comes_without_async(full: Case) -> None:
    assert advice(full.results) == (
        "Blocked event loop: blocking stands still while it waits for the database. Declare these handlers "
        "`def` (arm sync) and get 30 of the 40 points without async. Going on to async adds +7.7 % to that."
    )


def with_twins(results: Results, **twin_of: str | None) -> Results:
    """The results of a plan that says something else of whose twin these arms are."""
    changed = {
        name: arm.model_copy(update={"twin_of": twin_of[name]}) if name in twin_of else arm
        for name, arm in results.arms.items()
    }
    return results.model_copy(update={"arms": changed})


@pytest.mark.parametrize("twin_of", [None, "async"])
def test_an_arm_that_the_plan_does_not_call_its_twin_in_threads_is_not_said_to_be(
    full: Case, twin_of: str | None
) -> None:
    assert advice(with_twins(full.results, sync=twin_of)) == (
        "Blocked event loop: blocking stands still while it waits for the database. Switch to arm sync and "
        "get 30 of the 40 points. Going on to async adds +7.7 % to that."
    )


def test_an_arm_of_another_kind_that_gains_nothing_is_not_spoken_of(full: Case) -> None:
    other = with_twins(full.results, sync=None)
    said = advice(with_verdicts(other, sync_over_blocking=("slower", -0.1)))
    assert said.startswith("Under this condition async serves 40.0 % more requests")


def test_the_twin_is_preferred_to_any_other_arm_in_between(tmp_path: Path) -> None:
    arms = ("blocking", "aiomysql", "sync", "async")
    case = cases.stored(tmp_path, plan(arms=arms))
    said = with_verdicts(case.results, aiomysql_over_blocking=("faster", 0.35))
    assert "Declare these handlers `def` (arm sync)" in advice(said)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (("slower", -0.05), "Going on to async costs: −5.0 %."),
        (("no difference", 0.01), "Going on to async adds nothing to that."),
        (("unresolved", 0.05), "What async adds to that stays open"),
    ],
)
def test_what_async_adds_to_threads_follows_the_verdict(
    full: Case, verdict: tuple[str, float], said: str
) -> None:
    assert said in advice(with_verdicts(full.results, async_over_sync=verdict))


def test_threads_that_gain_as_much_as_async_are_not_said_to_give_a_part(full: Case) -> None:
    said = advice(with_verdicts(full.results, sync_over_blocking=("faster", 0.45)))
    assert "get all of the gain, +45.0 %, without async" in said


def test_threads_that_gain_nothing_are_no_step(full: Case) -> None:
    said = advice(with_verdicts(full.results, sync_over_blocking=("slower", -0.1)))
    assert said.startswith("sync is no step towards it here: −10.0 %")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (("slower", -0.1), "stay with blocking"),
        (("no difference", 0.0), "Do not move to async for throughput"),
        (
            ("unresolved", 0.02),
            "Measured too briefly to tell. The smallest gain it could have seen is 1.2 %.",
        ),
    ],
)
def test_without_a_gain_nobody_is_sent_to_async(full: Case, verdict: tuple[str, float], said: str) -> None:
    assert said in advice(with_verdicts(full.results, async_over_blocking=verdict))


def test_an_arm_that_left_no_stacks_has_its_log_to_say_why(tmp_path: Path) -> None:
    crashed = cases.collapsed(tmp_path, reason="its server process ended with status 3", stacks="")
    assert "Its log, in the run directory, says why" in advice(crashed.results)


def test_an_arm_whose_process_ended_is_not_cured_by_a_larger_pool(tmp_path: Path) -> None:
    killed = cases.collapsed(tmp_path, reason="its server process was ended by SIGKILL", exit_status=-9)
    said = advice(killed.results)
    assert said.startswith("blocking ended while it was measured. sync and async went on serving.")
    assert "log" in said
    assert "pool" not in said


def test_a_collapse_is_the_advice_and_gives_no_figure(tmp_path: Path) -> None:
    results = cases.collapsed(tmp_path).results
    answer = words.answer(results)
    assert answer is not None
    assert answer.figure == "collapsed"
    assert advice(results).startswith(
        "blocking stopped serving 4 users with a pool of 40. sync and async went on serving."
    )
    assert words.certainty(results) is None


def test_an_invalid_run_shows_the_rule_instead_of_the_figure(tmp_path: Path) -> None:
    results = cases.invalid(tmp_path).results
    answer = words.answer(results)
    assert answer is not None
    assert answer.figure == "invalid"
    assert results.headline is not None
    assert words.line(results.headline) == "the measurement broke a rule and gives no figure"
    ((heading, text),) = words.banners(results)
    assert heading == "Invalid"
    assert "errors: 0.3 % of the requests, limit 0.1 %" in text
    assert "look at the failures and at the log of the arm that answered so" in advice(results)


def test_an_interrupted_run_whose_headline_broke_a_rule_says_both(tmp_path: Path) -> None:
    results = cases.invalid(tmp_path).results
    cut_off = results.model_copy(update={"run": results.run.model_copy(update={"status": "interrupted"})})
    assert [heading for heading, _ in words.banners(cut_off)] == ["Interrupted", "Invalid"]


def test_an_interrupted_run_says_so_before_any_figure(tmp_path: Path) -> None:
    ((heading, text),) = words.banners(cases.interrupted(tmp_path).results)
    assert heading == "Interrupted"
    assert text.startswith("The run ended early, after 2 min 38 s.")


def test_an_arm_alone_is_not_compared_with_anything(tmp_path: Path) -> None:
    results = cases.one_arm(tmp_path).results
    assert words.answer(results) is None
    assert advice(results) == "Nothing was compared: name two arms to see a gain."


def test_a_null_run_says_whether_its_interval_contains_zero(tmp_path: Path) -> None:
    results = cases.null(tmp_path).results
    assert "The harness sees nothing where there is nothing" in advice(results)
    cell = results.headline_cell
    assert cell is not None
    missed = cell.comparisons[0].model_copy(update={"low": 0.01, "high": 0.02})
    cells = (cell.model_copy(update={"comparisons": (missed,)}),)
    assert "The interval misses 0" in advice(results.model_copy(update={"cells": cells}))


def test_only_the_headline_claims_its_confidence(full: Case) -> None:
    cell = full.results.headline_cell
    assert cell is not None
    said = {words.pair(found): words.interval(found) for found in cell.comparisons}
    assert said["async over blocking"].startswith("95 % interval")
    assert said["async over sync"].startswith("single 95 % interval")


def claimed(full: Case, **changes: Any) -> str:
    assert full.results.claim is not None
    return words.claim(full.results.claim.model_copy(update=changes))


def test_a_claim_is_placed_in_wait_ratio_and_in_the_milliseconds_of_this_machine(full: Case) -> None:
    assert claimed(full) == (
        "Reproduced: the published +38 % of async over blocking lies at a wait ratio of 0.37 (0.36 to 0.38), "
        "which here takes 0.086 ms added to each round trip (0.078 to 0.094 ms; for waits under load "
        "see the cost table). "
        "That overlaps the band of 0.12 to 1.12 in which the published set-up must have been."
    )


def test_the_milliseconds_are_said_to_be_added_and_not_to_be_a_whole_round_trip(full: Case) -> None:
    answer = words.answer(full.results)
    assert answer is not None
    assert (
        "0.1 ms asked and 0.11 ms measured under load to be added to each database round trip"
        in answer.measured
    )
    assert (
        "What a statement waits in all, the database's work included, is in the report's cost table."
        in answer.measured
    )
    cell = full.results.cells[0]
    assert "no delay asked and 0.010 ms measured" in words.measured(full.results, cell)
    unknown = cell.model_copy(update={"rtt_measured_ms": Quantiles(p50=None, p99=None)})
    assert "no delay asked to be added" in words.measured(full.results, unknown)


def test_the_cost_table_has_what_a_statement_waits_under_load(full: Case) -> None:
    (cell,) = [cell for cell in full.results.cells if cell.headline]
    found = tables.costs(full.results, [cell])
    at = [column.title for column in found.columns].index("wait per round trip, ms")
    # A SELECT waits for 0.18 + 0.1 ms, a ROLLBACK for 0.08 + 0.1 ms.
    assert [row[at].value for row in found.rows] == pytest.approx([0.23, 0.23, 0.23])


def test_the_cost_table_shows_the_generators_own_time_beside_the_cycle(full: Case) -> None:
    """Four users at 1000 requests/s have cycles of 4 ms, of which the generator takes 0.05."""
    (cell,) = [cell for cell in full.results.cells if cell.headline]
    found = tables.costs(full.results, [cell])
    at = [column.title for column in found.columns].index("cycle / turnaround, ms")
    shown = {row[0].text: row[at].text for row in found.rows}
    assert shown["blocking"] == "4.00 / 0.050"
    assert shown["sync"] == "3.08 / 0.050"
    scheduled = cell.model_copy(update={"condition": cell.condition.changed({"rate_rps": 1000.0})})
    assert {row[at].text for row in tables.costs(full.results, [scheduled]).rows} == {"n/a"}


def test_the_cost_table_has_what_the_rule_on_equal_work_tells_to_compare(full: Case) -> None:
    (cell,) = [cell for cell in full.results.cells if cell.headline]
    found = tables.costs(full.results, [cell])
    titles = [column.title for column in found.columns]
    assert [row[titles.index("round trips")].value for row in found.rows] == pytest.approx([2.0] * 3)
    assert [row[titles.index("bytes")].value for row in found.rows] == pytest.approx([1000.0] * 3)


def test_a_long_turnaround_is_said_with_its_size_and_what_it_does_to_the_gain(tmp_path: Path) -> None:
    """Cycles of 2.857 ms hold 0.15 ms. Without it, and blocking's 0.05 of 4 ms: 3.95 / 2.707 = 1.459."""
    results = cases.slow_generator(tmp_path).results
    assert results.run.status == "valid"
    assert words.turnaround(results) == (
        "the generator's own time is 5.2 % of async's cycle: without it the gain of async over blocking "
        "would lie between +40.0 %, as measured, and +45.9 %"
    )
    assert words.turnaround(results) in words.notes(results)


def with_headline(results: Results, **changes: Any) -> Results:
    cell, headline = results.headline_cell, results.headline
    assert cell is not None
    compared = tuple(one.model_copy(update=changes) if one == headline else one for one in cell.comparisons)
    return results.model_copy(update={"cells": (cell.model_copy(update={"comparisons": compared}),)})


def test_a_turnaround_that_flatters_the_candidate_is_said_to(tmp_path: Path) -> None:
    """Where the baseline's cycle holds more of it, the gain would be smaller without."""
    results = with_headline(cases.slow_generator(tmp_path).results, gain=0.15, gain_without_turnaround=0.142)
    assert str(words.turnaround(results)).endswith("would lie between +14.2 % and +15.0 %, as measured")


def test_a_turnaround_seen_for_one_arm_only_leaves_its_effect_unknown(tmp_path: Path) -> None:
    results = with_headline(cases.slow_generator(tmp_path).results, gain_without_turnaround=None)
    assert str(words.turnaround(results)).endswith("is unknown, as it was not seen for both arms")


def test_where_the_turnaround_is_short_or_no_gain_is_shown_nothing_is_said_of_it(
    full: Case, tmp_path: Path
) -> None:
    assert words.turnaround(full.results) is None
    broken = with_headline(cases.slow_generator(tmp_path).results, verdict="invalid")
    assert words.turnaround(broken) is None


def test_a_limit_from_below_is_said_to_be_one() -> None:
    few = RuleFigures(
        rule="requests of an arm", ok=False, value=12, limit=20, unit="", meaning="", cure="", at_least=True
    )
    assert words.rule_limit(few) == "at least 20.0"


def test_repeatability_is_said_to_be_the_standard_deviation_of_one_turn(full: Case) -> None:
    cell = full.results.headline_cell
    assert cell is not None
    scattered = cell.model_copy(update={"repeatability": {"sync": 0.134, "async": 0.1, "blocking": None}})
    results = full.results.model_copy(update={"cells": (scattered,)})
    said = words.certainty(results)
    assert said is not None
    assert "one turn scatters by ±13.4 % (standard deviation)" in said
    column = tables.repeatability(results, [scattered])
    assert [row[1].text for row in column.rows] == ["±13.4 %", "±10.0 %", "n/a"]


def test_a_claim_that_the_curve_never_crosses_has_no_place(full: Case) -> None:
    said = claimed(full, verdict="not reproduced", wait_ratio=None, notes=("the gain stays below",))
    assert said == (
        "Not reproduced: the published +38 % of async over blocking was not found on the curve: "
        "the gain stays below."
    )
    assert full.results.claim is not None
    assert words.claim_meaning(full.results.claim.model_copy(update={"wait_ratio": None})) is None


def test_a_claim_outside_its_band_is_not_reproduced(full: Case) -> None:
    said = claimed(full, verdict="not reproduced", band=(0.5, 0.6))
    assert "That lies outside the band of 0.50 to 0.60" in said


def test_an_undecided_claim_says_what_is_missing(full: Case) -> None:
    said = claimed(full, verdict="unresolved", low=None, notes=("add cells below, --rtt 0,0.05",))
    assert said.endswith("must have been; add cells below, --rtt 0,0.05.")


def test_the_band_can_be_worked_out_by_hand(full: Case) -> None:
    assert full.results.claim is not None
    assert words.band(full.results.claim) == (
        "The band of 0.12 to 1.12: 1 trip that stops the event loop, 0.20 to 0.60 ms of round trip and "
        "0.10 to 0.30 ms in the database for each, over 0.80 to 2.50 ms of CPU time for a request. "
        "Nothing measured here is in it."
    )


@pytest.mark.parametrize(
    ("below", "above", "said"),
    [
        (0.14, 0.7, "A published gain below +14.0 % or above +70.0 % would not have held here."),
        (
            None,
            0.7,
            "A published gain above +70.0 % would not have held here; none is too low, since the curve "
            "begins within the band.",
        ),
        (
            0.14,
            None,
            "A published gain below +14.0 % would not have held here; none is too high, since the curve "
            "ends within the band.",
        ),
        (None, None, None),
    ],
)
def test_the_gains_that_would_have_been_refused_are_said(
    full: Case, below: float | None, above: float | None, said: str | None
) -> None:
    assert full.results.claim is not None
    limits = {"refused_below": below, "refused_above": above}
    assert words.refused(full.results.claim.model_copy(update=limits)) == said


def test_the_gain_at_a_wait_ratio_is_said_with_its_interval_or_as_not_measured(full: Case) -> None:
    places = (
        GainAt(wait_ratio=0.5, gain=0.5, low=0.4, high=0.6),
        GainAt(wait_ratio=1.0, gain=None, low=None, high=None),
    )
    curve = full.results.curves[0].model_copy(update={"gain_at": places})
    assert words.gain_at(curve) == (
        "async over blocking at a wait ratio of 0.5: +50.0 % (95 % interval +40.0 % to +60.0 %); "
        "1: not measured."
    )
    assert words.gain_at(curve.model_copy(update={"gain_at": ()})) is None


def test_the_claims_own_curve_comes_first(full: Case) -> None:
    curves = full.results.curves[::-1]
    said = words.gains_at(full.results.model_copy(update={"curves": curves}))
    assert [line.partition(" at ")[0] for line in said] == ["async over blocking", "async over sync"]


def test_cells_are_told_apart_by_what_differs_between_them(full: Case) -> None:
    assert list(words.distinctions(full.results.cells).values()) == [
        "no delay added",
        "0.1 ms added",
        "0.2 ms added",
        "0.4 ms added",
        "0.8 ms added",
    ]
    (only,) = words.distinctions(full.results.cells[:1]).values()
    assert only == "read-list, 4 users, no delay added, pool 40, 1 worker"
