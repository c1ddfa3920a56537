import math

import numpy as np
import pytest

from gainbench.stats.estimate import estimate_gain
from gainbench.stats.power import smallest_detectable_gain, trials_needed, variance_components
from tests.stats.simulate import Machine, simulate_trials


def test_many_trials_need_a_gain_of_2_8_standard_errors():
    # with 1 001 trials t is the normal curve: 1.96 + 0.84 = 2.80 standard errors
    log_ratios = [0.1, -0.1] * 500 + [0.0]
    standard_error = np.std(log_ratios, ddof=1) / math.sqrt(1001)
    assert math.log1p(smallest_detectable_gain(log_ratios)) == pytest.approx(2.80 * standard_error, rel=0.005)


def test_the_smallest_detectable_gain_is_seen_in_four_runs_of_five():
    rng = np.random.default_rng(3)
    spread = 0.03
    pattern = np.array([-1, 1, -1, 1, -1, 1]) / math.sqrt(6 / 5)  # standard deviation 1
    gain = smallest_detectable_gain((spread * pattern).tolist())
    runs = rng.normal(math.log1p(gain), spread, (2000, 6)).tolist()
    seen = sum(not estimate_gain(run).contains(0) for run in runs)
    assert seen / 2000 == pytest.approx(0.80, abs=0.03)


def test_a_single_trial_says_nothing_about_power():
    assert smallest_detectable_gain([0.3]) is None


def test_variance_components_of_equal_trials_by_hand():
    # means 1 and 4, each +-1: MS within = 4/2 = 2; MS between = 2*(2.25+2.25)/1 = 9; between = (9-2)/2
    parts = variance_components([[0, 2], [3, 5]])
    assert parts.within_sd == pytest.approx(math.sqrt(2))
    assert parts.between_variance == pytest.approx(3.5)
    assert parts.between_sd == pytest.approx(math.sqrt(3.5))
    assert (parts.trials, parts.blocks) == (2, 4)


def test_variance_components_of_unequal_trials_by_hand():
    # trials [0, 2] and [4]: grand mean 2, MS within 2/1, MS between 2*1 + 1*4 = 6, n0 = 3 - 5/3 = 4/3
    parts = variance_components([[0, 2], [4]])
    assert parts.within_sd == pytest.approx(math.sqrt(2))
    assert parts.between_variance == pytest.approx((6 - 2) / (4 / 3))


def test_a_negative_variance_between_trials_is_shown_as_none_and_kept():
    # equal means: MS between 0, MS within 2, raw estimate (0 - 2) / 2
    parts = variance_components([[0, 2], [2, 0]])
    assert parts.between_sd == 0
    assert parts.between_variance == pytest.approx(-1)


@pytest.mark.parametrize("trials", [[], [[0.1, 0.2]], [[0.1], [0.2]], [[0.1, 0.2], []]])
def test_parts_that_cannot_be_told_apart_are_unknown(trials):
    parts = variance_components(trials)
    assert (parts.within_sd, parts.between_sd, parts.between_variance) == (None, None, None)


def test_variance_components_find_what_was_put_in():
    machine = Machine(window_noise=0.05, trial_noise=0.02)
    trials = simulate_trials(
        np.random.default_rng(8), true_log_ratio=0.3, machine=machine, trials=2000, blocks=3
    )
    parts = variance_components(trials)
    assert parts.within_sd == pytest.approx(0.05, rel=0.05)  # two windows of each arm: 0.05 * sqrt(2 * 1/2)
    assert parts.between_sd == pytest.approx(0.02, rel=0.1)


def test_trials_needed_by_hand():
    # pilot sd 0.1, t(0.975, 2) = 4.302653, log(1.2) = 0.1823216: (0.4302653 / 0.1823216)**2 = 5.57
    assert trials_needed([0.1, 0.2, 0.3], precision=0.2, affordable=6) == 6


def test_a_precision_that_the_budget_cannot_reach_is_refused():
    assert trials_needed([0.1, 0.2, 0.3], precision=0.2, affordable=5) is None


def test_a_pilot_that_is_precise_enough_is_the_whole_run():
    assert trials_needed([0.1, 0.1001, 0.1002], precision=0.02, affordable=100) == 3


def test_a_pilot_of_one_trial_cannot_plan():
    assert trials_needed([0.1], precision=0.02, affordable=100) is None


def test_a_run_that_chose_its_length_covers_the_truth_and_keeps_its_promise():
    rng = np.random.default_rng(6)
    hits, runs, widest = 0, 1500, 0.0
    for _ in range(runs):
        pilot = rng.normal(0.3, 0.03, 4).tolist()
        needed = trials_needed(pilot, precision=0.02, affordable=10_000)
        rest = rng.normal(0.3, 0.03, needed - 4).tolist()
        gain = estimate_gain(pilot + rest, pilot=4)
        hits += gain.contains(math.expm1(0.3))
        widest = max(widest, gain.half_width)
    assert 0.93 <= hits / runs <= 0.97
    assert widest <= 0.02 + 1e-12
