"""What a comb's turns hold, from the cycles of its users. Pure arithmetic, done when nobody is loaded.

A cycle runs from a user's passing the gate to its next arrival there. It counts in a window by the share of
it that lies inside, so that a window holds users x seconds / cycle whatever the phase: whole completions
would be off by up to a request a user, and users that were parked together begin together. The time that a
cycle spent frozen, resting while its arm was parked, is no part of its length. Where many cycles began in
windows, the shares are held to what those say (``steady.py``).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gainbench.load.cycle import Cycle, Stretch
from gainbench.load.steady import Begun, Responses, steady_length

BINS = 20
"""Of a turn, for the profile of the rate since the gate opened."""

SHORTEST_SECONDS = 1e-7

MOST_NAMES = 60
OTHERS = ("", "(others)")


@dataclass
class TurnShares:
    """Cycles by the share of them that lies in a turn's guard and in its window."""

    guard_successes: float = 0.0
    successes: float = 0.0
    failures: float = 0.0


@dataclass
class RequestTally:
    """The same of one request name."""

    requests: int = 0
    failures: int = 0
    latencies_us: array[int] = field(default_factory=lambda: array("I"))


@dataclass(frozen=True)
class ArmTally:
    """An arm's turns of one comb, counted.

    ``in_flight_seconds`` is the integral of the requests in flight over the windows, from the gate's own
    clock; ``completions`` and ``latency_seconds`` are of the requests answered inside them, by the client's
    clock: two sides of Little's law. ``covered_seconds`` is the time of the users' that lies in cycles which
    could be counted: a user that is dead or stuck is missing from it, and what is loose adds nothing.
    """

    requests: int
    failures: Mapping[str, int]
    received_bytes: int
    turns: tuple[TurnShares, ...]
    latencies_us: array[int]
    completions: int
    latency_seconds: float
    in_flight_seconds: float
    covered_seconds: float
    profile: tuple[float, ...]
    longest_seconds: float
    loose: int
    unsettled: int
    by_request: Mapping[str, RequestTally]


def tally(
    cycles: Iterable[Cycle],
    stretches: Sequence[Stretch],
    *,
    now: float,
    lengths: Mapping[Cycle, float],
    turn_seconds: float,
    by_request: bool = False,
    expected: Mapping[Cycle, float] | None = None,
) -> ArmTally:
    """Count the cycles of one arm over its turns; mark those whose request has been counted.

    ``lengths`` has those cycles that have not ended, but whose length is known already: their users rest.
    ``by_request``: requests begin on a schedule, and each counts by its own time. A cycle that has neither
    ended nor a known length is unsettled, and so is one whose outcome is not known. ``expected`` has cycles
    that have begun with a rest, with their length: their request is still to come, but their time counts.
    """
    counted = _Counted([TurnShares() for _ in stretches])
    cycles = sorted(cycles, key=_began)
    responses = Responses(cycles, stretches)
    begun = Begun()
    first = 0
    for cycle in cycles:
        until = now if cycle.answered is None else cycle.answered
        if not cycle.is_counted:
            counted.longest_seconds = max(counted.longest_seconds, until - cycle.sent)
            if cycle.has_outcome:
                counted.add_request(cycle)
        end, length = _extent(cycle, now, lengths, by_request)
        counted.unsettled += length is None
        if length is not None:
            length = max(steady_length(length, cycle, stretches, responses), SHORTEST_SECONDS)
        while first < len(stretches) and stretches[first].closed_at <= cycle.began:
            first += 1
        for place in range(first, len(stretches)):
            if stretches[place].opened_at >= end:
                break
            turn = stretches[place]
            counted.add(cycle, place, turn, until, end, length, turn_seconds / BINS)
            if (
                length is not None
                and not cycle.is_loose
                and turn.counted_from <= cycle.began < turn.closed_at
            ):
                begun.add(cycle, length)
    for cycle, length in ({} if by_request or expected is None else expected).items():
        for place, stretch in enumerate(stretches):
            counted.add_shares(cycle, place, stretch, now, max(length, SHORTEST_SECONDS), turn_seconds / BINS)
    if not by_request:
        counted.hold_to(begun, sum(stretch.closed_at - stretch.counted_from for stretch in stretches))
    return counted.tally()


def _began(cycle: Cycle) -> float:
    return cycle.began


class _Counted:
    """A tally that is still being written."""

    def __init__(self, turns: list[TurnShares]) -> None:
        self.longest_seconds = 0.0
        self.unsettled = 0
        self._turns = turns
        self._profile = [0.0] * BINS
        self._failures: Counter[str] = Counter()
        self._latencies_us = array("I")
        self._requests = self._bytes = self._completions = self._loose = 0
        self._latency_seconds = self._in_flight_seconds = self._covered_seconds = 0.0
        self._by_request: dict[tuple[str, str], RequestTally] = {}

    def add_request(self, cycle: Cycle) -> None:
        cycle.is_counted = True
        self._requests += 1
        self._bytes += cycle.bytes
        self._loose += cycle.is_loose
        named = self._named(cycle)
        named.requests += 1
        if cycle.failure:
            self._failures[cycle.failure] += 1
            named.failures += 1

    def _named(self, cycle: Cycle) -> RequestTally:
        """A file that names no requests may have a name for each id: what comes late is lumped together."""
        request = cycle.request or OTHERS
        if request not in self._by_request:
            if len(self._by_request) >= MOST_NAMES:
                request = OTHERS
            return self._by_request.setdefault(request, RequestTally())
        return self._by_request[request]

    def add(
        self,
        cycle: Cycle,
        place: int,
        turn: Stretch,
        until: float,
        end: float,
        length: float | None,
        bin_seconds: float,
    ) -> None:
        """What of the cycle lies in this turn; ``until``: its request was in flight until then."""
        self._in_flight_seconds += _overlap(cycle.sent, until, turn.counted_from, turn.closed_at)
        if cycle.has_outcome and turn.counted_from <= until < turn.closed_at:
            self._completions += 1
            self._latency_seconds += cycle.latency_ms / 1000
            if not cycle.failure:
                microseconds = int(cycle.latency_ms * 1000.0 + 0.5)
                self._latencies_us.append(microseconds)
                self._named(cycle).latencies_us.append(microseconds)
        if length is not None:
            self.add_shares(cycle, place, turn, end, length, bin_seconds)

    def add_shares(
        self, cycle: Cycle, place: int, turn: Stretch, end: float, length: float, bin_seconds: float
    ) -> None:
        inside = _overlap(cycle.began, end, turn.counted_from, turn.closed_at)
        self._covered_seconds += 0.0 if cycle.is_loose else inside
        shares = self._turns[place]
        if cycle.failure:
            shares.failures += inside / length
            return
        shares.successes += inside / length
        shares.guard_successes += _overlap(cycle.began, end, turn.opened_at, turn.counted_from) / length
        begin, stop = max(cycle.began, turn.opened_at), min(end, turn.closed_at)
        _spread(self._profile, begin - turn.opened_at, stop - turn.opened_at, 1.0 / length, bin_seconds)

    def hold_to(self, begun: Begun, seconds: float) -> None:
        """Let the shares add up to what the cycles that began in windows say, if they are many enough.

        Shares settle the phase of users that rest or wait long; but what lies in a window of a server that
        stands still for longer is a matter of when it does.
        """
        successes = sum(turn.successes for turn in self._turns)
        if self._loose or not successes or not begun.is_sample(self._covered_seconds / seconds):
            return
        factor = begun.successes_in(self._covered_seconds) / successes
        for turn in self._turns:
            turn.successes *= factor
            turn.guard_successes *= factor
        self._profile = [value * factor for value in self._profile]

    def tally(self) -> ArmTally:
        return ArmTally(
            requests=self._requests,
            failures=dict(self._failures),
            received_bytes=self._bytes,
            turns=tuple(self._turns),
            latencies_us=self._latencies_us,
            completions=self._completions,
            latency_seconds=self._latency_seconds,
            in_flight_seconds=self._in_flight_seconds,
            covered_seconds=self._covered_seconds,
            profile=tuple(self._profile),
            longest_seconds=self.longest_seconds,
            loose=self._loose,
            unsettled=self.unsettled,
            by_request={" ".join(request).strip(): named for request, named in self._by_request.items()},
        )


def _extent(
    cycle: Cycle, now: float, lengths: Mapping[Cycle, float], by_request: bool
) -> tuple[float, float | None]:
    """When the cycle ends, or now; and how long it is, in the arm's own time, if that is known."""
    if by_request or cycle.is_loose:
        end = cycle.answered
        length = None if end is None else end - cycle.began
    else:
        end = cycle.ended
        length = lengths.get(cycle) if end is None else end - cycle.began - cycle.frozen
    if length is None or not cycle.has_outcome:
        return now if end is None else end, None
    return now if end is None else end, max(length, SHORTEST_SECONDS)


def _overlap(begin: float, end: float, low: float, high: float) -> float:
    return max(min(end, high) - max(begin, low), 0.0)


def _spread(profile: list[float], begin: float, stop: float, density: float, bin_seconds: float) -> None:
    """Lay a cycle's progress into the bins of the turn that it crosses."""
    if stop <= begin:
        return
    at = int(begin / bin_seconds)
    while at < BINS and at * bin_seconds < stop:
        inside = min(stop, (at + 1) * bin_seconds) - max(begin, at * bin_seconds)
        profile[at] += density * max(inside, 0.0)
        at += 1
