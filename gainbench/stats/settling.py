"""Whether something is level: a rate within a turn, a ratio within a trial, the work of a request over a run.

A change is judged by what remains of it after its own uncertainty, so that a short run is not called
unsettled for its noise. Many such judgements are made of a run, on each arm or pair of each cell: with an
error of 1 in 100, every tenth run would break a rule by chance. Knows numbers alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

import numpy as np
import scipy

SURE = 0.999
FEWEST_DEGREES = 3
FEWEST_OF_A_SERIES = 6  # two equal neighbours among fewer would make chance look like a step


@dataclass(frozen=True)
class Change:
    """A change, and the half-width of its interval; None where too few values show no spread."""

    mean: float
    half_width: float | None

    @property
    def sure(self) -> float | None:
        """How large it is at least, whatever its sign; None where nobody can tell."""
        return None if self.half_width is None else max(abs(self.mean) - self.half_width, 0.0)


def change_across(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return by how much y changes over the range of x, relative to its mean (ordinary least squares)."""
    if len(x) < 2 or max(x) == min(x) or not np.mean(y):
        return None
    slope, _ = np.polyfit(np.asarray(x, dtype=float), np.asarray(y, dtype=float), 1)
    return float(slope * (max(x) - min(x)) / np.mean(y))


def pooled(changes: Sequence[float], *, confidence: float = SURE) -> Change | None:
    """Return the mean of changes seen independently, with its t interval."""
    if not changes:
        return None
    if len(changes) < 3:
        return Change(fmean(changes), None)
    half = _quantile(len(changes) - 1, confidence) * float(np.std(changes, ddof=1)) / math.sqrt(len(changes))
    return Change(fmean(changes), half)


def common_change(
    series: Sequence[tuple[Sequence[float], Sequence[float]]], *, confidence: float = SURE
) -> Change | None:
    """Return by how much y changes over the range of x in all the series alike, each around its own mean.

    Its interval comes from the scatter of the values around the common slope: three series say little of the
    spread of their slopes, their dozen values more.
    """
    xs, ys, spans = [], [], []
    for x, y in series:
        if len(x) > 1:
            xs += [value - fmean(x) for value in x]
            ys += [value - fmean(y) for value in y]
            spans.append(max(x) - min(x))
    degrees = len(xs) - len(spans) - 1
    squares = sum(x * x for x in xs)
    if not squares:
        return None
    slope = sum(x * y for x, y in zip(xs, ys, strict=True)) / squares
    if degrees < FEWEST_DEGREES:
        return Change(slope * fmean(spans), None)
    left = sum((y - slope * x) ** 2 for x, y in zip(xs, ys, strict=True)) / degrees
    half = _quantile(degrees, confidence) * math.sqrt(left / squares)
    return Change(slope * fmean(spans), half * fmean(spans))


def shift(values: Sequence[float], *, confidence: float = SURE) -> Change | None:
    """Return by how much the second half of a series lies above the first, relative to the mean of all.

    The noise is taken from the differences of neighbours (von Neumann 1941), less the usual one and without
    the largest: a slope or a step is what is looked for, and must not count as noise and hide itself.
    """
    half = len(values) // 2
    mean = fmean(values) if values else 0.0
    if not half or not mean:
        return None
    moved = (fmean(values[-half:]) - fmean(values[:half])) / mean
    if len(values) < FEWEST_OF_A_SERIES:
        return Change(moved, None)
    steps = [after - before for before, after in pairwise(values)]
    squares = sorted((step - median(steps)) ** 2 for step in steps)[:-1]
    spread = math.sqrt(fmean(squares) / 2)
    # Neighbouring differences share a value, so that three of them tell as much as two.
    degrees = max(2 / 3 * len(squares), 1.0)
    return Change(moved, _quantile(degrees, confidence) * spread * math.sqrt(2 / half) / abs(mean))


def _quantile(degrees: float, confidence: float) -> float:
    return float(scipy.stats.t.ppf((1 + confidence) / 2, degrees))
