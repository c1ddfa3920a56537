"""The gate in front of every request, and the book of what passed it.

Each arm has a lane, each of its users a seat in it. Only one lane is open at a time; a user of another one
waits before its next request. What happens is counted as it happens: in the lane's window while one is open,
outside of it otherwise. Knows gevent and the clock, but neither Locust nor who decides whose turn it is: a
local schedule and a message from afar drive it alike, by monotonic times.

The methods of ``Seat`` run once per request and cost what they cost in every measurement: they are kept flat.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import monotonic, process_time

import gevent
from gevent.event import AsyncResult, Event

from gainbench.load.protocol import PlannedStarts, Remainder, Tally, WindowClosed, WindowCounts

NEVER_REPORTED = "outcome never reported"


class _Book:
    """A tally that is still being written."""

    __slots__ = ("failures", "latencies_us", "successes")

    def __init__(self) -> None:
        self.successes = 0
        self.failures: Counter[str] = Counter()
        self.latencies_us = array("I")

    def tally(self) -> Tally:
        return Tally(self.successes, dict(self.failures))


class Lane:
    """One arm's gate and counters."""

    is_paced = False

    def __init__(self, arm: str) -> None:
        self.arm = arm
        self.seats: list[Seat] = []
        self.started = 0  # users that got through their on_start
        self.failed_start: str | None = None
        self.is_open = False
        self.counting = False
        self.opened_at = 0.0
        self.sent = 0
        self.in_flight = 0
        self.gap_seconds = 0.0
        # Each start subtracts its time and each end adds its own: with in_flight x now added, this is the
        # integral of the requests in flight from the beginning up to now.
        self.flight_balance = 0.0
        self.outside = _Book()
        self.book = self.outside
        self._gate = Event()
        self._flight_at_open = 0.0
        self._in_flight_at_open = 0

    def open(self, anchor: float | None = None) -> None:
        """The ``anchor`` is a moment that all generators have in common; a closed loop has no use for it."""
        self.is_open = True
        self._gate.set()

    def close(self) -> None:
        self.is_open = False
        self._gate.clear()

    def let_go(self) -> None:
        """Open for good: the users are leaving."""
        self.open()

    def seat(self, is_resting: Callable[[], bool]) -> "Seat":
        return Seat(self, is_resting)

    def wait_until_open(self) -> None:
        while not self.is_open:
            self._gate.wait()

    def flight_seconds(self, now: float) -> float:
        return self.flight_balance + self.in_flight * now

    def start_counting(self) -> float:
        now = monotonic()
        self.book = _Book()
        self.counting = True
        self.opened_at = now
        self.gap_seconds = 0.0
        self._flight_at_open = self.flight_seconds(now)
        self._in_flight_at_open = self.in_flight
        return now

    def stop_counting(self, planned_close: float, opened_late: float) -> tuple[WindowCounts, bytes]:
        now = monotonic()
        book, self.book = self.book, self.outside
        self.counting = False
        counts = WindowCounts(
            arm=self.arm,
            opened_at=self.opened_at,
            seconds=now - self.opened_at,
            lag_seconds=max(opened_late, now - planned_close, 0.0),
            successes=book.successes,
            failures=dict(book.failures),
            in_flight_at_open=self._in_flight_at_open,
            in_flight_at_close=self.in_flight,
            in_flight_seconds=self.flight_seconds(now) - self._flight_at_open,
            gap_seconds=self.gap_seconds + sum(seat.unfinished_gap(now) for seat in self.seats),
        )
        return counts, book.latencies_us.tobytes()

    def settle(self, latencies_us: bytes) -> tuple[PlannedStarts | None, bytes]:
        """A closed loop plans nothing: what completed in the window is all there is."""
        return None, latencies_us

    def give_up_counting(self) -> None:
        """The window will not be reported: what it has counted lies outside of any."""
        given_up, self.book = self.book, self.outside
        self.counting = False
        self.outside.successes += given_up.successes
        self.outside.failures.update(given_up.failures)

    def take_outside(self) -> Tally:
        taken = self.outside
        self.outside = _Book()
        if not self.counting:
            self.book = self.outside
        return taken.tally()


class Seat:
    """One user: what it has in flight, and which requests still owe their outcome.

    A request sent with ``catch_response`` owes its outcome until its with-block ends.
    """

    __slots__ = ("_is_resting", "idle_since", "in_flight", "lane", "owed")

    def __init__(self, lane: Lane, is_resting: Callable[[], bool]) -> None:
        self.lane = lane
        self.in_flight = 0
        self.owed = 0
        self.idle_since = monotonic()
        self._is_resting = is_resting
        lane.seats.append(self)

    def enter(self) -> None:
        """Wait for the turn, then note that a request is on its way."""
        lane = self.lane
        if not lane.is_open:
            lane.wait_until_open()
        now = monotonic()
        if lane.counting and not self.in_flight:
            idle_since = self.idle_since
            lane.gap_seconds += now - (idle_since if idle_since > lane.opened_at else lane.opened_at)
        lane.sent += 1
        lane.in_flight += 1
        lane.flight_balance -= now
        self.in_flight += 1
        self.owed += 1

    def park(self) -> None:
        """Wait for the turn, on behalf of a client that passes no gate."""
        self.lane.wait_until_open()

    def leave_for_good(self) -> None:
        """The user stops: what it still sends is its goodbye."""

    def leave(self) -> None:
        """The response is here, or will never be."""
        now = monotonic()
        lane = self.lane
        lane.in_flight -= 1
        lane.flight_balance += now
        self.in_flight -= 1
        self.idle_since = now

    def succeed(self, response_time_ms: float) -> None:
        self._pay()
        lane = self.lane
        book = lane.book
        book.successes += 1
        if lane.counting:
            book.latencies_us.append(int(response_time_ms * 1000.0 + 0.5))

    def fail(self, failure: str) -> None:
        self._pay()
        self.lane.book.failures[failure] += 1

    def fail_what_is_owed(self, failure: str) -> None:
        """Requests that have ended but whose with-block did not report them never will."""
        while self.owed > self.in_flight:
            self.fail(failure)

    def report_late(self, response_time_seconds: float) -> None:
        """A request that did not pass the gate: enter and leave it after the fact."""
        now = monotonic()
        began = now - response_time_seconds
        lane = self.lane
        if lane.counting:
            idle_since = max(self.idle_since, lane.opened_at)
            lane.gap_seconds += max(began - idle_since, 0.0)
            began = max(began, lane.opened_at)
        lane.sent += 1
        lane.flight_balance += now - began
        self.owed += 1
        self.idle_since = now

    def unfinished_gap(self, now: float) -> float:
        """The gap the user is in as the window closes.

        A user that sent nothing during the whole window counts only while it rests (a wait time, as its
        Locust file asks for); otherwise it is dead or stuck, and its missing time shows that.
        """
        lane = self.lane
        if self.in_flight:
            return 0.0
        if self.idle_since >= lane.opened_at:
            return now - self.idle_since
        return now - lane.opened_at if self._is_resting() else 0.0

    def _pay(self) -> None:
        if self.owed:
            self.owed -= 1
        else:  # an outcome for a request that did not pass the gate
            self.lane.sent += 1


class Turnstile:
    """All lanes: whose turn it is, and the window that is being counted."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.turn: Lane | None = None
        self.task_exceptions: Counter[str] = Counter()
        self.window_cpu_seconds = 0.0  # that this process took in the last window, until its close
        self.started = Event()
        self._opened: AsyncResult[float] = AsyncResult()
        self._window: gevent.Greenlet[..., WindowClosed] | None = None

    def set_up(self, arms: Iterable[str], new_lane: Callable[[str], Lane] = Lane) -> None:
        """New lanes, all closed, for new users."""
        self.lanes = {arm: new_lane(arm) for arm in arms}
        self.turn = None
        self.task_exceptions.clear()
        self.started.clear()

    def turn_to(self, arm: str | None, anchor: float | None = None) -> None:
        """Close every lane but this arm's."""
        self.turn = None if arm is None else self.lanes[arm]
        for lane in self.lanes.values():
            if lane is not self.turn:
                lane.close()
        if self.turn is not None:
            self.turn.open(anchor)

    def open_all(self) -> None:
        self.started.set()
        for lane in self.lanes.values():
            lane.let_go()

    def schedule(self, arm: str, *, open_at: float, seconds: float) -> None:
        """Let this arm through now, and count from ``open_at`` for so many seconds."""
        if self._window is not None:
            raise RuntimeError("a window is already under way")
        self.turn_to(arm, anchor=open_at)
        self._opened = AsyncResult()
        self._window = gevent.spawn(self._count, self.lanes[arm], open_at, seconds)

    def wait_for_opening(self) -> float:
        at: float = self._opened.get()
        return at

    def wait_for_report(self) -> WindowClosed:
        if self._window is None:
            raise RuntimeError("no window is under way")
        window, self._window = self._window, None
        closed: WindowClosed = window.get()
        return closed

    def give_up_window(self) -> None:
        """End a window that nobody will ask for."""
        if self._window is not None:
            self._window.kill()
            self._window = None
        for lane in self.lanes.values():
            if lane.counting:
                lane.give_up_counting()

    def in_flight(self) -> int:
        return sum(lane.in_flight for lane in self.lanes.values())

    def take_remainder(self) -> Remainder:
        exceptions, self.task_exceptions = self.task_exceptions, Counter()
        return Remainder(
            outside={arm: lane.take_outside() for arm, lane in self.lanes.items()},
            sent={arm: lane.sent for arm, lane in self.lanes.items()},
            task_exceptions=dict(exceptions),
        )

    def settle_everything(self) -> None:
        """After the users have gone: what is still owed will not come."""
        for lane in self.lanes.values():
            for seat in lane.seats:
                while seat.in_flight:
                    seat.leave()
                seat.fail_what_is_owed(NEVER_REPORTED)

    def _count(self, lane: Lane, open_at: float, seconds: float) -> WindowClosed:
        sleep_until(open_at)
        opened_at = lane.start_counting()
        cpu_at_open = process_time()
        self._opened.set(opened_at)
        close_at = opened_at + seconds
        sleep_until(close_at)
        counts, latencies_us = lane.stop_counting(close_at, opened_late=opened_at - open_at)
        self.window_cpu_seconds = process_time() - cpu_at_open
        starts, latencies_us = lane.settle(latencies_us)
        return WindowClosed(replace(counts, starts=starts), latencies_us, self.take_remainder())


def sleep_until(at: float) -> None:
    while (left := at - monotonic()) > 0:
        gevent.sleep(left)
