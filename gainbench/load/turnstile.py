"""The gate in front of every request, the arm's own clock, and the book of what passed.

Each arm has a lane, each of its users a seat in it. Only one lane is open at a time; a user of another one
waits before its next request, and its wait times stand still: they run on arm time, a clock that goes on only
while the gate is open. What passes is only noted here; ``cycles.py`` counts it when nobody is loaded. Knows
gevent and the clock, but neither Locust nor who decides whose turn it is.

The methods of ``Seat`` run once per request and cost what they cost in every measurement: they are kept flat.
"""

from __future__ import annotations

import heapq
import itertools
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic

import gevent
from gevent.event import AsyncResult, Event

from gainbench.load.cycle import Cycle, Stretch
from gainbench.load.cycles import ArmTally, tally
from gainbench.load.protocol import Outside, PlannedStarts

NEVER_REPORTED = "outcome never reported"


class ArmClock:
    """Time that passes only while the arm's gate is open, and whoever sleeps on it."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._opened_at: float | None = None
        self._sleepers: list[tuple[float, int, AsyncResult[None]]] = []
        self._number = itertools.count()
        self._alarm: gevent.Greenlet[..., None] | None = None

    def now(self) -> float:
        return self._passed if self._opened_at is None else self._passed + monotonic() - self._opened_at

    def shown_at(self, moment: float) -> float:
        """What this clock shows at a moment of the present turn."""
        return self._passed if self._opened_at is None else self._passed + moment - self._opened_at

    def go_on(self, at: float) -> None:
        if self._opened_at is None:
            self._opened_at = at
            self._set_alarm()

    def stand_still(self, at: float) -> None:
        if self._opened_at is not None:
            self._passed += max(at - self._opened_at, 0.0)
            self._opened_at = None
            self._drop_alarm()

    def sleep_until(self, deadline: float) -> None:
        waker: AsyncResult[None] = AsyncResult()
        sleeper = (deadline, next(self._number), waker)
        heapq.heappush(self._sleepers, sleeper)
        if self._opened_at is not None and self._sleepers[0] is sleeper:
            self._drop_alarm()
            self._set_alarm()
        try:
            waker.get()
        finally:
            if not waker.ready():  # the sleeper is killed
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def let_go(self) -> None:
        """Wake everybody: the users are leaving."""
        self._drop_alarm()
        while self._sleepers:
            heapq.heappop(self._sleepers)[2].set(None)

    def _set_alarm(self) -> None:
        if self._sleepers:
            self._alarm = gevent.spawn(self._ring)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.kill(block=False)
            self._alarm = None

    def _ring(self) -> None:
        while self._sleepers:
            left = self._sleepers[0][0] - self.now()
            if left > 0:
                gevent.sleep(left)
                continue
            heapq.heappop(self._sleepers)[2].set(None)


class Lane:
    """One arm's gate, clock and book."""

    is_paced = False

    def __init__(self, arm: str) -> None:
        self.arm = arm
        self.clock = ArmClock()
        self.seats: list[Seat] = []
        self.started = 0  # users that got through their on_start
        self.failed_start: str | None = None
        self.is_open = False
        self.is_free = False  # open for good: the users are leaving
        self.closed_at = 0.0
        self.sent = 0
        self.in_flight = 0
        self.has_own_clients = False  # which report what they have sent, but pass no gate
        self.answered = 0  # since the comb began
        self.cycles: list[Cycle] = []
        self.stretches: list[Stretch] = []  # of the comb under way
        self.turnaround_seconds = 0.0
        self.turnarounds = 0
        self.response_seconds = 0.0  # the mean, as last seen
        self._gate = Event()
        self._change = Event()
        self._opened_at = 0.0
        self._pace_seconds = 0.0  # from one of those who stand at the gate to the next
        self._let_in = 0

    def open(self) -> float:
        """Those who stand at the gate are let in one by one, over a response's time.

        All at once they would queue behind each other, and take many responses to get out of step again: the
        turn would begin in a state in which a loop that nobody closes is never.
        """
        now = monotonic()
        waiting = sum(seat.waits_at_gate for seat in self.seats)
        self._opened_at, self._let_in = now, 0
        self._pace_seconds = (
            0.0 if self.is_free or self.is_paced or not waiting else self.response_seconds / waiting
        )
        self.is_open = True
        self.clock.go_on(now)
        self._gate.set()
        return now

    def close(self) -> float:
        now = monotonic()
        self.is_open = False
        self._gate.clear()
        self.closed_at = now
        self.clock.stand_still(now)
        return now

    def let_go(self) -> None:
        """Open for good."""
        self.is_free = True
        self.open()
        self.clock.let_go()

    def seat(self) -> Seat:
        return Seat(self)

    def wait_until_open(self) -> None:
        while not self.is_open:
            self._gate.wait()
            left = self._opened_at + self._let_in * self._pace_seconds - monotonic()
            self._let_in += 1
            if left > 0:
                gevent.sleep(left)  # and the gate may be closed again

    def note_change(self) -> None:
        """While the gate is closed: something has been answered, or a user has come to rest."""
        if not self.is_open:
            self._change.set()

    def wait_for_change(self, seconds: float) -> None:
        self._change.clear()
        self._change.wait(seconds)

    @property
    def is_drained(self) -> bool:
        """Nothing is in flight; of what a client of the user's own sends, only the users' rest tells."""
        return not self.in_flight and (not self.has_own_clients or self.is_quiet())

    def begin_comb(self) -> Outside:
        """Forget all turns; what has been answered since the last comb lies outside of any."""
        outside = self.take_outside()
        self.stretches = []
        self.answered = 0
        self.turnaround_seconds, self.turnarounds = 0.0, 0
        return outside

    def take_outside(self) -> Outside:
        """What has been answered and lies in no comb."""
        counted = tally(self.cycles, (), now=monotonic(), lengths={}, turn_seconds=0.0)
        self._forget_what_is_over()
        return Outside(counted.requests, counted.failures)

    def count(self, turn_seconds: float) -> ArmTally:
        """Count the comb that is over."""
        lengths, expected = {}, {}
        for seat in self.seats:
            length = seat.length_of_cycle()
            if seat.cycle is not None and length is not None:
                if seat.cycle.answered is not None:
                    lengths[seat.cycle] = length
                elif seat.cycle.failure is not None:
                    expected[seat.cycle] = length + seat.cycle.latency_ms / 1000
        found = tally(
            self.cycles,
            self.stretches,
            now=monotonic(),
            lengths=lengths,
            expected=expected,
            turn_seconds=turn_seconds,
            by_request=self.is_paced,
        )
        if found.completions:
            self.response_seconds = found.latency_seconds / found.completions
        self._forget_what_is_over()
        return found

    def planned_starts(self) -> tuple[PlannedStarts | None, array[int] | None]:
        """A closed loop plans nothing."""
        return None, None

    def is_quiet(self) -> bool:
        """Whether every user stands at the gate or rests; one that is known to go its own way is left out."""
        return all(seat.is_quiet or seat.goes_its_own_way for seat in self.seats)

    def note_who_is_not_quiet(self) -> None:
        for seat in self.seats:
            seat.goes_its_own_way = not seat.is_quiet

    def _forget_what_is_over(self) -> None:
        self.cycles = [cycle for cycle in self.cycles if not (cycle.is_over and cycle.is_counted)]


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


class Turnstile:
    """All lanes: whose turn it is."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.turn: Lane | None = None
        self.task_exceptions: Counter[str] = Counter()
        self.started = Event()

    def set_up(self, arms: Iterable[str], new_lane: Callable[[str], Lane] = Lane) -> None:
        """New lanes, all closed, for new users."""
        self.lanes = {arm: new_lane(arm) for arm in arms}
        self.turn = None
        self.task_exceptions.clear()
        self.started.clear()

    def turn_to(self, arm: str | None) -> float:
        """Close the lane that is open, and open this arm's; when that was."""
        now = monotonic()
        if self.turn is not None:
            now = self.turn.close()
        self.turn = None if arm is None else self.lanes[arm]
        return now if self.turn is None else self.turn.open()

    def open_all(self) -> None:
        self.started.set()
        for lane in self.lanes.values():
            lane.let_go()

    def in_flight(self) -> int:
        return sum(lane.in_flight for lane in self.lanes.values())

    def take_task_exceptions(self) -> dict[str, int]:
        exceptions, self.task_exceptions = self.task_exceptions, Counter()
        return dict(exceptions)

    def outside(self) -> dict[str, Outside]:
        return {arm: lane.take_outside() for arm, lane in self.lanes.items()}

    def sent(self) -> dict[str, int]:
        return {arm: lane.sent for arm, lane in self.lanes.items()}

    def settle_everything(self) -> None:
        """After the users have gone: what is still owed will not come."""
        for lane in self.lanes.values():
            for cycle in lane.cycles:
                if cycle.answered is None:
                    cycle.answered = monotonic()
                    lane.in_flight -= 1
                if cycle.failure is None:
                    cycle.failure = NEVER_REPORTED
                cycle.ended = cycle.ended or cycle.answered
            for seat in lane.seats:
                seat.in_flight = 0


def sleep_until(at: float) -> None:
    while (left := at - monotonic()) > 0:
        gevent.sleep(left)
