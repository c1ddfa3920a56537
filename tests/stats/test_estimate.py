import math

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from gainbench.stats.estimate import (
    block_difference,
    difference_of_means,
    estimate_gain,
    estimate_throughput,
    mean_interval,
    pair_effect,
    pooled_gain,
    repeatability,
)
from tests.stats.simulate import ALTERNATING, MIRRORED, Machine, simulate_trials

log_ratio_lists = st.lists(st.floats(-2, 2), min_size=2, max_size=20)
throughputs = st.floats(0.1, 1e6)
RUNS = 2000


def covers_truth(rng, machine, *, order=MIRRORED):
    """Return the share of simulated runs whose 95 % interval holds the true gain."""
    hits = 0
    for _ in range(RUNS):
        trials = simulate_trials(
            rng, true_log_ratio=math.log(1.38), machine=machine, trials=8, blocks=3, order=order
        )
        gain = estimate_gain([sum(blocks) / len(blocks) for blocks in trials])
        hits += gain.contains(0.38)
    return hits / RUNS


def test_a_block_is_the_difference_of_mean_logs():
    # candidate: geometric mean of 200 and 800 is 400; baseline: 100
    assert block_difference([200, 800], [100, 100]) == pytest.approx(math.log(4))


def test_gain_and_interval_of_three_trials_by_hand():
    # mean 0.2, sd 0.1, t(0.975, 2) = 4.302653, half = 4.302653 * 0.1 / sqrt(3) = 0.2484138
    gain = estimate_gain([0.1, 0.2, 0.3])
    assert gain.gain == pytest.approx(math.exp(0.2) - 1)
    assert gain.low == pytest.approx(math.exp(0.2 - 0.2484138) - 1, abs=1e-7)
    assert gain.high == pytest.approx(math.exp(0.2 + 0.2484138) - 1, abs=1e-7)
    assert (gain.confidence, gain.trials) == (0.95, 3)


def test_half_width_is_a_fraction_of_the_ratio():
    # the interval of a ratio of 1.40 that is 2 % wide on each side runs from 1.40 / 1.02 to 1.40 * 1.02
    step = math.log(1.02) / 4.302653 * math.sqrt(3)  # t(0.975, 2) = 4.302653
    centre = math.log(1.40)
    gain = estimate_gain([centre - step, centre, centre + step])
    assert gain.gain == pytest.approx(0.40)
    assert gain.half_width == pytest.approx(0.02, abs=1e-7)
    assert gain.high == pytest.approx(1.40 * 1.02 - 1, abs=1e-7)


def test_a_single_trial_has_a_gain_and_no_bounds():
    gain = estimate_gain([math.log(1.38)])
    assert gain.gain == pytest.approx(0.38)
    assert (gain.low, gain.high, gain.half_width) == (None, None, None)


def test_after_a_pilot_the_interval_rests_on_the_pilots_spread_alone():
    # pilot 0.1, 0.2 and 0.3: sd 0.1, t(0.975, 2) = 4.302653; 4 trials in all: half = 0.2151326
    interval = mean_interval([0.1, 0.2, 0.3, 0.9], confidence=0.95, pilot=3)
    assert interval.mean == pytest.approx(0.375)
    assert interval.high - interval.mean == pytest.approx(0.2151326, abs=1e-6)


def test_a_pilot_of_one_trial_gives_no_bounds():
    assert mean_interval([0.1, 0.3, 0.2], confidence=0.95, pilot=1).low is None


def test_several_runs_pool_to_one_gain_over_all_their_trials():
    assert pooled_gain([[0.1], [0.2, 0.3]]) == estimate_gain([0.1, 0.2, 0.3])


def test_throughput_is_the_geometric_mean_with_an_interval_on_the_log_scale():
    arm = estimate_throughput([500, 1000, 2000])
    assert arm.rps == pytest.approx(1000)
    assert arm.low * arm.high == pytest.approx(1000**2)
    assert arm.trials == 3


def test_repeatability_is_the_spread_of_one_window():
    # log differences +0.1 and -0.1: sd 0.1414214, over sqrt(2) 0.1
    pairs = [(math.exp(0.1), 1.0), (1.0, math.exp(0.1))]
    assert repeatability(pairs) == pytest.approx(math.exp(0.1) - 1)


def test_a_steady_trend_between_the_two_windows_does_not_count_as_poor_repeatability():
    assert repeatability([(100, 110), (200, 220), (300, 330)]) == pytest.approx(0, abs=1e-12)


def test_repeatability_of_a_single_block_is_unknown():
    assert repeatability([(100, 110)]) is None


@pytest.mark.parametrize("rps", [0, -1, math.inf, math.nan])
def test_a_throughput_that_has_no_logarithm_is_refused(rps):
    with pytest.raises(ValueError, match="positive"):
        block_difference([100, rps], [100, 100])
    with pytest.raises(ValueError, match="positive"):
        block_difference([100, 100], [rps, 100])
    with pytest.raises(ValueError, match="positive"):
        estimate_throughput([100, rps])


def test_a_block_without_windows_is_refused():
    with pytest.raises(ValueError, match="at least one window"):
        block_difference([], [100])


@pytest.mark.parametrize("values", [[], [0.1, math.nan], [math.inf, 0.1]])
def test_a_mean_of_nothing_or_of_no_number_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        estimate_gain(values)


@given(log_ratio_lists.filter(lambda values: len(values) > 2))
def test_swapping_the_arms_mirrors_the_interval(log_ratios):
    forth = estimate_gain(log_ratios)
    back = estimate_gain([-value for value in log_ratios])
    assert 1 + back.gain == pytest.approx(1 / (1 + forth.gain))
    assert math.log1p(back.low) == pytest.approx(-math.log1p(forth.high), abs=1e-6)
    assert math.log1p(back.high) == pytest.approx(-math.log1p(forth.low), abs=1e-6)


@given(st.tuples(throughputs, throughputs), st.tuples(throughputs, throughputs), st.floats(0.01, 100))
def test_scaling_both_arms_changes_nothing(candidate, baseline, factor):
    scaled = block_difference([rps * factor for rps in candidate], [rps * factor for rps in baseline])
    assert scaled == pytest.approx(block_difference(candidate, baseline), abs=1e-9)


@given(st.tuples(throughputs, throughputs), st.tuples(throughputs, throughputs))
def test_swapping_the_arms_of_a_block_changes_the_sign_alone(candidate, baseline):
    assert block_difference(baseline, candidate) == -block_difference(candidate, baseline)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    share = covers_truth(np.random.default_rng(1), Machine())
    assert 0.93 <= share <= 0.97


def test_the_mirrored_order_keeps_that_coverage_while_the_machine_slows_down():
    machine = Machine(drift_per_window=-0.02)
    assert 0.93 <= covers_truth(np.random.default_rng(2), machine) <= 0.97


def test_without_the_mirrored_order_the_same_drift_ruins_the_coverage():
    machine = Machine(drift_per_window=-0.02)
    assert covers_truth(np.random.default_rng(2), machine, order=ALTERNATING) < 0.8


def test_the_mirrored_order_cancels_a_linear_drift_exactly():
    quiet = Machine(window_noise=0, trial_noise=0, drift_per_window=-0.02)
    trials = simulate_trials(np.random.default_rng(0), true_log_ratio=0.3, machine=quiet, trials=2, blocks=2)
    assert np.ravel(trials) == pytest.approx(0.3)


def test_arms_of_the_same_combs_lie_apart_by_their_mean_difference() -> None:
    """1 and 3: 2 on average, whatever the level of each comb."""
    combs = [{"a": 5.0, "b": 4.0}, {"a": 13.0, "b": 10.0}]
    assert pair_effect(combs, "a", "b") == pytest.approx(2.0)
    assert pair_effect(combs, "b", "a") == pytest.approx(-2.0)


def test_arms_without_a_comb_in_common_are_joined_by_a_third() -> None:
    """a lies 3 above b, and b 2 above c: 5, although c ran at a better time than a."""
    combs = [{"a": 4.0, "b": 1.0}, {"b": 102.0, "c": 100.0}]
    assert pair_effect(combs, "a", "c") == pytest.approx(5.0)


def test_two_ways_between_two_arms_are_weighed_by_least_squares() -> None:
    """Straight, a is 1 above b; by way of c, 4. A detour twice as long weighs half: (2 x 1 + 4) / 3."""
    combs = [{"a": 1.0, "b": 0.0}, {"a": 3.0, "c": 0.0}, {"c": 1.0, "b": 0.0}]
    assert pair_effect(combs, "a", "b") == pytest.approx(2.0)


def test_arms_that_no_chain_of_combs_joins_have_no_difference() -> None:
    assert pair_effect([{"a": 1.0, "b": 0.0}, {"c": 3.0, "d": 2.0}], "a", "c") is None
    assert pair_effect([{"a": 1.0}, {"b": 0.0}], "a", "b") is None
    assert pair_effect([{"a": 1.0, "b": 0.0}], "a", "unknown") is None
    assert pair_effect([], "a", "b") is None


def test_the_difference_of_independent_trials_has_welchs_interval():
    # log rates 0, 0.1, 0.2 and 0.3, 0.5, 0.7: means 0.1 and 0.5, variances 0.01 and 0.04 over 3
    before, after = ([math.exp(value) for value in values] for values in ((0, 0.1, 0.2), (0.3, 0.5, 0.7)))
    found = difference_of_means(before, after)
    variance = 0.05 / 3
    freedom = variance**2 / ((0.01 / 3) ** 2 / 2 + (0.04 / 3) ** 2 / 2)
    half = scipy.stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert math.log1p(found.gain) == pytest.approx(0.4)
    assert math.log1p(found.high) == pytest.approx(0.4 + half)
    assert math.log1p(found.low) == pytest.approx(0.4 - half)


def test_two_trials_on_a_side_give_a_difference_without_bounds():
    assert difference_of_means([100, 101], [110, 111, 112]).low is None
