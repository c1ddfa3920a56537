"""The open loop: requests begin when they are planned, not when the last one has been answered.

A lane with a pace releases planned starts to whichever user is free, on the arm's own clock: while the gate
is closed the schedule stands still, and so does what waits in line. A start that finds no free user waits
there, and its latency grows meanwhile: it is taken from the planned start on, so a server that stands still
cannot hide the queue before it. Knows gevent and the clock, as the turnstile does, but not Locust.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterator
from itertools import count
from random import Random
from typing import NamedTuple

import gevent
from gevent.event import AsyncResult

from gainbench.load.cycle import Cycle
from gainbench.load.protocol import Arrivals, Outside, PlannedStarts
from gainbench.load.seat import Seat
from gainbench.load.several.orders import ALL, Share
from gainbench.load.turnstile import Lane

LATE_SECONDS = 0.005


class Timetable(NamedTuple):
    """When requests are due, for all generators together, and which of them are this one's."""

    arrivals: Arrivals
    rate_rps: float
    share: Share = ALL

    def planned_starts(self, random: Random) -> Iterator[float]:
        """The moments of arm time at which this generator's requests are due, for ever.

        Constant arrivals are the ticks of one clock, which is the arm's on all generators: each takes every
        n-th tick, so that the gaps stay even. Poisson arrivals need no such care: together, independent ones
        are again Poisson.
        """
        if self.arrivals == "constant":
            yield from (tick / self.rate_rps for tick in count(self.share.number + 1, self.share.of))
        due = 0.0
        while True:
            due += random.expovariate(self.rate_rps / self.share.of)
            yield due


class Start:
    """A planned start on its way to a user. ``is_queued``: no user was free when it was due."""

    __slots__ = ("has_begun", "is_counted", "is_dispatched_late", "is_queued", "planned")

    def __init__(self, planned: float, *, is_queued: bool, is_dispatched_late: bool) -> None:
        self.planned = planned  # in arm time
        self.is_queued = is_queued
        self.is_dispatched_late = is_dispatched_late
        self.is_counted = False  # planned in a window of the present comb
        self.has_begun = False


class Schedule:
    """How the starts planned in a comb's windows fared."""

    def __init__(self) -> None:
        self.unanswered: set[Start] = set()
        self.latencies_us = array("I")
        self.planned = self.late_for_users = self.late_for_generator = 0
        self.longest_late_seconds = 0.0

    def plan(self, start: Start) -> None:
        start.is_counted = True
        self.planned += 1
        self.unanswered.add(start)

    def begin(self, start: Start, late_seconds: float) -> None:
        start.has_begun = True
        if start not in self.unanswered:
            return
        self.longest_late_seconds = max(self.longest_late_seconds, late_seconds)
        if late_seconds > LATE_SECONDS:
            if start.is_queued and not start.is_dispatched_late:
                self.late_for_users += 1
            else:
                self.late_for_generator += 1

    def end(self, start: Start, latency_seconds: float | None) -> None:
        """Answered well, with its latency, or badly, without."""
        if start in self.unanswered:
            self.unanswered.remove(start)
            if latency_seconds is not None:
                self._record(latency_seconds)

    def close(self, now: float, in_line: Collection[Start] = ()) -> PlannedStarts:
        """What is still unanswered enters with its age: its latency is that at least.

        A start that had its user when the last gate closed before it goes with the next comb's first turn.
        """
        stopped = {start for start in self.unanswered if not start.has_begun and start not in in_line}
        self.unanswered -= stopped
        self.planned -= len(stopped)
        for start in self.unanswered:
            self._record(max(now - start.planned, 0.0))
        return PlannedStarts(
            planned=self.planned,
            unanswered=len(self.unanswered),
            late_for_users=self.late_for_users,
            late_for_generator=self.late_for_generator,
            longest_late_seconds=self.longest_late_seconds,
        )

    def _record(self, seconds: float) -> None:
        self.latencies_us.append(int(seconds * 1e6 + 0.5))


class PacedLane(Lane):
    """A lane whose users begin on a schedule while it is open."""

    is_paced = True

    def __init__(self, arm: str, timetable: Timetable, random: Random) -> None:
        super().__init__(arm)
        self.schedule = Schedule()
        self._planned = timetable.planned_starts(random)
        self._next_planned = next(self._planned)
        self._release: gevent.Greenlet[..., None] | None = None
        self._line: deque[Start] = deque()  # due, but no user was free
        self._free: deque[AsyncResult[Start | None]] = deque()  # users with nothing to do

    def seat(self) -> PacedSeat:
        return PacedSeat(self)

    def open(self) -> float:
        """Begin to release starts: first to those in line, which have waited longest."""
        at = super().open()
        if self._release is None and not self.is_free:
            self._release = gevent.spawn(self._release_starts)
        return at

    def close(self) -> float:
        if self._release is not None:
            self._release.kill(block=False)
            self._release = None
        return super().close()

    def let_go(self) -> None:
        self.is_free = True
        while self._free:
            self._free.popleft().set(None)
        super().let_go()

    def next_start(self) -> Start | None:
        """Wait for a planned start; None when the users are free to leave."""
        if self.is_free:
            return None
        if self._line and self.is_open:
            return self._line.popleft()
        call: AsyncResult[Start | None] = AsyncResult()
        self._free.append(call)
        try:
            start: Start | None = call.get()
            return start
        except BaseException:  # the user is killed: nobody may hand it a start any more
            if call in self._free:
                self._free.remove(call)
            raise

    def begin_comb(self) -> Outside:
        self.schedule = Schedule()
        return super().begin_comb()

    def planned_starts(self) -> tuple[PlannedStarts | None, array[int] | None]:
        return self.schedule.close(self.clock.now(), set(self._line)), self.schedule.latencies_us

    def _release_starts(self) -> None:
        while self._line and self._free:
            self._free.popleft().set(self._line.popleft())
        while True:
            left = self._next_planned - self.clock.now()
            if left > 0:
                gevent.sleep(left)
                continue
            planned, self._next_planned = self._next_planned, next(self._planned)
            start = Start(planned, is_queued=not self._free, is_dispatched_late=-left > LATE_SECONDS)
            if self.stretches and planned >= self.clock.shown_at(self.stretches[-1].counted_from):
                self.schedule.plan(start)
            if self._free:
                self._free.popleft().set(start)
            else:
                self._line.append(start)


class PacedSeat(Seat):
    """A user of a paced lane. Its ``on_start`` and ``on_stop`` are not paced: only its tasks are."""

    __slots__ = ("_begun", "_held", "_is_paced", "_paced_lane")

    def __init__(self, lane: PacedLane) -> None:
        super().__init__(lane)
        self._paced_lane = lane
        self._is_paced = False
        self._held: Start | None = None
        self._begun: dict[Cycle, tuple[Start, float]] = {}

    def park(self) -> None:
        """Hold the next start until the user's own client, which passes no gate, has sent its request."""
        self._is_paced = True
        self._held = self._wait_for_start()
        super().park()

    def leave_for_good(self) -> None:
        super().leave_for_good()
        self._is_paced = False

    def enter(self) -> Cycle:
        start = self._next_start() if self._is_paced else None
        cycle = super().enter()
        self._begin(cycle, start)
        return cycle

    def report_late(self, seconds: float, *, is_own: bool = True) -> Cycle:
        cycle = super().report_late(seconds, is_own=is_own)
        held, self._held = self._held, None
        self._begin(cycle, held)
        return cycle

    def settle(self, cycle: Cycle) -> None:
        begun = self._begun.pop(cycle, None)
        if begun is not None:
            start, late_seconds = begun
            well = not cycle.failure
            self._paced_lane.schedule.end(start, late_seconds + cycle.latency_ms / 1000 if well else None)

    def _next_start(self) -> Start | None:
        held, self._held = self._held, None
        return held if held is not None else self._wait_for_start()

    def _wait_for_start(self) -> Start | None:
        self.arrived_ns = 0
        self.waits_at_gate += 1
        self.lane.note_change()
        try:
            return self._paced_lane.next_start()
        finally:
            self.waits_at_gate -= 1

    def _begin(self, cycle: Cycle, start: Start | None) -> None:
        if start is None:
            return
        late_seconds = max(self.lane.clock.now() - start.planned, 0.0)
        self._paced_lane.schedule.begin(start, late_seconds)
        self._begun[cycle] = (start, late_seconds)
