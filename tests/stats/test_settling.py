"""Slopes and shifts with numbers to check by hand, and how often chance alone would be taken for one."""

import math
import random

import pytest

from gainbench.stats.settling import Change, change_across, common_change, pooled, shift


def test_a_straight_line_changes_by_its_rise_over_its_mean() -> None:
    """From 9 to 11 over the range of x, around 10: a fifth."""
    assert change_across([0, 1, 2], [9, 10, 11]) == pytest.approx(0.2)
    assert change_across([0, 10, 20], [11, 10, 9]) == pytest.approx(-0.2)


def test_a_kink_changes_by_the_fitted_line() -> None:
    """1, 1, 4 at 0, 1, 2: the slope of least squares is 1.5, the mean 2, the range 2."""
    assert change_across([0, 1, 2], [1, 1, 4]) == pytest.approx(1.5 * 2 / 2)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1], [5]), ([1, 1], [4, 6]), ([0, 1], [0, 0])])
def test_without_two_places_or_a_mean_there_is_no_change(x: list[float], y: list[float]) -> None:
    assert change_across(x, y) is None


def test_changes_are_pooled_with_students_interval() -> None:
    """0.01, 0.02 and 0.03: s = 0.01, and t of 2 degrees of freedom at 95 % is 4.303."""
    found = pooled([0.01, 0.02, 0.03], confidence=0.95)
    assert found is not None
    assert found.mean == pytest.approx(0.02)
    assert found.half_width == pytest.approx(4.303 * 0.01 / math.sqrt(3), rel=1e-3)


def test_fewer_than_three_changes_have_no_interval_and_nothing_is_sure() -> None:
    assert pooled([]) is None
    two = pooled([0.5, 0.6])
    assert two == Change(pytest.approx(0.55), None)
    assert two is not None
    assert two.sure is None


def test_what_is_sure_of_a_change_is_what_its_interval_leaves() -> None:
    assert Change(0.05, 0.02).sure == pytest.approx(0.03)
    assert Change(-0.05, 0.02).sure == pytest.approx(0.03)
    assert Change(0.01, 0.02).sure == 0


def test_a_change_without_any_noise_is_sure_as_a_whole() -> None:
    """As in work that is the same for each request: a spread of 0 is known, not unknown."""
    steady = pooled([0.25, 0.25, 0.25])
    assert steady is not None
    assert steady.sure == pytest.approx(0.25)


def test_a_change_that_series_have_in_common_is_judged_by_what_scatters_around_it() -> None:
    """Around their means y is -1 0 1 and -2 -1 3: the slope is 7 / 4, and 3.75 is left with 3 degrees."""
    found = common_change([([0, 1, 2], [0, 1, 2]), ([10, 11, 12], [0, 1, 5])], confidence=0.95)
    assert found is not None
    assert found.mean == pytest.approx(2 * 1.75)
    assert found.half_width == pytest.approx(2 * 3.182 * math.sqrt(3.75 / 3 / 4), rel=1e-3)


def test_three_slopes_that_nobody_can_be_sure_of_are_sure_by_their_values() -> None:
    series = [
        ([0.0, 1.0, 2.0, 3.0], [-0.27, -0.05, 0.0, 0.0]),
        ([0.0, 1.0, 2.0, 3.0], [-0.26, -0.12, 0.01, 0.01]),
        ([0.0, 1.0, 2.0, 3.0], [-0.29, -0.07, 0.02, 0.01]),
    ]
    slopes = [change_across(x, [1 + value - sum(y) / 4 for value in y]) for x, y in series]
    alone, together = pooled([slope for slope in slopes if slope is not None]), common_change(series)
    assert alone is not None
    assert together is not None
    assert alone.sure == 0
    assert together.sure is not None
    assert together.sure > 0.02


@pytest.mark.parametrize("series", [[], [([1.0], [5.0])], [([1.0, 1.0], [4.0, 6.0])]])
def test_series_without_two_places_have_nothing_in_common(
    series: list[tuple[list[float], list[float]]],
) -> None:
    assert common_change(series) is None


def test_too_few_values_show_a_common_change_and_not_how_sure_it_is() -> None:
    assert common_change([([0, 1], [0, 2]), ([0, 1], [0, 4])]) == Change(3.0, None)


def test_a_step_in_the_middle_is_the_difference_of_the_halves_over_the_mean() -> None:
    """2 and then 1, around 1.5. The one large difference of neighbours is the step, not noise."""
    found = shift([2, 2, 2, 1, 1, 1])
    assert found is not None
    assert found.mean == pytest.approx(-1 / 1.5)
    assert found.half_width == pytest.approx(0)


def test_the_value_in_the_middle_belongs_to_neither_half() -> None:
    found = shift([2, 2, 2, 100, 2, 2, 2])
    assert found is not None
    assert found.mean == 0


def test_a_steady_slope_is_no_noise_either() -> None:
    """1 to 6: the halves' means are 2 and 5, the mean is 3.5, and each step is as large as the others."""
    found = shift([1, 2, 3, 4, 5, 6])
    assert found is not None
    assert found.mean == pytest.approx(3 / 3.5)
    assert found.half_width == pytest.approx(0)


def test_the_noise_of_a_series_is_that_of_neighbours_without_the_largest() -> None:
    """Steps 2, -2, 2, -2, 2 around their median of 2: squares 0, 16, 0, 16, 0. Without a 16: 4 on average."""
    found = shift([9, 11, 9, 11, 9, 11], confidence=0.95)
    assert found is not None
    # Half of that is the variance of a value; three values in each half; t at 8/3 degrees is 3.420.
    assert found.mean == pytest.approx((31 / 3 - 29 / 3) / 10)
    assert found.half_width == pytest.approx(3.420 * math.sqrt(4 / 2) * math.sqrt(2 / 3) / 10, rel=1e-3)


def test_of_a_short_series_nothing_is_sure() -> None:
    assert shift([]) is None
    assert shift([1]) is None
    assert shift([0, 0, 0, 0]) is None
    short = shift([2, 2, 2, 1, 1])
    assert short is not None
    assert short.sure is None


@pytest.mark.parametrize("length", [6, 9, 24])
def test_chance_is_hardly_ever_taken_for_a_shift(length: int) -> None:
    """Level series with noise of 5 %: of 400, at most 2 are sure to have shifted by anything."""
    chance = random.Random(length)
    series = [[chance.gauss(1, 0.05) for _ in range(length)] for _ in range(400)]
    assert sum(bool(found.sure) for one in series if (found := shift(one))) <= 2


def test_a_tenth_less_is_seen_through_noise_of_one_in_a_hundred() -> None:
    chance = random.Random(5)
    series = [[chance.gauss(1 if at < 12 else 0.9, 0.01) for at in range(24)] for _ in range(100)]
    assert sum((found.sure or 0) > 0.05 for one in series if (found := shift(one))) == 100
