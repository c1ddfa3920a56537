import math
from itertools import pairwise

import numpy as np
import pytest

from gainbench.stats.curve import Crossing, CrossingState, CurvePoint, fit_curve
from gainbench.stats.estimate import estimate_gain
from tests.stats.simulate import simulate_curve, true_log_ratio

WAIT_RATIOS = [0.1, 0.35, 0.6, 1.1, 2.1]
BLOCKS = [1, 4, 1, 1, 1]
TARGET = 0.38


def cpu_bound(x, offset=0.0):
    """A candidate bound by its CPU, 5 % dearer: the ratio is (1 + w) / 1.05."""
    return math.log((1 + x) / 1.05) + offset


def trial(xs=WAIT_RATIOS, offset=0.0):
    return [CurvePoint(x, cpu_bound(x, offset)) for x in xs]


def crossing_coverage(
    *, users, trips, trials=8, xs=WAIT_RATIOS, blocks=BLOCKS, dropped=0.0, noise=1.0, runs=600
):
    """Return the share of simulated runs whose crossing interval holds the true crossing."""
    rng = np.random.default_rng(11)
    fine = np.linspace(xs[0], xs[-1], 20_001)
    truth = np.interp(math.log1p(TARGET), true_log_ratio(fine, users=users, trips=trips), fine)
    at_cells = true_log_ratio(np.array(xs), users=users, trips=trips)
    hits = 0
    for _ in range(runs):
        points = simulate_curve(
            rng, at_cells, x=xs, blocks=blocks, trials=trials, dropped=dropped, noise=noise
        )
        hits += holds(fit_curve(points, rising=True).crossing(TARGET), truth)
    return hits / runs


def holds(crossing: Crossing, x: float) -> bool:
    return (crossing.low is None or crossing.low <= x) and (crossing.high is None or x <= crossing.high)


def test_a_cpu_bound_curve_crosses_where_theory_says():
    # (1 + w) / 1.05 = 1.38 at w = 0.449
    crossing = fit_curve([trial(), trial(), trial()], rising=True).crossing(TARGET)
    assert crossing.state is CrossingState.CROSSED
    assert crossing.x == pytest.approx(0.449, abs=1e-5)
    assert crossing.low == pytest.approx(0.449, abs=1e-5)
    assert crossing.high == pytest.approx(0.449, abs=1e-5)


def test_the_bounds_are_where_the_edges_of_the_band_cross():
    # offsets of -0.1, 0, 0.1 move the whole log curve: the band is +-0.2484138 as for three trials by hand,
    # so its edges reach 1.38 where (1 + w) = 1.05 * 1.38 * exp(-+0.2484138)
    curve = fit_curve([trial(offset=-0.1), trial(), trial(offset=0.1)], rising=True)
    crossing = curve.crossing(TARGET)
    assert crossing.low == pytest.approx(1.449 * math.exp(-0.2484138) - 1, abs=1e-4)
    assert crossing.high == pytest.approx(1.449 * math.exp(0.2484138) - 1, abs=1e-4)


@pytest.mark.parametrize("rising", [True, False])
def test_at_a_cell_the_band_is_the_interval_of_its_gain(rising):
    rng = np.random.default_rng(2)
    xs = [0.1, 0.4, 1.1]
    points = simulate_curve(rng, np.array([0.05, 0.3, 0.7]), x=xs, blocks=[1, 2, 1], trials=5)
    curve = fit_curve(points, rising=rising)
    for at, cell in ((0, 0), (-1, 2)):
        expected = estimate_gain([trial_points[cell].log_ratio for trial_points in points])
        assert (curve.gain[at], curve.low[at], curve.high[at]) == pytest.approx(
            (expected.gain, expected.low, expected.high)
        )


def test_cells_that_fall_where_the_gain_must_rise_are_pooled_by_their_weights():
    # 0.3 once and 0.1 three times: (0.3 + 3 * 0.1) / 4 = 0.15 at both
    points = [CurvePoint(0.1, 0.3, 1), CurvePoint(0.5, 0.1, 3), CurvePoint(1.0, 0.5, 1)]
    curve = fit_curve([points], rising=True)
    assert curve.gain[0] == pytest.approx(math.expm1(0.15))
    assert curve.at(0.3).gain == pytest.approx(math.expm1(0.15))
    assert curve.gain[-1] == pytest.approx(math.expm1(0.5))


def test_where_the_gain_may_fall_the_curve_passes_through_cells_that_fall():
    points = [CurvePoint(0.1, 0.3, 1), CurvePoint(0.5, 0.1, 3), CurvePoint(1.0, 0.5, 1)]
    curve = fit_curve([points], rising=False)
    assert curve.gain[0] == pytest.approx(math.expm1(0.3))
    assert curve.at(0.5).gain == pytest.approx(math.expm1(0.1), abs=1e-3)


@pytest.mark.parametrize("rising", [True, False])
def test_between_two_cells_the_curve_never_leaves_their_gains(rising):
    rng = np.random.default_rng(5)
    for _ in range(50):
        log_ratios = rng.normal(0.3, 0.2, 5)
        curve = fit_curve(
            [[CurvePoint(x, y) for x, y in zip(WAIT_RATIOS, log_ratios, strict=True)]], rising=rising
        )
        grid, gains = np.array(curve.x), np.array(curve.gain)
        if rising:
            assert (np.diff(gains) >= -1e-12).all()
            continue
        for (x0, y0), (x1, y1) in pairwise(zip(WAIT_RATIOS, np.expm1(log_ratios), strict=True)):
            between = gains[(grid >= x0) & (grid <= x1)]
            assert min(y0, y1) - 1e-9 <= between.min()
            assert between.max() <= max(y0, y1) + 1e-9


def test_the_gain_at_a_wait_ratio_is_read_off_the_curve_and_its_band():
    # offsets of -0.1, 0, 0.1: log((1 + 0.5) / 1.05) = 0.35667, +-0.2484138
    found = fit_curve([trial(offset=-0.1), trial(), trial(offset=0.1)], rising=True).at(0.5)
    assert found.gain == pytest.approx(math.expm1(0.35667), abs=1e-4)
    assert found.low == pytest.approx(math.expm1(0.35667 - 0.2484138), abs=1e-4)
    assert found.high == pytest.approx(math.expm1(0.35667 + 0.2484138), abs=1e-4)


@pytest.mark.parametrize("x", [0.05, 2.2])
def test_outside_the_measured_range_there_is_no_gain_at_a_wait_ratio(x):
    assert fit_curve([trial(), trial()], rising=True).at(x) is None


def test_the_curve_stays_within_the_measured_range():
    curve = fit_curve([trial(), trial()], rising=True)
    assert curve.x[0] == pytest.approx(0.1)
    assert curve.x[-1] == pytest.approx(2.1)
    assert curve.trials == 2


def test_a_cell_that_only_one_of_several_trials_has_is_on_no_curve():
    curve = fit_curve([trial(), trial(WAIT_RATIOS[:4]), trial(WAIT_RATIOS[:4])], rising=True)
    assert curve.places == pytest.approx(WAIT_RATIOS[:4])


def test_beside_a_cell_that_some_trials_lack_the_band_has_the_degrees_of_freedom_of_the_others():
    # 0.6 and 0.1 more at both cells, the second cell in trials 1 and 2 alone: t(0.975, 1) = 12.7062 there
    rows = ((0.6, 1.0), (0.7, 1.1), (0.65, None))
    trials = [
        [CurvePoint(x, y) for x, y in zip((0.1, 1.0), row, strict=True) if y is not None] for row in rows
    ]
    curve = fit_curve(trials, rising=True)
    # leaving trial 1 or 2 out moves the second mean from 1.05 by 0.05: variance 2/3 (0.05^2 + 0.05^2)
    half = 12.7062 * math.sqrt(2 / 3 * 2 * 0.05**2)
    assert curve.high[-1] == pytest.approx(math.expm1(1.05 + half), rel=1e-4)


@pytest.mark.parametrize("trials", [[], [[]], [trial([0.1])] * 4, [trial(), trial([0.1])]])
def test_too_few_cells_give_no_curve(trials):
    assert fit_curve(trials, rising=True) is None


def test_a_single_trial_has_a_crossing_and_no_bounds():
    curve = fit_curve([trial()], rising=True)
    crossing = curve.crossing(TARGET)
    assert (curve.low, curve.high) == (None, None)
    assert crossing.x == pytest.approx(0.449, abs=1e-5)
    assert (crossing.low, crossing.high) == (None, None)


def test_a_curve_that_stays_below_bounds_the_crossing_by_the_end_of_the_range():
    crossing = fit_curve(
        [trial([0.1, 0.2, 0.3], offset) for offset in (-0.001, 0.001)], rising=True
    ).crossing(TARGET)
    assert (crossing.state, crossing.x) == (CrossingState.BELOW, None)
    assert (crossing.low, crossing.high) == (pytest.approx(0.3), None)


def test_a_curve_that_starts_above_bounds_the_crossing_by_the_start_of_the_range():
    crossing = fit_curve(
        [trial([0.6, 1.1, 2.1], offset) for offset in (-0.001, 0.001)], rising=True
    ).crossing(TARGET)
    assert (crossing.state, crossing.x) == (CrossingState.ABOVE, None)
    assert (crossing.low, crossing.high) == (None, pytest.approx(0.6))


def test_a_curve_too_vague_to_bound_its_crossing_leaves_the_bounds_open():
    crossing = fit_curve([trial(offset=-0.5), trial(offset=0.5)], rising=True).crossing(TARGET)
    assert crossing.state is CrossingState.CROSSED
    assert (crossing.low, crossing.high) == (None, None)


def test_after_a_pilot_the_band_rests_on_the_pilots_spread_as_the_gain_does():
    rng = np.random.default_rng(4)
    points = simulate_curve(rng, np.array([0.05, 0.3, 0.7]), x=[0.1, 0.4, 1.1], blocks=[1, 2, 1], trials=9)
    curve = fit_curve(points, rising=True, pilot=3)
    expected = estimate_gain([trial_points[0].log_ratio for trial_points in points], pilot=3)
    assert (curve.gain[0], curve.low[0], curve.high[0]) == pytest.approx(
        (expected.gain, expected.low, expected.high)
    )
    assert curve.gain == fit_curve(points, rising=True).gain


def test_a_pilot_of_one_trial_gives_no_band():
    assert fit_curve([trial(), trial(), trial()], rising=True, pilot=1).low is None


def test_a_pilot_supports_the_curve_by_itself():
    pilot = [trial(WAIT_RATIOS[:2]), trial(WAIT_RATIOS[:2], 0.01)]
    curve = fit_curve([*pilot, trial(), trial()], rising=True, pilot=2)
    assert curve.places == pytest.approx(WAIT_RATIOS[:2])
    assert curve.low is not None


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param({"users": 40, "trips": 2}, id="bound by CPU"),
        pytest.param({"users": 4, "trips": 2}, id="4 users, saturating"),
        pytest.param({"users": 8, "trips": 4}, id="8 users, 4 trips"),
        pytest.param({"users": 4, "trips": 2, "noise": 1 / 3}, id="a third of the noise"),
        pytest.param({"users": 8, "trips": 4, "noise": 1 / 3}, id="8 users, a third of the noise"),
        pytest.param({"users": 4, "trips": 2, "dropped": 0.2}, id="a fifth of the cells dropped"),
        pytest.param(
            {"users": 4, "trips": 2, "trials": 4, "xs": [0.1, 0.35, 1.1], "blocks": [1, 2, 1]}, id="quick"
        ),
    ],
)
def test_the_crossing_interval_covers_the_true_crossing(scenario):
    assert 0.93 <= crossing_coverage(**scenario) <= 0.97


def test_cells_that_lie_together_count_as_one_and_do_not_make_the_line_zigzag() -> None:
    places, gains = (0.220, 0.225, 0.230, 0.37, 0.565), (0.50, 0.40, 0.45, 0.6, 0.8)
    trials = [
        [CurvePoint(x, y + stray) for x, y in zip(places, gains, strict=True)] for stray in (-0.02, 0, 0.02)
    ]
    fitted = fit_curve(trials, rising=False)
    assert fitted is not None
    assert fitted.places == pytest.approx((0.225, 0.37, 0.565))
    assert fitted.gain[0] == pytest.approx(math.expm1(0.45))
