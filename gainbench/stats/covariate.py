"""Taking out of a figure what a second measurement, made at the same time, explains of its spread.

A window's log throughput y is corrected to the mean speed of the core: y - b (x - mean x), where x is the log
of what a fixed piece of work took in that window (analysis of covariance, Fisher 1932; as control variates in
Lavenberg and Welch 1981). The slope b comes from the spread of windows of the same arm under the same
condition, so that what arms or conditions do to the core cannot pass for it.
"""

from collections.abc import Iterable, Sequence

import numpy as np

FEWEST_POINTS = 12


def within_slope(groups: Iterable[Sequence[tuple[float, float]]]) -> float | None:
    """Return the slope of y over x within groups of points (x, y); None with too few points or no spread."""
    deviations = [np.asarray(group) - np.mean(group, axis=0) for group in groups if len(group) > 1]
    if sum(len(group) for group in deviations) < FEWEST_POINTS:
        return None
    x, y = np.concatenate(deviations).T
    spread = float(x @ x)
    return float(x @ y) / spread if spread > 0 else None
