"""What is right, wrong and refused, on figures that nobody measured."""

from typing import Any

import pytest

from gainbench.experiments.prove.judge import judge, pooled_null, tolerated
from gainbench.stats.estimate import estimate_gain
from gainbench.store.records import ProvenCase, Truth
from gainbench.store.results import (
    CellFigures,
    ComparisonFigures,
    ProofFigures,
    Quantiles,
    Results,
    RuleFigures,
    RunFacts,
)

TENTH = Truth(gain=0.10, low=0.10, high=0.10)
ZERO = Truth(gain=0.0, low=0.0, high=0.0)


def proven(**more: Any) -> ProvenCase:
    fields: dict[str, Any] = {
        "id": "one",
        "seed": 0,
        "run": "cases/one",
        "known": "something",
        "truth": TENTH,
        "is_planted": False,
        "tolerance": 0.005,
        "by_chance": False,
        "allowed": ("right",),
        "refusal": None,
        "seconds": 1.0,
    }
    return ProvenCase(**{**fields, **more})


def results(
    *log_ratios: float,
    verdict: str = "faster",
    status: str = "valid",
    expected: float | None = None,
    without_turnaround: float | None = None,
    broken: bool = False,
) -> Results:
    """A run of one comparison with these mean log ratios of its trials."""
    found = estimate_gain(log_ratios) if log_ratios else None
    comparison = ComparisonFigures.model_construct(
        baseline="baseline",
        candidate="candidate",
        gain=found.gain if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        headline=True,
        trial_gains=tuple(estimate_gain([one]).gain for one in log_ratios),
        verdict=verdict,
        expected_gain=expected,
        gain_without_turnaround=without_turnaround,
        notes=(),
    )
    rule = RuleFigures(
        rule="errors", ok=not broken, value=0.5, limit=0.001, unit="of the requests", meaning="", cure=""
    )
    cell = CellFigures.model_construct(
        headline=True,
        comparisons=(comparison,),
        validity=(rule,),
        rtt_measured_ms=Quantiles(p50=None, p99=None),
    )
    facts = RunFacts.model_construct(id="run", status=status)
    return Results.model_construct(run=facts, cells=(cell,), collapses=(), notes=())


def judged(case: ProvenCase, *log_ratios: float, **more: Any) -> ProofFigures:
    return judge(case, results(*log_ratios, **more))


def test_an_interval_that_holds_the_truth_is_right() -> None:
    # The mean is 0.1, and ln 1.1 = 0.0953 lies 0.0047 below; three trials at 0.09 to 0.11 reach +-0.025.
    found = judged(proven(tolerance=0.0), 0.09, 0.10, 0.11)
    assert (found.verdict, found.interval_held, found.is_allowed) == ("right", True, True)


def test_a_valid_figure_that_excludes_the_truth_is_wrong() -> None:
    found = judged(proven(), 0.30, 0.301, 0.299)
    assert (found.verdict, found.interval_held, found.is_allowed) == ("wrong", False, False)
    assert found.gain == pytest.approx(0.35, abs=0.001)


def test_the_generator_s_own_time_is_no_part_of_the_servers_truth() -> None:
    """Without it, the gain of about 5 % would have been 10 %, or 7 %, or less than it was."""
    close = 0.0486, 0.0488, 0.049  # ln 1.05 = 0.0488
    assert judged(proven(), *close).verdict == "wrong"
    assert judged(proven(), *close, without_turnaround=0.10).verdict == "right"
    assert judged(proven(), *close, without_turnaround=0.07).verdict == "wrong"
    assert judged(proven(), *close, without_turnaround=0.01).verdict == "wrong"


def test_an_interval_next_to_nothing_is_right_within_the_tolerance_and_wrong_beyond() -> None:
    # e^0.0993 = 1.1044 lies 0.4 % above 1.1; e^0.1013 = 1.1066 lies 0.6 % above.
    assert judged(proven(), 0.0993, 0.0993, 0.0993).verdict == "right"
    assert judged(proven(), 0.1013, 0.1013, 0.1013).verdict == "wrong"


def test_a_tolerance_is_of_the_ratio_and_the_same_factor_both_ways() -> None:
    low, high = tolerated(Truth(gain=1.0, low=1.0, high=1.0), 0.01)
    assert low == pytest.approx(2 / 1.01 - 1)
    assert high == pytest.approx(2 * 1.01 - 1)


def test_a_truth_that_is_a_range_is_met_anywhere_in_it() -> None:
    wide = Truth(gain=0.20, low=0.10, high=0.20)
    assert judged(proven(truth=wide), 0.14, 0.14, 0.14).verdict == "right"
    assert judged(proven(truth=wide), 0.07, 0.07, 0.07).verdict == "wrong"
    assert judged(proven(truth=wide), 0.20, 0.20, 0.20).verdict == "wrong"


def test_what_scatters_by_chance_is_wrong_only_where_the_wider_interval_misses_too() -> None:
    # Five trials at 0.02 +- 0.01: the 95 % interval is 0.02 +- 0.0139, the 99.9 % one 0.02 +- 0.043.
    trials = (0.008, 0.032, 0.015, 0.025, 0.020)
    by_chance = judged(proven(truth=ZERO, tolerance=0.0, by_chance=True), *trials)
    assert (by_chance.verdict, by_chance.interval_held) == ("right", False)
    assert "as one in twenty does" in by_chance.note
    assert judged(proven(truth=ZERO, tolerance=0.0), *trials).verdict == "wrong"
    surely = judged(proven(truth=ZERO, tolerance=0.0, by_chance=True), 0.200, 0.201, 0.199, 0.200, 0.2)
    assert surely.verdict == "wrong"


def test_a_figure_where_none_can_be_right_is_wrong() -> None:
    found = judged(proven(truth=None, allowed=("refused",)), 0.1, 0.1, 0.1)
    assert (found.verdict, found.is_allowed) == ("wrong", False)


@pytest.mark.parametrize(
    ("seen", "note"),
    [
        ({"verdict": "invalid", "status": "invalid", "broken": True}, "errors 50.0 %, limit 0.1 %"),
        ({"verdict": "collapsed"}, "an arm stopped serving"),
        ({"status": "interrupted"}, "interrupted"),
    ],
)
def test_a_figure_that_is_not_called_valid_is_a_refusal(seen: dict[str, Any], note: str) -> None:
    found = judged(proven(), 0.30, 0.30, 0.30, **seen)
    assert (found.verdict, found.note, found.gain, found.is_allowed) == ("refused", note, None, False)
    assert judged(proven(allowed=("right", "refused")), 0.30, 0.30, 0.30, **seen).is_allowed


def test_a_single_trial_has_no_interval_and_so_no_word_on_the_truth() -> None:
    assert judged(proven(), 0.0953).verdict == "refused"


def test_a_run_that_ended_with_a_message_is_a_refusal_with_its_first_line() -> None:
    found = judge(proven(refusal="the arms are not alike\n  GET /"), None)
    assert (found.verdict, found.note) == ("refused", "the arms are not alike")


def test_the_truth_of_a_planted_share_is_what_the_run_itself_counted() -> None:
    planted = proven(truth=None, is_planted=True)
    assert judged(planted, -0.1, -0.1, -0.1, expected=-0.095).verdict == "right"
    assert judged(planted, -0.1, -0.1, -0.1, expected=-0.05).verdict == "wrong"
    assert judged(planted, -0.1, -0.1, -0.1, expected=None).verdict == "refused"


def test_all_nulls_are_pooled_over_their_trials_and_nothing_else_is() -> None:
    def pair(truth: Truth, *log_ratios: float, **more: Any) -> tuple[ProofFigures, ComparisonFigures]:
        seen = results(*log_ratios, **more)
        assert seen.headline is not None
        return judge(proven(truth=truth, by_chance=True), seen), seen.headline

    found = pooled_null(
        [
            pair(ZERO, 0.01, 0.02, 0.03),
            pair(ZERO, -0.01, -0.02, -0.03),
            pair(TENTH, 0.09, 0.10, 0.11),
            pair(ZERO, 0.5, 0.5, 0.5, status="invalid"),
        ]
    )
    assert found is not None
    assert (found.trials, found.gain) == (6, pytest.approx(0.0))
