import itertools

import numpy as np
import pytest

from gainbench.stats.crosscheck import sign_flip_p_value
from gainbench.stats.estimate import estimate_gain


def p_value_by_enumeration(log_ratios):
    observed = abs(sum(log_ratios))
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, log_ratios, strict=True)))
        for signs in itertools.product([1, -1], repeat=len(log_ratios))
    ]
    return sum(value >= observed - 1e-12 for value in sums) / len(sums)


def test_six_trials_of_one_sign_have_the_smallest_p_value_possible():
    # 2 of the 2**6 sign patterns are as extreme: all plus, all minus
    assert sign_flip_p_value([0.1, 0.2, 0.3, 0.1, 0.2, 0.3]) == pytest.approx(2 / 64)


def test_trials_without_any_difference_have_p_value_1():
    assert sign_flip_p_value([0.0] * 6) == 1


def test_fewer_than_six_trials_are_not_tested():
    assert sign_flip_p_value([0.3] * 5) is None


@pytest.mark.parametrize("trials", [6, 7, 10, 14])
def test_every_sign_pattern_is_counted_up_to_14_trials(trials):
    log_ratios = np.random.default_rng(trials).normal(0.02, 0.05, trials).tolist()
    assert sign_flip_p_value(log_ratios) == pytest.approx(p_value_by_enumeration(log_ratios))


def test_beyond_14_trials_a_seeded_sample_comes_close_to_the_count_of_all():
    log_ratios = np.random.default_rng(5).normal(0.02, 0.05, 16).tolist()
    sampled = sign_flip_p_value(log_ratios, seed=1)
    assert sampled == sign_flip_p_value(log_ratios, seed=1)
    assert sampled == pytest.approx(p_value_by_enumeration(log_ratios), abs=0.02)


def test_swapping_the_arms_leaves_the_p_value_alone():
    log_ratios = [0.03, -0.01, 0.02, 0.05, 0.01, -0.02, 0.04]
    assert sign_flip_p_value(log_ratios) == sign_flip_p_value([-value for value in log_ratios])


def test_the_test_agrees_with_the_interval_where_the_noise_is_a_bell_curve():
    rng = np.random.default_rng(9)
    agreements = 0
    for _ in range(100):
        log_ratios = rng.normal(0.03, 0.04, 10).tolist()
        agreements += (sign_flip_p_value(log_ratios) < 0.05) != estimate_gain(log_ratios).contains(0)
    assert agreements >= 95
