from pathlib import Path
from typing import Any

import pytest

from gainbench.report import headline, limits, notes, tables, words
from gainbench.store.results import GainAt, Quantiles, Results, RuleFigures
from tests.report import cases
from tests.report.cases import Case


def test_only_the_headline_claims_its_confidence(full: Case) -> None:
    cell = full.results.headline_cell
    assert cell is not None
    said = {words.pair(found): words.interval(found) for found in cell.comparisons}
    assert said["async over blocking"].startswith("95 % interval")
    assert said["async over sync"].startswith("single 95 % interval")


def claimed(full: Case, **changes: Any) -> str:
    assert full.results.crossing is not None
    return words.crossing(full.results.crossing.model_copy(update=changes))


def test_a_claim_is_placed_in_wait_ratio_and_in_the_milliseconds_of_this_machine(full: Case) -> None:
    assert claimed(full) == (
        "Reproduced: the published +38 % of async over blocking lies at a wait ratio of 0.37 (0.36 to 0.38), "
        "which here takes 0.086 ms added to each round trip (0.078 to 0.094 ms; for waits under load "
        "see the cost table). "
        "That overlaps the band of 0.12 to 1.12 in which the published set-up must have been."
    )


def test_the_milliseconds_are_said_to_be_added_and_not_to_be_a_whole_round_trip(full: Case) -> None:
    answer = headline.answer(full.results)
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
    assert notes.turnaround(results) == (
        "the generator's own time is 5.2 % of async's cycle: without it the gain of async over blocking "
        "would lie between +40.0 %, as measured, and +45.9 %"
    )
    assert notes.turnaround(results) in notes.notes(results)


def with_headline(results: Results, **changes: Any) -> Results:
    cell, headline = results.headline_cell, results.headline
    assert cell is not None
    compared = tuple(one.model_copy(update=changes) if one == headline else one for one in cell.comparisons)
    return results.model_copy(update={"cells": (cell.model_copy(update={"comparisons": compared}),)})


def test_a_turnaround_that_flatters_the_candidate_is_said_to(tmp_path: Path) -> None:
    """Where the baseline's cycle holds more of it, the gain would be smaller without."""
    results = with_headline(cases.slow_generator(tmp_path).results, gain=0.15, gain_without_turnaround=0.142)
    assert str(notes.turnaround(results)).endswith("would lie between +14.2 % and +15.0 %, as measured")


def test_a_turnaround_seen_for_one_arm_only_leaves_its_effect_unknown(tmp_path: Path) -> None:
    results = with_headline(cases.slow_generator(tmp_path).results, gain_without_turnaround=None)
    assert str(notes.turnaround(results)).endswith("is unknown, as it was not seen for both arms")


def test_where_the_turnaround_is_short_or_no_gain_is_shown_nothing_is_said_of_it(
    full: Case, tmp_path: Path
) -> None:
    assert notes.turnaround(full.results) is None
    broken = with_headline(cases.slow_generator(tmp_path).results, verdict="invalid")
    assert notes.turnaround(broken) is None


def test_a_limit_from_below_is_said_to_be_one() -> None:
    few = RuleFigures(
        rule="requests of an arm", ok=False, value=12, limit=20, unit="", meaning="", cure="", at_least=True
    )
    assert limits.bound(few) == "at least 20.0"


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
    assert full.results.crossing is not None
    assert words.crossing_meaning(full.results.crossing.model_copy(update={"wait_ratio": None})) is None


def test_a_claim_outside_its_band_is_not_reproduced(full: Case) -> None:
    said = claimed(full, verdict="not reproduced", band=(0.5, 0.6))
    assert "That lies outside the band of 0.50 to 0.60" in said


def test_an_undecided_claim_says_what_is_missing(full: Case) -> None:
    said = claimed(full, verdict="unresolved", low=None, notes=("add cells below, --rtt 0,0.05",))
    assert said.endswith("must have been; add cells below, --rtt 0,0.05.")


def test_the_band_can_be_worked_out_by_hand(full: Case) -> None:
    assert full.results.crossing is not None
    assert words.band(full.results.crossing) == (
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
    assert full.results.crossing is not None
    limits = {"refused_below": below, "refused_above": above}
    assert words.refused(full.results.crossing.model_copy(update=limits)) == said


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
