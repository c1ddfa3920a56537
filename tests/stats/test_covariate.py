"""The slope that a second measurement explains, within groups alone."""

import numpy as np
import pytest

from gainbench.stats.covariate import FEWEST_POINTS, within_slope


def test_the_slope_is_that_of_the_points_within_each_group() -> None:
    first = [(x, 5 - 1.2 * x) for x in range(6)]
    second = [(x, 50 - 1.2 * x) for x in range(10, 16)]
    assert within_slope([first, second]) == pytest.approx(-1.2)


def test_what_differs_between_groups_is_no_part_of_it() -> None:
    # Within both groups y does not follow x at all; between them it does.
    low = [(0.0, 1.0), (0.0, 3.0), (1.0, 1.0), (1.0, 3.0)] * 2
    high = [(x + 10, y + 10) for x, y in low]
    assert within_slope([low, high]) == pytest.approx(0.0)


def test_too_few_points_or_no_spread_give_no_slope() -> None:
    points = [(float(x), float(x)) for x in range(FEWEST_POINTS)]
    assert within_slope([points]) == pytest.approx(1.0)
    assert within_slope([points[:-1]]) is None
    assert within_slope([[(1.0, 2.0)] * FEWEST_POINTS]) is None


def test_the_correction_is_unbiased_and_narrows_the_spread() -> None:
    rng = np.random.default_rng(3)
    plain, corrected = [], []
    for _ in range(400):
        speed = rng.normal(0, 0.12, (2, 30))
        noise = rng.normal(0, 0.03, (2, 30))
        y = np.array([[0.0], [0.15]]) - 1.2 * speed + noise
        slope = within_slope([list(zip(speed[arm], y[arm], strict=True)) for arm in (0, 1)])
        assert slope is not None
        plain.append(np.diff(y.mean(axis=1)).item())
        corrected.append(np.diff((y - slope * speed).mean(axis=1)).item())
    assert np.mean(corrected) == pytest.approx(0.15, abs=0.003)
    assert np.std(corrected) < np.std(plain) / 3
