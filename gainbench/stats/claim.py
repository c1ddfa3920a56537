"""Whether a published gain is reproduced: does it lie where the published set-up must have been?

All numbers of the set-up come from the caller, who has them from the plan.
"""

from dataclasses import dataclass
from enum import StrEnum

from gainbench.stats.curve import Crossing, CrossingState


class ClaimVerdict(StrEnum):
    """What the curve says about a published gain."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Band:
    """The wait ratios that the published set-up may have had."""

    low: float
    high: float


def wait_ratio_band(
    *,
    trips_on_loop: float,
    rtt_ms: tuple[float, float],
    cpu_ms_per_request: float,
    cpu_factor: tuple[float, float],
) -> Band:
    """Return the band of wait ratios: time that the loop stands still over CPU time, per request.

    ``rtt_ms`` is the range of round trips there; ``cpu_factor`` how much slower its core may be than the one
    on which ``cpu_ms_per_request`` was measured. The slowest core with the nearest database waits least.
    """
    return Band(
        low=trips_on_loop * min(rtt_ms) / (max(cpu_factor) * cpu_ms_per_request),
        high=trips_on_loop * max(rtt_ms) / (min(cpu_factor) * cpu_ms_per_request),
    )


def judge_claim(crossing: Crossing, band: Band) -> ClaimVerdict:
    """Return the verdict on the claim that the gain lies in the band.

    One bound on the far side of the band is enough to refuse the claim. To confirm it, the curve must surely
    have crossed within the measured range (its upper bound is known), in an interval that overlaps the band.
    One that begins below the range counts from the crossing on: its open end would overlap with anything.
    """
    beyond = crossing.low is not None and crossing.low > band.high
    short = crossing.high is not None and crossing.high < band.low
    if beyond or short:
        return ClaimVerdict.NOT_REPRODUCED
    if crossing.state is not CrossingState.CROSSED or crossing.x is None or crossing.high is None:
        return ClaimVerdict.UNRESOLVED
    begins = crossing.x if crossing.low is None else crossing.low
    return ClaimVerdict.REPRODUCED if begins <= band.high else ClaimVerdict.UNRESOLVED
