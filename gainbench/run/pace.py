"""How long a window must be, from how fast the arms answer. Pure.

Long enough to hold many requests of the slowest arm, short enough that the machine has no time to change.
"""

from dataclasses import dataclass

SHORTEST_GUARD_SECONDS = 0.1
LONGEST_GUARD_SECONDS = 1.0
LONGEST_WINDOW_SECONDS = 3.0
MEDIANS_PER_WINDOW = 5
COMPLETIONS_PER_WINDOW = 200


@dataclass(frozen=True)
class Pace:
    """How fast one arm answered in one cell, as last seen."""

    throughput_rps: float
    p50_seconds: float
    p99_seconds: float


def window_seconds(paces: list[Pace], *, shortest: float) -> float:
    """One length for all arms of a block: what the slowest of them needs, at most three seconds."""
    needed = [shortest]
    for pace in paces:
        needed.append(MEDIANS_PER_WINDOW * pace.p50_seconds)
        if pace.throughput_rps > 0:
            needed.append(COMPLETIONS_PER_WINDOW / pace.throughput_rps)
    return min(max(needed), max(LONGEST_WINDOW_SECONDS, shortest))


def guard_seconds(paces: list[Pace]) -> float:
    """How long a switch takes to settle: three of the slowest p99 latencies, within bounds."""
    settled = 3 * max((pace.p99_seconds for pace in paces), default=0.0)
    return min(max(SHORTEST_GUARD_SECONDS, settled), LONGEST_GUARD_SECONDS)
