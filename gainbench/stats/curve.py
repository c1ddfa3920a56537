"""The gain over the wait for the database, and where that curve reaches a target.

The curve is drawn in u = log(1 + wait ratio). There it has a simple shape: while the candidate is bound by
its CPU, the ratio of throughputs is (D_baseline / D_candidate) (1 + wait ratio), so that the log ratio is a
straight line of slope 1; as users run out it bends down. A low polynomial in u follows both, while one in
the wait ratio itself misses it by up to a third of its interval (docs/statistics.md has the figures).

Knows points; not which arms, cells or milliseconds they came from. Never extrapolates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy
from numpy.typing import NDArray

HIGHEST_DEGREE = 3
MERGED_SHARE = 0.1  # of the measured range: nearer cells count as one when the degree is chosen
GRID_POINTS = 401

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CurvePoint:
    """One cell of one trial: where it lies, its mean log ratio, and its weight (its number of blocks)."""

    x: float
    log_ratio: float
    weight: float = 1.0


class CrossingState(StrEnum):
    """Where the curve lies to its target within the measured range."""

    CROSSED = "crossed"
    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True)
class Crossing:
    """Where the gain first reaches the target; a bound is None where the measured range does not give one.

    A curve that is surely ``below`` the target everywhere crosses, if at all, beyond the range: its end is
    then the lower bound. A curve that is surely ``above`` has the range's start as upper bound.
    """

    target_gain: float
    state: CrossingState
    x: float | None
    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True)
class Curve:
    """The fitted mean curve on a fine grid over the measured range, with its pointwise band, as gains."""

    x: tuple[float, ...]
    gain: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    degree: int
    confidence: float
    trials: int

    def crossing(self, target_gain: float) -> Crossing:
        """Return where the curve, and the two edges of its band, first rise to the target."""
        if self.gain[0] >= target_gain:
            state, x = CrossingState.ABOVE, None
        else:
            x = _first_rise(self.x, self.gain, target_gain)
            state = CrossingState.BELOW if x is None else CrossingState.CROSSED
        low = high = None
        if self.low is not None and self.high is not None:
            low = _lower_bound(self.x, self.high, target_gain)
            high = _upper_bound(self.x, self.low, target_gain)
        return Crossing(target_gain, state, x, low, high, self.confidence)


def fit_curve(
    trials: Sequence[Sequence[CurvePoint]], *, confidence: float = 0.95, pilot: int | None = None
) -> Curve | None:
    """Fit one curve through all trials by weighted least squares, with a t band from their spread.

    The band is the jackknife over whole trials (Tukey 1958): for complete trials exactly the t interval over
    one fit per trial, and sound where trials lack cells. ``pilot`` as in ``estimate.mean_interval``: the band
    then rests on the spread of these first trials, which have to support the curve by themselves. None where
    the cells are too few for a line; no band for a single trial.
    """
    measured = [trial for trial in trials if trial]
    degree = _degree(measured[:pilot])
    if degree is None:
        return None
    positions = [point.x for trial in measured for point in trial]
    basis = _Basis(math.log1p(min(positions)), math.log1p(max(positions)), degree)

    sums = [_normal_equations(trial, basis) for trial in measured]
    matrices = np.array([matrix for matrix, _ in sums])
    vectors = np.array([vector for _, vector in sums])
    coefficients = np.linalg.solve(matrices.sum(axis=0), vectors.sum(axis=0))

    grid = basis.grid()
    design = basis.design(grid)
    mean = design @ coefficients
    half = _band_half_width(matrices[:pilot], vectors[:pilot], design, confidence, trials=len(measured))
    return Curve(
        x=tuple(grid.tolist()),
        gain=tuple(np.expm1(mean).tolist()),
        low=None if half is None else tuple(np.expm1(mean - half).tolist()),
        high=None if half is None else tuple(np.expm1(mean + half).tolist()),
        degree=degree,
        confidence=confidence,
        trials=len(measured),
    )


@dataclass(frozen=True)
class _Basis:
    """Powers of u = log(1 + wait ratio), stretched to [-1, 1] over the measured range."""

    u_min: float
    u_max: float
    degree: int

    def grid(self) -> Floats:
        u = np.linspace(self.u_min, self.u_max, GRID_POINTS)
        return np.asarray(np.expm1(u))

    def design(self, x: Floats) -> Floats:
        u = np.log1p(x)
        stretched = (2 * u - self.u_min - self.u_max) / (self.u_max - self.u_min)
        return np.vander(stretched, self.degree + 1)


def _degree(trials: Sequence[Sequence[CurvePoint]]) -> int | None:
    """Return what the cells support, such that the fit still stands when any one trial is left out."""
    positions = sorted({point.x for trial in trials for point in trial})
    nearest = MERGED_SHARE * (positions[-1] - positions[0]) if positions else 0.0
    cells = sorted((_places([point.x for point in trial], nearest) for trial in trials), reverse=True)[:2]
    if not cells or cells[-1] < 2:
        return None
    return min(cells[-1] - 1, HIGHEST_DEGREE)


def _places(positions: Sequence[float], nearest: float) -> int:
    """How many places can be told apart: cells that lie together say little of the curve between others."""
    count, last = 0, -math.inf
    for position in sorted(positions):
        if position - last > nearest:
            count, last = count + 1, position
    return count


def _normal_equations(trial: Sequence[CurvePoint], basis: _Basis) -> tuple[Floats, Floats]:
    design = basis.design(np.array([point.x for point in trial]))
    weighted = design.T * np.array([point.weight for point in trial])
    return weighted @ design, weighted @ np.array([point.log_ratio for point in trial])


def _band_half_width(
    matrices: Floats, vectors: Floats, design: Floats, confidence: float, *, trials: int
) -> Floats | None:
    """The t band of a mean over ``trials``, from the jackknife spread of those given: all, or the pilot's."""
    given = len(matrices)
    if given < 2:
        return None
    mean = np.linalg.solve(matrices.sum(axis=0), vectors.sum(axis=0))
    without_one = np.linalg.solve(matrices.sum(axis=0) - matrices, (vectors.sum(axis=0) - vectors)[..., None])
    deviations = (without_one[..., 0] - mean) @ design.T
    standard_error = np.sqrt((given - 1) / trials * (deviations**2).sum(axis=0))
    return np.asarray(scipy.stats.t.ppf((1 + confidence) / 2, given - 1) * standard_error)


def _first_rise(x: Sequence[float], y: Sequence[float], target: float) -> float | None:
    """Return where the line through the points first reaches the target: its start if it begins there."""
    reached = next((index for index, value in enumerate(y) if value >= target), None)
    if not reached:
        return None if reached is None else x[0]
    before = reached - 1
    share = (target - y[before]) / (y[reached] - y[before])
    return x[before] + share * (x[reached] - x[before])


def _lower_bound(x: Sequence[float], upper_edge: Sequence[float], target: float) -> float | None:
    if upper_edge[0] >= target:
        return None
    rise = _first_rise(x, upper_edge, target)
    return x[-1] if rise is None else rise


def _upper_bound(x: Sequence[float], lower_edge: Sequence[float], target: float) -> float | None:
    return _first_rise(x, lower_edge, target)
