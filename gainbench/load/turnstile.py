"""The gate in front of every request, and the book of what passed.

Each arm has a lane, each of its users a seat in it. Only one lane is open at a time; a user of another one
waits before its next request, and its wait times stand still: they run on arm time, a clock that goes on only
while the gate is open. What passes is only noted here; ``cycles.py`` counts it when nobody is loaded. Knows
gevent and the clock, but neither Locust nor who decides whose turn it is.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from time import monotonic

import gevent
from gevent.event import Event

from gainbench.load.arm_clock import ArmClock
from gainbench.load.cycle import Cycle, Stretch
from gainbench.load.cycles import ArmTally, tally
from gainbench.load.protocol import Outside, PlannedStarts
from gainbench.load.seat import Seat

MOST_EXAMPLES = 20

NEVER_REPORTED = "outcome never reported"
RETURN_SECONDS = 0.005  # that a user takes at most to come from an answer to the gate


class Lane:
    """One arm's gate, clock and book."""

    is_paced = False

    def __init__(self, arm: str) -> None:
        self.arm = arm
        self.clock = ArmClock()
        self.seats: list[Seat] = []
        self.started = 0  # users that got through their on_start
        self.failed_start: str | None = None
        self.examples: dict[str, str] = {}  # of failed requests, by their name, since the comb began
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
        self._gate = Event()
        self._change = Event()
        self.last_answer: float | None = None  # since the gate was closed
        self._first_back: float | None = None  # who came to the gate since then

    def open(self) -> float:
        now = monotonic()
        self.is_open = True
        self.clock.go_on(now)
        self._gate.set()
        return now

    def close(self) -> float:
        now = monotonic()
        self.is_open = False
        self._gate.clear()
        self.closed_at = now
        self.last_answer = self._first_back = None
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
        """Those who came to the gate one after another go on at the same distances, in the arm's own time.

        So the users are in step with each other as far as the arm itself brings them in step. Let in all at
        once, or at even distances, they would take a hundred responses and more to get back there, and the
        turn would be over before.
        """
        due = self.clock.now() + self._behind_the_first()
        while not self.is_open:
            self._gate.wait()
            left = 0.0 if self.is_free else due - self.clock.now()
            if left > 0:
                gevent.sleep(left)  # and the gate may be closed again

    def _behind_the_first(self) -> float:
        """By how much whoever comes now does; later than with the last answer is a user's own affair."""
        now = monotonic()
        if self._first_back is None:
            self._first_back = now
        if self.is_paced or self.last_answer is None:
            return 0.0
        return max(min(now, self.last_answer + RETURN_SECONDS) - self._first_back, 0.0)

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

    def lacks_example(self, failure: str) -> bool:
        return failure not in self.examples and len(self.examples) < MOST_EXAMPLES

    def begin_comb(self) -> Outside:
        """Forget all turns; what has been answered since the last comb lies outside of any."""
        outside = self.take_outside()
        self.stretches = []
        self.answered = 0
        self.turnaround_seconds, self.turnarounds = 0.0, 0
        self.examples = {}
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
