"""Whether a rate is level: within a turn, within a trial. The part of a slope that is surely there.

A slope is judged by what remains of it after its own uncertainty, so that a short run is not called unsettled
for its noise. Knows numbers alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy


@dataclass(frozen=True)
class Slope:
    """The mean of independent slopes, and the half-width of its interval (None for fewer than three)."""

    mean: float
    half_width: float | None

    @property
    def sure(self) -> float:
        """How large it is at least, whatever its sign."""
        return max(abs(self.mean) - (self.half_width or math.inf), 0.0)


def change_across(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return by how much y changes over the range of x, relative to its mean (ordinary least squares)."""
    if len(x) < 2 or max(x) == min(x) or not np.mean(y):
        return None
    slope, _ = np.polyfit(np.asarray(x, dtype=float), np.asarray(y, dtype=float), 1)
    return float(slope * (max(x) - min(x)) / np.mean(y))


def pooled(changes: Sequence[float], *, confidence: float = 0.99) -> Slope | None:
    """Return the mean of changes seen independently, with its t interval."""
    if not changes:
        return None
    if len(changes) < 3:
        return Slope(float(np.mean(changes)), None)
    quantile = scipy.stats.t.ppf((1 + confidence) / 2, len(changes) - 1)
    half = float(quantile * np.std(changes, ddof=1) / math.sqrt(len(changes)))
    return Slope(float(np.mean(changes)), half)
