"""A user's place in its arm's lane: the cycle it is in, and whether it stands at the gate or rests.

What ``Seat`` does it does once per request, and what that costs is a part of every measurement: its methods
are kept flat.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

import gevent

from gainbench.load.cycle import Cycle

if TYPE_CHECKING:
    from gainbench.load.turnstile import Lane


class Seat:
    """One user: its cycle, and whether it stands at the gate or rests."""

    __slots__ = (
        "arrived_ns",
        "cycle",
        "goes_its_own_way",
        "in_flight",
        "is_gone",
        "lane",
        "owed",
        "parked_seconds",
        "pauses_since",
        "rest_began",
        "rest_began_open",
        "waits_at_gate",
        "wakes_at",
    )

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.cycle: Cycle | None = None
        self.in_flight = 0
        self.waits_at_gate = 0
        self.wakes_at: float | None = None  # in arm time, while it rests
        self.rest_began = self.rest_began_open = 0.0
        self.parked_seconds = 0.0  # at the gate and at rest, since it was last asked
        self.pauses_since: float | None = None  # at the gate, in the middle of a cycle
        self.arrived_ns = 0  # of the last response at the socket, until the next request leaves
        self.owed: list[Cycle] = []  # answered or not: a with-block of the file has yet to say how it was
        self.is_gone = False
        self.goes_its_own_way = False
        lane.seats.append(self)

    @property
    def is_quiet(self) -> bool:
        if self.is_gone:
            return True
        return not self.in_flight and (self.waits_at_gate > 0 or self.wakes_at is not None)

    def enter(self) -> Cycle:
        """Arrive at the gate, wait for the turn, and note that a request is on its way."""
        lane = self.lane
        now = monotonic() if lane.is_open else self._wait()
        # Only now is it known: of several greenlets that stood at the gate, the others' requests are loose.
        is_loose = self.in_flight > 0
        cycle = Cycle(now, is_loose=is_loose)
        if not is_loose:
            self._end_cycle(now)
            self.cycle = cycle
        lane.cycles.append(cycle)
        lane.sent += 1
        lane.in_flight += 1
        self.in_flight += 1
        return cycle

    def leave(self, cycle: Cycle) -> None:
        """The response is here, or will never be."""
        cycle.answered = monotonic()
        lane = self.lane
        lane.in_flight -= 1
        lane.answered += 1
        self.in_flight -= 1
        if not lane.is_open:
            if self.waits_at_gate and not self.in_flight:  # other greenlets of the user have arrived before
                self._end_cycle(cycle.answered)
            lane.last_answer = cycle.answered
            lane.note_change()

    def _end_cycle(self, at: float) -> None:
        if self.cycle is not None and self.cycle.ended is None:
            self.cycle.ended = at

    def _wait(self) -> float:
        arrived = monotonic()
        if not self.in_flight:
            self._end_cycle(arrived)
        self.arrived_ns = 0
        self.waits_at_gate += 1
        self.lane.note_change()
        try:
            self.lane.wait_until_open()
        finally:
            self.waits_at_gate -= 1
        now = monotonic()
        self.parked_seconds += now - arrived
        return now

    def rest(self, seconds: float) -> None:
        """A wait time, on the arm's own clock."""
        lane = self.lane
        if seconds <= 0 or lane.is_free:
            gevent.sleep(max(seconds, 0.0))  # one of 0 lets the others run, as every sleep does
            return
        self.arrived_ns = 0
        clock, cycle = lane.clock, self.cycle
        self.rest_began, self.rest_began_open = monotonic(), clock.now()
        self.wakes_at = self.rest_began_open + seconds
        lane.note_change()
        try:
            clock.sleep_until(self.wakes_at)
        finally:
            self.wakes_at = None
        frozen = max(monotonic() - self.rest_began - (clock.now() - self.rest_began_open), 0.0)
        self.parked_seconds += frozen
        if cycle is not None:
            cycle.frozen += frozen

    def length_of_cycle(self) -> float | None:
        """Of the one in which the user rests or pauses: what went before, and the whole of the rest."""
        if self.cycle is None:
            return None
        if self.wakes_at is not None:
            rest = self.wakes_at - self.rest_began_open
            return self.rest_began - self.cycle.began - self.cycle.frozen + rest
        if self.pauses_since is not None:
            return self.pauses_since - self.cycle.began - self.cycle.frozen
        return None

    def settle(self, cycle: Cycle) -> None:
        """The outcome of the cycle's request is known."""

    def take_parked_seconds(self) -> float:
        parked, self.parked_seconds = self.parked_seconds, 0.0
        return parked

    def park(self) -> None:
        """Arrive at the gate on behalf of a client of the user's own, which passes none.

        What it will report belongs to the cycle that begins here. A rest comes before the request, so a comb
        may end between the two: until the request is reported, it is expected to go as the last one went.
        """
        now = monotonic() if self.lane.is_open else self._wait()
        self._end_cycle(now)
        last, self.cycle = self.cycle, Cycle(now)
        if last is not None:
            self.cycle.failure, self.cycle.latency_ms = last.failure, last.latency_ms

    def pause(self) -> None:
        """Wait for the turn in the middle of a cycle, which stands still meanwhile."""
        if self.lane.is_open:
            return
        self.pauses_since = monotonic()
        self.arrived_ns = 0
        self.waits_at_gate += 1
        self.lane.note_change()
        try:
            self.lane.wait_until_open()
            paused = monotonic() - self.pauses_since
        finally:
            self.waits_at_gate -= 1
            self.pauses_since = None
        self.parked_seconds += paused
        if self.cycle is not None and self.cycle.ended is None:
            self.cycle.frozen += paused

    def fail(self, cycle: Cycle, failure: str) -> None:
        """Nobody will report this answered request: it has failed, after the time that the gate has seen."""
        if cycle.failure is None:
            cycle.failure = failure
            cycle.latency_ms = ((cycle.answered or cycle.sent) - cycle.sent) * 1000
            self.settle(cycle)

    def fail_what_is_owed(self, failure: str) -> None:
        """The task is over, so no with-block is left that could report."""
        for cycle in self.owed:
            self.fail(cycle, failure)
        self.owed.clear()

    def leave_for_good(self) -> None:
        """The user stops: what it still sends is its goodbye."""
        self.is_gone = True
        if not self.in_flight:
            self._end_cycle(monotonic())

    def report_late(self, seconds: float, *, is_own: bool = True) -> Cycle:
        """A request that did not pass the gate: enter and leave it after the fact.

        One that is not the user's own has no user that anybody knows of, and counts by its own time; so does
        one that the user fires beside requests that passed the gate.
        """
        now = monotonic()
        cycle = self.cycle
        if not is_own or self.in_flight or (cycle is not None and cycle.answered is not None):
            cycle = Cycle(now - seconds, is_loose=True)
        elif cycle is None:
            cycle = self.cycle = Cycle(now - seconds)
        cycle.sent = max(now - seconds, cycle.began)
        cycle.answered = now
        lane = self.lane
        lane.has_own_clients = lane.has_own_clients or is_own
        if not lane.is_open:
            lane.last_answer = now
        lane.cycles.append(cycle)
        lane.sent += 1
        lane.answered += 1
        return cycle

    def departs(self, now_ns: int) -> None:
        """The next request is on its way to the socket."""
        if self.arrived_ns:
            self.lane.turnaround_seconds += (now_ns - self.arrived_ns) / 1e9
            self.lane.turnarounds += 1
            self.arrived_ns = 0


current_seat: ContextVar[Seat | None] = ContextVar("seat", default=None)
"""Whose the running greenlet is: those that a user spawns inherit its context, and so its seat."""
