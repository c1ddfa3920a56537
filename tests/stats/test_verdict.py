import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainbench.stats.verdict import Verdict, judge

T_95 = 4.302653  # t(0.975, 2)
T_90 = 2.919986  # t(0.95, 2)


def three_trials(centre, half_width, t):
    """Return log ratios whose interval is centre +- half_width at the given t quantile of 2 degrees."""
    step = half_width * math.sqrt(3) / t
    return [centre - step, centre, centre + step]


def verdict_of(log_ratios, **changes):
    return judge(log_ratios, **({"collapsed": False, "valid": True} | changes))


def test_a_collapse_outranks_everything():
    assert verdict_of([], collapsed=True, valid=False) is Verdict.COLLAPSED
    assert verdict_of([0.3, 0.31, 0.32], collapsed=True) is Verdict.COLLAPSED


def test_a_broken_rule_outranks_any_figure():
    assert verdict_of([0.3, 0.31, 0.32], valid=False) is Verdict.INVALID


@pytest.mark.parametrize("log_ratios", [[], [0.3], [0.3, 0.3001]])
def test_without_three_trials_nothing_is_resolved(log_ratios):
    assert verdict_of(log_ratios) is Verdict.UNRESOLVED


def test_a_90_percent_interval_just_inside_the_margin_is_no_difference():
    inside = math.log(1.03) * 0.9999
    assert verdict_of(three_trials(0, inside, T_90)) is Verdict.NO_DIFFERENCE


def test_a_90_percent_interval_just_over_the_margin_is_unresolved():
    outside = math.log(1.03) * 1.0001
    assert verdict_of(three_trials(0, outside, T_90)) is Verdict.UNRESOLVED


def test_the_margin_is_as_far_below_as_above():
    # ratios of 1.02 and 1 / 1.02 with the same spread: both inside 3 %, both outside 1 %
    above, below = (
        [math.log(one) for one in (1.0199, 1.02, 1.0201)],
        [-math.log(one) for one in (1.0199, 1.02, 1.0201)],
    )
    assert verdict_of(above) is verdict_of(below) is Verdict.NO_DIFFERENCE
    assert verdict_of(above, margin=0.01) is Verdict.FASTER
    assert verdict_of(below, margin=0.01) is Verdict.SLOWER


def test_a_95_percent_interval_just_above_zero_is_faster():
    assert verdict_of(three_trials(0.3, 0.2999, T_95)) is Verdict.FASTER
    assert verdict_of(three_trials(-0.3, 0.2999, T_95)) is Verdict.SLOWER


def test_a_95_percent_interval_that_touches_zero_is_unresolved():
    assert verdict_of(three_trials(0.3, 0.3001, T_95)) is Verdict.UNRESOLVED
    assert verdict_of(three_trials(-0.3, 0.3001, T_95)) is Verdict.UNRESOLVED


def test_a_sure_but_small_gain_is_no_difference():
    assert verdict_of([0.0100, 0.0101, 0.0102]) is Verdict.NO_DIFFERENCE


def test_a_run_that_chose_its_length_is_judged_by_its_pilot():
    # the later trials agree, the pilot did not: half-width 12.706 * 0.1414 / sqrt(8) = 0.635 around 0.3
    log_ratios = [0.2, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    assert verdict_of(log_ratios) is Verdict.FASTER
    assert verdict_of(log_ratios, pilot=2) is Verdict.UNRESOLVED


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=10))
def test_swapping_the_arms_swaps_faster_and_slower(log_ratios):
    mirror = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    forth = verdict_of(log_ratios)
    assert verdict_of([-value for value in log_ratios]) is mirror.get(forth, forth)


def test_a_true_difference_of_the_margin_is_called_none_in_at_most_one_run_of_twenty():
    rng = np.random.default_rng(4)
    runs = rng.normal(math.log(1.03), 0.02, (1000, 8)).tolist()
    called_none = sum(verdict_of(run) is Verdict.NO_DIFFERENCE for run in runs)
    assert called_none / 1000 <= 0.07
