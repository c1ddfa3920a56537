"""How still this machine is right now, and how sure a run of a plan could be on it.

Looked at while nothing of ours runs: what the cores do without us, and how evenly one of them computes.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import scipy

from gainbench.plan.model import Plan
from gainbench.run.sampler import CoreUse, cores_use
from gainbench.stack.processes import cores

IDLE_SECONDS, COMPUTING_SECONDS = 2.0, 1.0
SLICE_SECONDS = 0.05
TURN_SECONDS = 0.1  # of a quick app's turn with its guard and drain
STEP = 2_000  # additions between two looks at the clock: a fraction of a millisecond


@dataclass(frozen=True)
class Stillness:
    """Shares of the cores' time; None where the system is silent. `flicker` is a standard deviation."""

    steal: float | None
    others: float | None
    flicker: float


def look(sleep: Callable[[float], None] = time.sleep) -> Stillness:
    """Three seconds of looking."""
    usable = cores.available()
    before = cores_use(usable)
    sleep(IDLE_SECONDS)
    steal, others = _shares(before, cores_use(usable))
    apart = cores.split(usable)
    with cores.pin_self(None if apart is None else apart.arms):
        counts = _computed(COMPUTING_SECONDS, SLICE_SECONDS)
    return Stillness(steal, others, scatter(counts))


def _shares(before: CoreUse | None, after: CoreUse | None) -> tuple[float | None, float | None]:
    """What was stolen, and what others used; nothing of ours has run meanwhile."""
    if before is None or after is None or after.seconds <= before.seconds:
        return None, None
    seconds = after.seconds - before.seconds
    stolen = after.steal_seconds - before.steal_seconds
    used = seconds - (after.idle_seconds - before.idle_seconds) - stolen
    return max(0.0, stolen / seconds), max(0.0, used / seconds)


def _computed(seconds: float, slice_seconds: float) -> list[int]:
    """How much of the same small work fits into each of so many slices of time."""
    counts = []
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        count, until = 0, now + slice_seconds
        while time.perf_counter() < until:
            for _ in range(STEP):
                count += 1
        counts.append(count)
    return counts


def scatter(counts: Sequence[float]) -> float:
    """Of one slice, from neighbours: what wanders slowly is alike for arms that take turns."""
    if len(counts) <= 1:
        return 0.0
    steps = [math.log(after / before) for before, after in pairwise(counts)]
    return math.sqrt(math.fsum(step**2 for step in steps) / len(steps) / 2)


def half_width(plan: Plan, flicker: float) -> float | None:
    """What the headline's interval comes to at best, if nothing but the core's flicker scatters its turns."""
    trials = plan.profile.trials
    if trials <= 1:
        return None
    turns = max(1.0, plan.profile.comb / (TURN_SECONDS * len(plan.arms)))
    count = trials * plan.combs_of(plan.headline_cell) * turns
    return float(scipy.stats.t.ppf(0.975, trials - 1)) * flicker * math.sqrt(2 / count)
