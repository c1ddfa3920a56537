import pytest

from gainbench.stats.claim import Band, ClaimVerdict, judge_claim, wait_ratio_band
from gainbench.stats.curve import Crossing, CrossingState

BAND = Band(0.1, 1.0)


def crossing(low, high, *, x=None, state=CrossingState.CROSSED):
    return Crossing(target_gain=0.38, state=state, x=x, low=low, high=high, confidence=0.95)


def test_the_band_runs_from_a_slow_core_near_the_database_to_a_fast_one_far_away():
    # 1 trip; 0.2 ms / (5 * 0.5 ms) = 0.08; 0.6 ms / (1 * 0.5 ms) = 1.2
    band = wait_ratio_band(trips_on_loop=1, rtt_ms=(0.2, 0.6), cpu_ms_per_request=0.5, cpu_factor=(1, 5))
    assert (band.low, band.high) == (pytest.approx(0.08), pytest.approx(1.2))


def test_two_trips_on_the_loop_wait_twice_as_long():
    band = wait_ratio_band(trips_on_loop=2, rtt_ms=(0.2, 0.6), cpu_ms_per_request=0.5, cpu_factor=(1, 5))
    assert (band.low, band.high) == (pytest.approx(0.16), pytest.approx(2.4))


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.5), (0.05, 0.1), (1.0, 1.3), (0.05, 2.0)])
def test_a_crossing_that_overlaps_the_band_reproduces_the_claim(low, high):
    assert judge_claim(crossing(low, high, x=(low + high) / 2), BAND) is ClaimVerdict.REPRODUCED


@pytest.mark.parametrize(("x", "high"), [(0.3, 0.5), (0.05, 0.2), (0.9, 1.3)])
def test_a_crossing_open_below_reproduces_it_where_the_rest_of_its_interval_overlaps(x, high):
    assert judge_claim(crossing(None, high, x=x), BAND) is ClaimVerdict.REPRODUCED


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.09), (1.01, 1.3)])
def test_a_crossing_beside_the_band_does_not(low, high):
    assert judge_claim(crossing(low, high, x=(low + high) / 2), BAND) is ClaimVerdict.NOT_REPRODUCED


def test_a_curve_surely_below_until_past_the_band_refutes_the_claim():
    verdict = judge_claim(crossing(2.1, None, state=CrossingState.BELOW), BAND)
    assert verdict is ClaimVerdict.NOT_REPRODUCED


def test_a_curve_surely_above_before_the_band_refutes_the_claim():
    verdict = judge_claim(crossing(None, 0.08, state=CrossingState.ABOVE), BAND)
    assert verdict is ClaimVerdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    "open_crossing",
    [
        crossing(None, 1.3, x=1.1),
        crossing(0.4, None, x=0.5),
        crossing(None, None, x=0.5),
        crossing(0.6, None, state=CrossingState.BELOW),
        crossing(None, 0.3, state=CrossingState.ABOVE),
    ],
)
def test_what_an_open_end_overlaps_resolves_nothing(open_crossing):
    assert judge_claim(open_crossing, BAND) is ClaimVerdict.UNRESOLVED
