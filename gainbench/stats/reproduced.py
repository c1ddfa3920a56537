"""Whether a published gain is reproduced: does it lie where the published set-up must have been?

All numbers of the set-up come from the caller, who has them from the plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gainbench.stats.curve import Crossing, CrossingState, Curve


class Reproduction(StrEnum):
    """What the curve says about a published gain."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Band:
    """The wait ratios that the published set-up may have had."""

    low: float
    high: float


@dataclass(frozen=True)
class Refused:
    """The gains that would not have been reproduced, had they been published: those below and those above.

    None where the measured range does not reach far enough to refuse any on that side.
    """

    below: float | None
    above: float | None


def wait_ratio_band(
    *,
    loop_trips: float,
    rtt_ms: tuple[float, float],
    database_ms: tuple[float, float],
    cpu_ms: tuple[float, float],
) -> Band:
    """Return the band of wait ratios: time that the loop stands still over CPU time, per request.

    Each trip takes the network's round trip and the database's own time for the statement. The slowest core
    with the nearest and fastest database waits least.
    """
    return Band(
        low=loop_trips * (min(rtt_ms) + min(database_ms)) / max(cpu_ms),
        high=loop_trips * (max(rtt_ms) + max(database_ms)) / min(cpu_ms),
    )


def judge_claim(crossing: Crossing, band: Band) -> Reproduction:
    """Return the verdict on the claim that the gain lies in the band.

    One bound on the far side of the band is enough to refuse the claim. To confirm it, both bounds must lie
    within the measured range, in an interval that overlaps the band: an open end would overlap with anything.
    """
    beyond = crossing.low is not None and crossing.low > band.high
    short = crossing.high is not None and crossing.high < band.low
    if beyond or short:
        return Reproduction.NOT_REPRODUCED
    both = crossing.low is not None and crossing.high is not None
    if crossing.state is CrossingState.CROSSED and both:
        return Reproduction.REPRODUCED
    return Reproduction.UNRESOLVED


def refused_gains(curve: Curve, band: Band) -> Refused:
    """Return which published gains ``judge_claim`` would refuse on this curve.

    A gain's crossing lies surely before the band where the lower edge of the curve has reached it by then,
    and surely beyond where the upper edge has not reached it by the band's end.
    """
    below = above = None
    if curve.low is not None and band.low > curve.x[0]:
        below = _highest(curve.x, curve.low, until=band.low)
    if curve.high is not None and band.high < curve.x[-1]:
        above = _highest(curve.x, curve.high, until=band.high)
    return Refused(below, above)


def _highest(x: Sequence[float], edge: Sequence[float], *, until: float) -> float:
    there = float(np.interp(until, x, edge))
    return max([there, *(value for place, value in zip(x, edge, strict=True) if place <= until)])
