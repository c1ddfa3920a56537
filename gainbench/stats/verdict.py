"""One word for a comparison, chosen in a fixed order so that no figure outranks a broken measurement.

Whether an arm collapsed and whether the rules of validity held is known before; this module does not look.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from gainbench.stats.estimate import Interval, mean_interval

DEFAULT_MARGIN = 0.03


class Verdict(StrEnum):
    """What a comparison came to."""

    COLLAPSED = "collapsed"
    INVALID = "invalid"
    NO_DIFFERENCE = "no difference"
    FASTER = "faster"
    SLOWER = "slower"
    UNRESOLVED = "unresolved"


def judge(
    log_ratios: Sequence[float],
    *,
    collapsed: bool,
    valid: bool,
    margin: float = DEFAULT_MARGIN,
    confidence: float = 0.95,
    pilot: int | None = None,
) -> Verdict:
    """Return the verdict on the candidate from one mean log ratio per trial.

    ``pilot`` as in ``mean_interval``. A single trial has no interval, so nothing but time can resolve it.
    """
    if collapsed:
        return Verdict.COLLAPSED
    if not valid:
        return Verdict.INVALID
    if len(log_ratios) < 2:
        return Verdict.UNRESOLVED
    # Two one-sided tests at 5 % each are a 90 % interval inside the margin (Schuirmann 1987).
    if _within_margin(mean_interval(log_ratios, confidence=2 * confidence - 1, pilot=pilot), margin):
        return Verdict.NO_DIFFERENCE
    return _direction(mean_interval(log_ratios, confidence=confidence, pilot=pilot))


def _within_margin(interval: Interval, margin: float) -> bool:
    """Say whether the ratio lies in [1 / (1 + margin), 1 + margin], the same for both directions."""
    limit = math.log1p(margin)
    return (
        interval.low is not None
        and interval.high is not None
        and -limit <= interval.low
        and interval.high <= limit
    )


def _direction(interval: Interval) -> Verdict:
    if interval.low is not None and interval.low > 0:
        return Verdict.FASTER
    if interval.high is not None and interval.high < 0:
        return Verdict.SLOWER
    return Verdict.UNRESOLVED
