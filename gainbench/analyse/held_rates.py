"""The highest rate an arm holds with its p99 below a limit: the search, and the judgement of each probe.

Rates double until one is not held, then the bracket is halved (in ratio) until it is narrow. A p99 rests on
few requests, which one stall of the machine can delay: an arm misses a rate only when it does so twice in a
row. Pure; what runs the probes is the caller's business.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gainbench.load import histogram
from gainbench.store.records import Probe
from gainbench.store.results import HeldRate

Outcome = Literal["held", "missed", "generator behind", "spoilt"]

FIRST_RPS = 20.0
LOWEST_RPS = 1.0
HIGHEST_RPS = 100_000.0
GROWTH = 2.0
NARROW = 1.1
MOST_LATE = 0.01  # of the starts: more would be the p99


@dataclass
class RateSearch:
    """What is known of one arm: a rate it holds, and one it does not."""

    held_rps: float | None = None
    missed_rps: float | None = None
    _doubted_rps: float | None = None  # missed once

    def next_rps(self) -> float | None:
        """The rate to try; None when the bracket is narrow enough, or lies beyond what can be tried."""
        if self._doubted_rps is not None:
            return self._doubted_rps
        if self.held_rps is None and self.missed_rps is None:
            return FIRST_RPS
        if self.held_rps is None or self.missed_rps is None:
            tried = self.held_rps * GROWTH if self.held_rps else (self.missed_rps or 0.0) / GROWTH
            return tried if LOWEST_RPS <= tried <= HIGHEST_RPS else None
        if self.missed_rps <= self.held_rps * NARROW:
            return None
        return math.sqrt(self.held_rps * self.missed_rps)

    def saw(self, rate_rps: float, outcome: Outcome) -> None:
        """Learn from a probe; one that a load generator spoilt teaches nothing and is repeated."""
        if outcome == "spoilt":
            return
        if outcome == "held":
            self.held_rps = rate_rps
        elif rate_rps == self._doubted_rps:
            self.missed_rps = rate_rps
        else:
            self._doubted_rps = rate_rps
            return
        self._doubted_rps = None


def outcome(probe: Probe, limit_seconds: float) -> Outcome:
    """Judge a probe on its p99 from the planned start.

    A lagging generator only adds to it: a rate held is held, but one missed then proves nothing of the arm.
    """
    load = probe.comb.arms[probe.arm].load
    starts = load.starts
    if probe.comb.incomplete is not None:
        return "spoilt"
    if starts is None or not starts.planned:
        return "missed"
    (p99_ms,) = histogram.quantiles_ms(load.latency, (0.99,))
    answered = p99_ms is not None and p99_ms <= limit_seconds * 1000
    if answered and not starts.unanswered and not load.failures:
        return "held"
    return "generator behind" if starts.late_for_generator > MOST_LATE * starts.planned else "missed"


def left_a_queue(probe: Probe) -> bool:
    """Whether the arm still owed answers as the probe ended: it would meet the next one with a queue."""
    starts = probe.comb.arms[probe.arm].load.starts
    return bool(starts and starts.unanswered)


def held_rates(arms: Sequence[str], probes: Sequence[Probe], limit_seconds: float) -> tuple[HeldRate, ...]:
    """Each arm's bracket, from the probes in the order they ran."""
    return tuple(
        _held_rate(arm, own, limit_seconds)
        for arm in arms
        if (own := [probe for probe in probes if probe.arm == arm])
    )


def _held_rate(arm: str, probes: Sequence[Probe], limit_seconds: float) -> HeldRate:
    search, ended_by = RateSearch(), None
    for probe in probes:
        missed_before, seen = search.missed_rps, outcome(probe, limit_seconds)
        search.saw(probe.rate_rps, seen)
        ended_by = ended_by if search.missed_rps == missed_before else seen
    return HeldRate(
        arm=arm,
        limit_ms=limit_seconds * 1000,
        held_rps=search.held_rps,
        missed_rps=search.missed_rps,
        generator_bound=ended_by == "generator behind",
        probes=len(probes),
    )
