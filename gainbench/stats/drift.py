"""Whether a ratio moved while the run went on: a note for the reader, never a verdict.

Knows one time and one log ratio per trial: blocks of a trial share its luck, so only trials are evidence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import scipy


@dataclass(frozen=True)
class TrialRatio:
    """A trial's mean log ratio and when it was measured, in seconds since the run began."""

    seconds: float
    log_ratio: float


@dataclass(frozen=True)
class Drift:
    """The change of the ratio per minute, as a fraction, and the p value of "no change"."""

    per_minute: float
    p_value: float


def drift(trials: Sequence[TrialRatio]) -> Drift | None:
    """Return the straight line through the trials (ordinary least squares), or None below three of them."""
    if len(trials) < 3:
        return None
    line = scipy.stats.linregress([trial.seconds for trial in trials], [trial.log_ratio for trial in trials])
    return Drift(per_minute=math.expm1(float(line.slope) * 60), p_value=float(line.pvalue))
