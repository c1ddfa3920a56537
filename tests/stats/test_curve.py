import math

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


def crossing_coverage(*, users, trips, trials=8, xs=WAIT_RATIOS, blocks=BLOCKS, dropped=0.0, runs=1000):
    """Return the share of simulated runs whose crossing interval holds the true crossing."""
    rng = np.random.default_rng(11)
    fine = np.linspace(xs[0], xs[-1], 20_001)
    truth = np.interp(math.log1p(TARGET), true_log_ratio(fine, users=users, trips=trips), fine)
    at_cells = true_log_ratio(np.array(xs), users=users, trips=trips)
    hits = 0
    for _ in range(runs):
        points = simulate_curve(rng, at_cells, x=xs, blocks=blocks, trials=trials, dropped=dropped)
        hits += holds(fit_curve(points).crossing(TARGET), truth)
    return hits / runs


def holds(crossing: Crossing, x: float) -> bool:
    return (crossing.low is None or crossing.low <= x) and (crossing.high is None or x <= crossing.high)


def test_a_cpu_bound_curve_crosses_where_theory_says():
    # (1 + w) / 1.05 = 1.38 at w = 0.449
    crossing = fit_curve([trial(), trial(), trial()]).crossing(TARGET)
    assert crossing.state is CrossingState.CROSSED
    assert crossing.x == pytest.approx(0.449, abs=1e-5)
    assert crossing.low == pytest.approx(0.449, abs=1e-5)
    assert crossing.high == pytest.approx(0.449, abs=1e-5)


def test_the_bounds_are_where_the_edges_of_the_band_cross():
    # offsets of -0.1, 0, 0.1 move the whole log curve: the band is +-0.2484138 as for three trials by hand,
    # so its edges reach 1.38 where (1 + w) = 1.05 * 1.38 * exp(-+0.2484138)
    curve = fit_curve([trial(offset=-0.1), trial(), trial(offset=0.1)])
    crossing = curve.crossing(TARGET)
    assert crossing.low == pytest.approx(1.449 * math.exp(-0.2484138) - 1, abs=1e-4)
    assert crossing.high == pytest.approx(1.449 * math.exp(0.2484138) - 1, abs=1e-4)


def test_at_a_cell_measured_without_neighbours_pull_the_band_is_that_of_the_gain():
    # as many cells as coefficients: the curve passes through each cell's mean, with the interval of its gain
    rng = np.random.default_rng(2)
    xs = [0.1, 0.4, 1.1]
    points = simulate_curve(rng, np.array([0.05, 0.3, 0.7]), x=xs, blocks=[1, 2, 1], trials=5)
    curve = fit_curve(points)
    first_cell = estimate_gain([trial_points[0].log_ratio for trial_points in points])
    assert (curve.gain[0], curve.low[0], curve.high[0]) == pytest.approx(
        (first_cell.gain, first_cell.low, first_cell.high)
    )


def test_the_band_of_complete_trials_is_the_t_interval_over_one_fit_per_trial():
    rng = np.random.default_rng(3)
    at_cells = true_log_ratio(np.array(WAIT_RATIOS), users=4, trips=2)
    points = simulate_curve(rng, at_cells, x=WAIT_RATIOS, blocks=BLOCKS, trials=6)
    curve = fit_curve(points)
    middle = len(curve.x) // 2
    per_trial = [math.log1p(fit_curve([one]).gain[middle]) for one in points]
    expected = estimate_gain(per_trial)
    assert (curve.gain[middle], curve.low[middle], curve.high[middle]) == pytest.approx(
        (expected.gain, expected.low, expected.high)
    )


def test_the_curve_stays_within_the_measured_range():
    curve = fit_curve([trial(), trial()])
    assert curve.x[0] == pytest.approx(0.1)
    assert curve.x[-1] == pytest.approx(2.1)
    assert curve.trials == 2


@pytest.mark.parametrize(("cells", "degree"), [(2, 1), (3, 2), (4, 3), (5, 3)])
def test_more_cells_allow_a_more_flexible_curve_up_to_a_cubic(cells, degree):
    assert fit_curve([trial(WAIT_RATIOS[:cells])] * 3).degree == degree


@pytest.mark.parametrize("trials", [[], [[]], [trial([0.1])] * 4, [trial(), trial([0.1])]])
def test_too_few_cells_give_no_curve(trials):
    assert fit_curve(trials) is None


def test_a_single_trial_has_a_crossing_and_no_bounds():
    curve = fit_curve([trial()])
    crossing = curve.crossing(TARGET)
    assert (curve.low, curve.high) == (None, None)
    assert crossing.x == pytest.approx(0.449, abs=1e-5)
    assert (crossing.low, crossing.high) == (None, None)


def test_a_curve_that_stays_below_bounds_the_crossing_by_the_end_of_the_range():
    crossing = fit_curve([trial([0.1, 0.2, 0.3], offset) for offset in (-0.001, 0.001)]).crossing(TARGET)
    assert (crossing.state, crossing.x) == (CrossingState.BELOW, None)
    assert (crossing.low, crossing.high) == (pytest.approx(0.3), None)


def test_a_curve_that_starts_above_bounds_the_crossing_by_the_start_of_the_range():
    crossing = fit_curve([trial([0.6, 1.1, 2.1], offset) for offset in (-0.001, 0.001)]).crossing(TARGET)
    assert (crossing.state, crossing.x) == (CrossingState.ABOVE, None)
    assert (crossing.low, crossing.high) == (None, pytest.approx(0.6))


def test_a_curve_too_vague_to_bound_its_crossing_leaves_the_bounds_open():
    crossing = fit_curve([trial(offset=-0.5), trial(offset=0.5)]).crossing(TARGET)
    assert crossing.state is CrossingState.CROSSED
    assert (crossing.low, crossing.high) == (None, None)


def test_after_a_pilot_the_band_rests_on_the_pilots_spread_as_the_gain_does():
    # as many cells as coefficients: at the first cell the band is the interval of that cell's gain
    rng = np.random.default_rng(4)
    points = simulate_curve(rng, np.array([0.05, 0.3, 0.7]), x=[0.1, 0.4, 1.1], blocks=[1, 2, 1], trials=9)
    curve = fit_curve(points, pilot=3)
    expected = estimate_gain([trial_points[0].log_ratio for trial_points in points], pilot=3)
    assert (curve.gain[0], curve.low[0], curve.high[0]) == pytest.approx(
        (expected.gain, expected.low, expected.high)
    )
    assert curve.gain == fit_curve(points).gain


def test_a_pilot_of_one_trial_gives_no_band():
    assert fit_curve([trial(), trial(), trial()], pilot=1).low is None


def test_a_pilot_supports_the_curve_by_itself():
    pilot = [trial(WAIT_RATIOS[:2]), trial(WAIT_RATIOS[:2], 0.01)]
    curve = fit_curve([*pilot, trial(), trial()], pilot=2)
    assert curve.degree == 1
    assert curve.low is not None


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param({"users": 40, "trips": 2}, id="bound by CPU"),
        pytest.param({"users": 4, "trips": 2}, id="4 users, saturating"),
        pytest.param({"users": 8, "trips": 4}, id="8 users, 4 trips"),
        pytest.param({"users": 4, "trips": 2, "dropped": 0.2}, id="a fifth of the cells dropped"),
        pytest.param(
            {"users": 4, "trips": 2, "trials": 4, "xs": [0.1, 0.35, 1.1], "blocks": [1, 2, 1]}, id="quick"
        ),
    ],
)
def test_the_crossing_interval_covers_the_true_crossing(scenario):
    assert 0.93 <= crossing_coverage(**scenario) <= 0.97


def test_cells_that_lie_together_do_not_let_the_curve_swing_between_the_others() -> None:
    places = (0.220, 0.230, 0.240, 0.37, 0.565)
    trials = [[CurvePoint(x, 0.2 + x + stray) for x in places] for stray in (-0.02, 0.0, 0.02)]
    fitted = fit_curve(trials)
    assert fitted is not None
    assert fitted.degree == 2
