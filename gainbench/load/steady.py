"""The rate that an arm would keep up, from turns that begin and end. Pure arithmetic.

A closed loop of N users serves N / (mean length of a cycle). The cycles that begin in windows are a fair
sample, and each is seen to its end, whenever that is: a server that stands still for longer than a window is
seen to, whether it does so in a window or while it drains. Only one thing is not as it would be: a request in
flight when the gate closes is answered sooner, since nothing new comes in beside it, and a server that works
on all its requests at once would seem faster by that. Its response time is taken to be what the arm's other
requests took that had lasted as long; unless it took several times that, which no draining explains.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gainbench.load.cycle import Cycle, Stretch

FEWEST_ALIKE = 3  # requests that lasted as long, to say what one of them takes
STANDSTILL = 3.0  # times what is expected: the server itself was slow, whoever came in beside it
FEWEST_CYCLES = 10
CYCLES_A_USER = 2.0  # that begin in a comb's windows, as a rule: with fewer, they are no sample


class Responses:
    """Response times that no closing gate cut, by how long they took."""

    def __init__(self, cycles: Iterable[Cycle], stretches: Sequence[Stretch]) -> None:
        self._times = sorted(
            cycle.answered - cycle.sent
            for cycle in cycles
            if cycle.answered is not None
            and not cycle.is_loose
            and stretches
            and cycle.answered > stretches[0].opened_at
            and cut_at(cycle, cycle.answered, stretches) is None
        )
        self._sums = [0.0]
        for seconds in reversed(self._times):
            self._sums.append(self._sums[-1] + seconds)

    def expected(self, age: float) -> float | None:
        """The mean of those that took longer than that; None where there are too few."""
        longer = len(self._times) - bisect_right(self._times, age)
        return self._sums[longer] / longer if longer >= FEWEST_ALIKE else None


def steady_length(length: float, cycle: Cycle, stretches: Sequence[Stretch], responses: Responses) -> float:
    """How long the cycle would have been, had no gate closed while its request was in flight."""
    if cycle.answered is None or cycle.is_loose:
        return length
    closed_at = cut_at(cycle, cycle.answered, stretches)
    expected = None if closed_at is None else responses.expected(closed_at - cycle.sent)
    own = cycle.answered - cycle.sent
    if expected is None or own > STANDSTILL * expected:
        return length
    return length + expected - own


def cut_at(cycle: Cycle, until: float, stretches: Sequence[Stretch]) -> float | None:
    """When a gate closed while the cycle's request was in flight; None if none did."""
    place = bisect_right(stretches, cycle.sent, key=_closed)
    if place == len(stretches) or cycle.sent < stretches[place].opened_at:
        return None
    closed_at = stretches[place].closed_at
    return closed_at if closed_at < until else None


def _closed(stretch: Stretch) -> float:
    return stretch.closed_at


@dataclass
class Begun:
    """The cycles that began in windows: how many, how many of them well, and their lengths together."""

    cycles: int = 0
    successes: int = 0
    seconds: float = 0.0

    def add(self, cycle: Cycle, length: float) -> None:
        self.cycles += 1
        self.successes += not cycle.failure
        self.seconds += length

    def is_sample(self, users: float) -> bool:
        return self.cycles >= max(CYCLES_A_USER * users, FEWEST_CYCLES)

    def successes_in(self, user_seconds: float) -> float:
        """What so many users x seconds hold at the mean length of these cycles."""
        return user_seconds * self.successes / self.seconds
