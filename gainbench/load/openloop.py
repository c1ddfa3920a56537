"""The open loop: requests begin when they are planned, not when the last one has been answered.

A lane with a pace releases planned starts to whichever user is free. A start that finds no free user waits in
line, and its latency grows meanwhile: it is taken from the planned start on, so a server that stands still
cannot hide the queue before it. Knows gevent and the clock, as the turnstile does, but not Locust.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from math import floor
from random import Random
from time import monotonic
from typing import NamedTuple

import gevent
from gevent.event import AsyncResult

from gainbench.load.protocol import Arrivals, PlannedStarts, WindowCounts
from gainbench.load.several.orders import ALL, Share
from gainbench.load.turnstile import Lane, Seat, sleep_until

LATE_SECONDS = 0.005
# How long a closed window waits for the answers to what was planned in it.
SETTLE_SECONDS = 3.0
POLL_SECONDS = 0.005


class Timetable(NamedTuple):
    """When requests are due, for all generators together, and which of them are this one's."""

    arrivals: Arrivals
    rate_rps: float
    share: Share = ALL

    def planned_starts(self, began: float, anchor: float, random: Random) -> Iterator[float]:
        """The moments after ``began`` at which this generator's requests are due, for ever.

        Constant arrivals are the ticks of one clock, which all generators count from the ``anchor``: each
        takes every n-th tick, so that the gaps stay even, although they do not begin at the same moment.
        Poisson arrivals need no such care: together, independent ones are again Poisson.
        """
        if self.arrivals == "constant":
            next_tick = floor((began - anchor) * self.rate_rps) + 1
            own_tick = next_tick + (self.share.number + 1 - next_tick) % self.share.of
            yield from (anchor + tick / self.rate_rps for tick in count(own_tick, self.share.of))
        while True:
            began += random.expovariate(self.rate_rps / self.share.of)
            yield began


class Start(NamedTuple):
    """A planned start on its way to a user. ``queued``: no user was free when it was due."""

    planned: float
    queued: bool
    dispatched_late: bool


class Cohort:
    """The requests planned inside one window, whenever they end."""

    def __init__(self, opened_at: float) -> None:
        self.opened_at = opened_at
        self.closed_at = float("inf")
        self.planned = 0
        self.unanswered: set[float] = set()
        self.latencies_us = array("I")
        self.late_for_users = 0
        self.late_for_generator = 0
        self.longest_late_seconds = 0.0

    def plan(self, planned: float) -> None:
        if self.opened_at <= planned < self.closed_at:
            self.planned += 1
            self.unanswered.add(planned)

    def begin(self, start: Start, late_seconds: float) -> None:
        if start.planned not in self.unanswered:
            return
        self.longest_late_seconds = max(self.longest_late_seconds, late_seconds)
        if late_seconds > LATE_SECONDS:
            if start.queued and not start.dispatched_late:
                self.late_for_users += 1
            else:
                self.late_for_generator += 1

    def end(self, planned: float, latency_seconds: float | None) -> None:
        """Answered well, with its latency, or badly, without."""
        if planned in self.unanswered:
            self.unanswered.remove(planned)
            if latency_seconds is not None:
                self._record(latency_seconds)

    def close_the_books(self, now: float) -> PlannedStarts:
        """What is still unanswered enters with its age: its latency is that at least."""
        for planned in self.unanswered:
            self._record(now - planned)
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
        self.cohort: Cohort | None = None
        self.paced_since = 0.0
        self._timetable = timetable
        self._random = random
        self._release: gevent.Greenlet[..., None] | None = None
        self._is_free = False  # nobody is paced any more: the users are leaving
        self._next_planned = 0.0
        self._line: deque[Start] = deque()  # due, but no user was free
        self._free: deque[AsyncResult[Start | None]] = deque()  # users with nothing to do

    def seat(self, is_resting: Callable[[], bool]) -> "PacedSeat":
        return PacedSeat(self, is_resting)

    def open(self, anchor: float | None = None) -> None:
        """Begin to release starts. A lane that is open already just goes on, with its queue."""
        super().open()
        if self._release is None and not self._is_free:
            self.paced_since = monotonic()
            self._release = gevent.spawn(self._release_starts, self.paced_since if anchor is None else anchor)

    def close(self) -> None:
        super().close()
        if self._release is not None:
            self._release.kill(block=False)
            self._release = None
        self._line.clear()

    def let_go(self) -> None:
        self._is_free = True
        while self._free:
            self._free.popleft().set(None)
        super().let_go()

    def next_start(self) -> Start | None:
        """Wait for a planned start; None when the users are free to leave."""
        if self._is_free:
            return None
        if self._line:
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

    def start_counting(self) -> float:
        now = super().start_counting()
        self.cohort = Cohort(now)
        return now

    def stop_counting(self, planned_close: float, opened_late: float) -> tuple[WindowCounts, bytes]:
        counts, latencies_us = super().stop_counting(planned_close, opened_late)
        if self.cohort is not None:
            self.cohort.closed_at = counts.opened_at + counts.seconds
        return counts, latencies_us

    def settle(self, latencies_us: bytes) -> tuple[PlannedStarts | None, bytes]:
        """Wait for the answers to what was planned in the window; the load goes on meanwhile."""
        cohort = self.cohort
        if cohort is None:
            return None, latencies_us
        deadline = cohort.closed_at + SETTLE_SECONDS
        while (cohort.unanswered or self._next_planned < cohort.closed_at) and monotonic() < deadline:
            gevent.sleep(POLL_SECONDS)
        self.cohort = None
        return cohort.close_the_books(monotonic()), cohort.latencies_us.tobytes()

    def _release_starts(self, anchor: float) -> None:
        for planned in self._timetable.planned_starts(self.paced_since, anchor, self._random):
            self._next_planned = planned
            sleep_until(planned)
            late = monotonic() - planned > LATE_SECONDS
            if self.cohort is not None:
                self.cohort.plan(planned)
            if self._free:
                self._free.popleft().set(Start(planned, queued=False, dispatched_late=late))
            else:
                self._line.append(Start(planned, queued=True, dispatched_late=late))


class PacedSeat(Seat):
    """A user of a paced lane. Its ``on_start`` and ``on_stop`` are not paced: only its tasks are."""

    __slots__ = ("_begun", "_held", "_is_paced", "_paced_lane", "_waiting")

    def __init__(self, lane: PacedLane, is_resting: Callable[[], bool]) -> None:
        super().__init__(lane, lambda: self._waiting > 0 or is_resting())
        self._paced_lane = lane
        self._is_paced = False
        self._held: Start | None = None
        self._begun: deque[tuple[float, float] | None] = deque()  # planned, and how late it began
        self._waiting = 0  # greenlets of the user that wait for a start

    def park(self) -> None:
        """Hold the next start until the user's own client, which passes no gate, has sent its request."""
        self._is_paced = True
        self._held = self._wait_for_start()

    def leave_for_good(self) -> None:
        self._is_paced = False

    def enter(self) -> None:
        start = self._next_start() if self._is_paced else None
        super().enter()
        self._begin(start)

    def report_late(self, response_time_seconds: float) -> None:
        super().report_late(response_time_seconds)
        held, self._held = self._held, None
        self._begin(held)

    def succeed(self, response_time_ms: float) -> None:
        self._pay()
        self.lane.book.successes += 1
        self._end(response_time_ms / 1000)

    def fail(self, failure: str) -> None:
        super().fail(failure)
        self._end(None)

    def _next_start(self) -> Start | None:
        held, self._held = self._held, None
        lane = self._paced_lane
        if held is not None and lane.is_open and held.planned >= lane.paced_since:
            return held
        return self._wait_for_start()

    def _wait_for_start(self) -> Start | None:
        self._waiting += 1
        try:
            return self._paced_lane.next_start()
        finally:
            self._waiting -= 1

    def _begin(self, start: Start | None) -> None:
        if start is None:
            self._begun.append(None)
            return
        late_seconds = max(monotonic() - start.planned, 0.0)
        if self._paced_lane.cohort is not None:
            self._paced_lane.cohort.begin(start, late_seconds)
        self._begun.append((start.planned, late_seconds))

    def _end(self, response_seconds: float | None) -> None:
        begun = self._begun.popleft() if self._begun else None
        cohort = self._paced_lane.cohort
        if begun is not None and cohort is not None:
            planned, late_seconds = begun
            cohort.end(planned, None if response_seconds is None else late_seconds + response_seconds)
