import math

import numpy as np
import pytest

from gainbench.stats.curve import Crossing, CrossingState, CurvePoint, fit_curve
from gainbench.stats.reproduced import Band, Reproduction, judge_claim, refused_gains, wait_ratio_band

BAND = Band(0.1, 1.0)


def crossing(low, high, *, x=None, state=CrossingState.CROSSED):
    return Crossing(target_gain=0.38, state=state, x=x, low=low, high=high, confidence=0.95)


def curve(xs, spread=0.1):
    """(1 + w) / 1.05 in three trials that lie 0 and +-spread apart in the log."""
    return fit_curve(
        [[CurvePoint(x, math.log((1 + x) / 1.05) + offset) for x in xs] for offset in (-spread, 0.0, spread)],
        rising=True,
    )


def set_up(trips):
    return wait_ratio_band(loop_trips=trips, rtt_ms=(0.2, 0.6), database_ms=(0.1, 0.3), cpu_ms=(0.8, 2.5))


def test_the_band_runs_from_a_slow_core_near_the_database_to_a_fast_one_far_away():
    # 1 trip; (0.2 + 0.1) / 2.5 = 0.12; (0.6 + 0.3) / 0.8 = 1.125
    assert (set_up(1).low, set_up(1).high) == (pytest.approx(0.12), pytest.approx(1.125))


def test_two_trips_on_the_loop_wait_twice_as_long():
    assert (set_up(2).low, set_up(2).high) == (pytest.approx(0.24), pytest.approx(2.25))


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.5), (0.05, 0.1), (1.0, 1.3), (0.05, 2.0)])
def test_a_crossing_that_overlaps_the_band_reproduces_the_claim(low, high):
    assert judge_claim(crossing(low, high, x=(low + high) / 2), BAND) is Reproduction.REPRODUCED


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.09), (1.01, 1.3), (None, 0.09), (1.01, None)])
def test_a_crossing_surely_beside_the_band_refutes_the_claim_whatever_its_other_end(low, high):
    assert judge_claim(crossing(low, high, x=low or high), BAND) is Reproduction.NOT_REPRODUCED


def test_a_curve_surely_below_until_past_the_band_refutes_the_claim():
    verdict = judge_claim(crossing(2.1, None, state=CrossingState.BELOW), BAND)
    assert verdict is Reproduction.NOT_REPRODUCED


def test_a_curve_surely_above_before_the_band_refutes_the_claim():
    verdict = judge_claim(crossing(None, 0.08, state=CrossingState.ABOVE), BAND)
    assert verdict is Reproduction.NOT_REPRODUCED


@pytest.mark.parametrize(
    "open_crossing",
    [
        crossing(None, 0.5, x=0.3),
        crossing(None, 1.3, x=1.1),
        crossing(0.4, None, x=0.5),
        crossing(None, None, x=0.5),
        crossing(0.6, None, state=CrossingState.BELOW),
        crossing(None, 0.3, state=CrossingState.ABOVE),
    ],
)
def test_what_an_open_end_overlaps_resolves_nothing(open_crossing):
    assert judge_claim(open_crossing, BAND) is Reproduction.UNRESOLVED


def test_gains_are_refused_below_the_lower_edge_at_the_bands_start_and_above_the_upper_at_its_end():
    # the band of three trials 0.1 apart is +-0.2484138 in the log
    refused = refused_gains(curve([0.0, 0.2, 0.6, 1.2, 2.1]), Band(0.5, 1.125))
    assert refused.below == pytest.approx(1.5 / 1.05 * math.exp(-0.2484138) - 1, abs=1e-4)
    assert refused.above == pytest.approx(2.125 / 1.05 * math.exp(0.2484138) - 1, abs=1e-4)


@pytest.mark.parametrize(
    ("xs", "below", "above"),
    [([0.6, 0.8, 2.1], False, True), ([0.0, 0.6, 1.0], True, False), ([0.6, 0.8, 1.0], False, False)],
)
def test_where_the_curve_does_not_reach_past_the_band_no_gain_is_refused_on_that_side(xs, below, above):
    refused = refused_gains(curve(xs), Band(0.5, 1.125))
    assert (refused.below is not None, refused.above is not None) == (below, above)


def test_a_curve_of_one_trial_refuses_nothing():
    one = fit_curve([[CurvePoint(0.0, 0.1), CurvePoint(2.0, 0.9)]], rising=True)
    refused = refused_gains(one, Band(0.5, 1.125))
    assert (refused.below, refused.above) == (None, None)


@pytest.mark.parametrize("xs", [[0.0, 0.2, 0.6, 1.2, 2.1], [0.6, 0.8, 2.1], [0.0, 0.6, 1.0], [1.3, 1.5, 2.0]])
def test_the_gains_said_to_be_refused_are_those_that_the_verdict_refuses(xs):
    measured, band = curve(xs, spread=0.02), Band(0.5, 1.125)
    refused = refused_gains(measured, band)
    for gain in np.linspace(-0.3, 2.5, 561):
        is_refused = (refused.below is not None and gain < refused.below) or (
            refused.above is not None and gain > refused.above
        )
        verdict = judge_claim(measured.crossing(float(gain)), band)
        assert (verdict is Reproduction.NOT_REPRODUCED) == is_refused, gain
