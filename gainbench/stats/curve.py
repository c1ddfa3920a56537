"""The gain over the wait for the database, and where that curve reaches a target.

The curve passes through what was measured: the mean log ratio of each cell, joined by cubics that keep to the
points' own rises and falls (PCHIP: Fritsch and Carlson, 1980). It is drawn in u = log(1 + wait ratio), where
the log ratio of a CPU-bound candidate is a straight line of slope 1, so that little is left for the joints to
get wrong. Where the gain must rise with the wait, as that of an async arm over a loop that stands still does,
cells that fall are first pooled with their neighbours (isotonic regression: Ayer et al., 1955).
docs/statistics.md compares this by simulation with other curves.

Knows points; not which arms, cells or milliseconds they came from. Never extrapolates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy
from numpy.typing import NDArray

MERGED_SHARE = 0.05  # of the measured range in u: nearer cells count as one, or the line would zigzag
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
class GainAt:
    """The gain at one wait ratio; no interval where the curve has no band."""

    x: float
    gain: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """The mean curve on a fine grid over the measured range, with its pointwise band, as gains."""

    x: tuple[float, ...]
    gain: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    places: tuple[float, ...]  # what the curve passes through: the cells' wait ratios, near ones merged
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

    def at(self, x: float) -> GainAt | None:
        """Return the gain at this wait ratio; None outside the measured range."""
        if not self.x[0] <= x <= self.x[-1]:
            return None
        gain, low, high = (
            None if edge is None else float(np.interp(x, self.x, edge))
            for edge in (self.gain, self.low, self.high)
        )
        return None if gain is None else GainAt(x, gain, low, high)


def fit_curve(
    trials: Sequence[Sequence[CurvePoint]],
    *,
    rising: bool,
    confidence: float = 0.95,
    pilot: int | None = None,
) -> Curve | None:
    """Join the cells' weighted means over all trials, with a t band from the trials' spread.

    ``rising`` where physics says that the curve cannot fall. The band is the jackknife over whole trials
    (Tukey 1958): each trial left out in turn, and the curve drawn anew. At a cell that no other pulls it is
    exactly the t interval of the cell's gain. ``pilot`` as in ``estimate.mean_interval``: the band then rests
    on the spread of these first trials, which have to support the curve by themselves. None where fewer than
    two cells can be told apart; no band for a single trial.
    """
    measured = [trial for trial in trials if trial]
    clusters = _clusters(measured[:pilot])
    if len(clusters) < 2:
        return None
    table = _tabulate(measured, clusters)
    u_places = np.log1p(table.x)
    u = np.linspace(u_places[0], u_places[-1], GRID_POINTS)

    (mean,) = _joined(u_places, table.weights.sum(axis=0)[None], table.sums.sum(axis=0)[None], u, rising)
    half = _band_half_width(table.first(pilot), u_places, u, rising, confidence, trials=len(measured))
    return Curve(
        x=tuple(np.expm1(u).tolist()),
        gain=tuple(np.expm1(mean).tolist()),
        low=None if half is None else tuple(np.expm1(mean - half).tolist()),
        high=None if half is None else tuple(np.expm1(mean + half).tolist()),
        places=tuple(table.x.tolist()),
        confidence=confidence,
        trials=len(measured),
    )


@dataclass(frozen=True)
class _Table:
    """Trials by places: the weight measured there, and the weighted sum of log ratios."""

    x: Floats
    weights: Floats
    sums: Floats

    def first(self, trials: int | None) -> "_Table":
        return _Table(self.x, self.weights[:trials], self.sums[:trials])


def _clusters(trials: Sequence[Sequence[CurvePoint]]) -> list[list[float]]:
    """The cells' places, near ones together; only cells that stay when any one trial is left out."""
    enough = min(2, len(trials))
    seen = [{point.x for point in trial} for trial in trials]
    kept = [x for x in sorted(set().union(*seen)) if sum(x in cells for cells in seen) >= enough]
    if not kept:
        return []
    nearest = MERGED_SHARE * (math.log1p(kept[-1]) - math.log1p(kept[0]))
    clusters = [[kept[0]]]
    for x in kept[1:]:
        if math.log1p(x) - math.log1p(clusters[-1][0]) > nearest:
            clusters.append([x])
        else:
            clusters[-1].append(x)
    return clusters


def _tabulate(trials: Sequence[Sequence[CurvePoint]], clusters: Sequence[Sequence[float]]) -> _Table:
    column = {x: at for at, cluster in enumerate(clusters) for x in cluster}
    weights, sums = (np.zeros((len(trials), len(clusters))) for _ in range(2))
    moments = np.zeros(len(clusters))
    for row, trial in enumerate(trials):
        for point in trial:
            if point.x in column:
                at = column[point.x]
                weights[row, at] += point.weight
                sums[row, at] += point.weight * point.log_ratio
                moments[at] += point.weight * point.x
    return _Table(moments / weights.sum(axis=0), weights, sums)


def _joined(u_places: Floats, weights: Floats, sums: Floats, u: Floats, rising: bool) -> Floats:
    """One curve for each row of weights and sums, on the grid."""
    means = sums / weights
    if rising:
        for row in np.flatnonzero((np.diff(means, axis=1) < 0).any(axis=1)):
            means[row] = scipy.optimize.isotonic_regression(means[row], weights=weights[row]).x
    return np.asarray(scipy.interpolate.PchipInterpolator(u_places, means, axis=1)(u))


def _band_half_width(
    given: _Table, u_places: Floats, u: Floats, rising: bool, confidence: float, *, trials: int
) -> Floats | None:
    """The t band of a mean over ``trials``, from the jackknife spread of those given: all, or the pilot's."""
    count = len(given.weights)
    if count < 2:
        return None
    weights, sums = given.weights.sum(axis=0), given.sums.sum(axis=0)
    (mean,) = _joined(u_places, weights[None], sums[None], u, rising)
    without_one = _joined(u_places, weights - given.weights, sums - given.sums, u, rising)
    standard_error = np.sqrt((count - 1) / trials * ((without_one - mean) ** 2).sum(axis=0))
    return np.asarray(
        scipy.stats.t.ppf((1 + confidence) / 2, _degrees_of_freedom(given, u_places, u)) * standard_error
    )


def _degrees_of_freedom(given: _Table, u_places: Floats, u: Floats) -> Floats:
    """One less than the trials that measured the places on either side, of which the fewer count."""
    at_places = (given.weights > 0).sum(axis=0) - 1
    before = np.clip(np.searchsorted(u_places, u, side="right") - 1, 0, len(u_places) - 2)
    return np.asarray(np.minimum(at_places[before], at_places[before + 1]), dtype=float)


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
