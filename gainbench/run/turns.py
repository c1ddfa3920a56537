"""Who is loaded when, and for how long: mirrored turns, in random order, no longer than they must be. Pure.

A mirrored order (A B B A, or A B C C B A) gives each arm the same mean position in time, so that a steady
drift of the machine cancels; every order equally often cancels what an arm inherits from the one before it.
The noise of a shared machine flickers: neighbouring stretches are alike, so that the error falls with the
distance at which the arms alternate. Turns are as short as the responses and the guard allow.
"""

import math
import random
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import cycle, groupby, islice, permutations
from statistics import variance

from gainbench.load.protocol import Comb
from gainbench.plan.model import Cell, Plan

MOST_ARMS_IN_A_COMB = 3
MOST_PERMUTED = 6  # arms: their orders are 720
SHORTEST_GUARD_SECONDS = 0.010
GUARD_GROWTH = 1.5
MOST_GROWTHS = 3
SHORTEST_WINDOW_SECONDS = 0.050
MOST_LENGTHENED = 2.0  # by what a short warm-up says of the noise, which is little
WINDOW_OVER_GUARD = 2.0
SHORTEST_DRAIN_SECONDS = 0.050
LONGEST_DRAIN_SECONDS = 5.0
DRAIN_RESPONSES = 3.0
PATIENCE_SECONDS = 5.0  # at least: a slow answer is an answer
FIRST_PATIENCE_SECONDS = 35.0  # for an arm that nobody has seen answer: longer than a pool's usual time-out
PATIENCE_RESPONSES = 3.0
FEWEST_RATIOS = 8  # to say anything of the noise


@dataclass(frozen=True)
class PlannedComb:
    """A cell's next comb, and the arms that take part in it."""

    cell: Cell
    arms: tuple[str, ...]
    seed: str

    def order(self, arms: Sequence[str], units: int) -> tuple[str, ...]:
        """Mirrored orders of those arms that still serve, so many of them."""
        orders = mirrored_orders(arms, random.Random(self.seed))
        return tuple(arm for order in islice(orders, units) for arm in order)


@dataclass(frozen=True)
class Stint:
    """Combs that the same servers can serve, one after another; those of the same users stand together."""

    combs: tuple[PlannedComb, ...]

    @property
    def cell(self) -> Cell:
        return self.combs[0].cell


def trial_combs(plan: Plan, trial: int) -> tuple[Stint, ...]:
    """The combs of one trial in random order, gathered into stints that share their servers."""
    rng = random.Random(f"{plan.seed}/trial/{trial}")
    combs = [comb for cell in plan.cells for comb in _combs_of_trial(plan, cell, trial)]
    rng.shuffle(combs)
    servers = _shuffled({comb.cell.servers for comb in combs}, rng)
    workloads = _shuffled({comb.cell.workload for comb in combs}, rng)
    combs.sort(key=lambda comb: (servers[comb.cell.servers], workloads[comb.cell.workload]))
    return tuple(Stint(tuple(group)) for _, group in groupby(combs, key=lambda comb: comb.cell.servers))


def _shuffled(keys: Set[str], rng: random.Random) -> dict[str, float]:
    """A random place for each key, whatever order the set has them in."""
    return {key: rng.random() for key in sorted(keys)}


def _combs_of_trial(plan: Plan, cell: Cell, trial: int) -> list[PlannedComb]:
    count = plan.combs_of(cell)
    groups = islice(cycle(comb_arms(plan, cell)), trial * count, (trial + 1) * count)
    return [
        PlannedComb(cell, arms, f"{plan.seed}/{cell.key}/{trial}/{number}")
        for number, arms in enumerate(groups)
    ]


def comb_arms(plan: Plan, cell: Cell) -> list[tuple[str, ...]]:
    """Which arms share a comb, in turn. Few of them do: what an arm loses by standing idle grows with it.

    In the headline cell, the headline's pair has two combs of three for itself. More arms than a comb holds
    are joined by the pairs that are compared.
    """
    names = plan.arm_names
    if len(names) > MOST_ARMS_IN_A_COMB:
        return [(one.baseline, one.candidate) for one in plan.comparisons]
    pair = plan.headline
    if not cell.headline or pair is None or len(names) < MOST_ARMS_IN_A_COMB:
        return [names]
    alone = (pair.baseline, pair.candidate)
    return [alone, names, alone]


def mirrored_orders(arms: Sequence[str], rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Endless mirrored orders; each run of K! of them holds every order of the K arms once.

    So many arms that this would never come about, as in a warm-up of all, are shuffled.
    """
    while len(arms) > MOST_PERMUTED:
        order = tuple(rng.sample(arms, len(arms)))
        yield order + order[::-1]
    every = list(permutations(arms))
    while True:
        rng.shuffle(every)
        for order in every:
            yield order + order[::-1]


@dataclass(frozen=True)
class Pace:
    """How one arm answered in one cell, as last seen."""

    p99_seconds: float
    longest_seconds: float
    drain_seconds: float


@dataclass(frozen=True)
class Noise:
    """Of the logarithm of an arm's throughput: a part that averages out with time, and one that flickers.

    The variance of a stretch of w seconds is white / w + flicker, whatever w.
    """

    white: float
    flicker: float


@dataclass(frozen=True)
class Lengths:
    """How long the parts of a turn are."""

    guard_seconds: float
    window_seconds: float
    drain_seconds: float  # at most
    patience_seconds: float
    pitch_seconds: float  # a turn with its usual drain
    step_drain_seconds: float  # that several generators in step leave room for

    def comb(self, order: Sequence[str]) -> Comb:
        return Comb(
            order=tuple(order),
            guard_seconds=self.guard_seconds,
            window_seconds=self.window_seconds,
            drain_seconds=self.drain_seconds,
            patience_seconds=self.patience_seconds,
            slot_seconds=self.guard_seconds + self.window_seconds + self.step_drain_seconds,
        )

    def units(self, arms: int, seconds: float) -> int:
        """How many mirrored orders of so many arms fill that time; one at least."""
        return max(1, round(seconds / (2 * arms * self.pitch_seconds)))

    def with_patience(self, seconds: float) -> "Lengths":
        return replace(self, patience_seconds=seconds)

    @property
    def usual_drain_seconds(self) -> float:
        return self.pitch_seconds - self.guard_seconds - self.window_seconds

    def with_parts(self, *, guard_seconds: float, window_seconds: float) -> "Lengths":
        return replace(
            self,
            guard_seconds=guard_seconds,
            window_seconds=window_seconds,
            pitch_seconds=guard_seconds + window_seconds + self.usual_drain_seconds,
        )

    def with_longer_guard(self) -> "Lengths":
        """For turns that have not settled; the window keeps its proportion.

        Longer by a drain at least: a server that answers one after another is as it was before the gate
        closed when the last user has come back, and its shares of cycles are when those cycles are over.
        """
        guard = max(self.guard_seconds * GUARD_GROWTH, self.guard_seconds + self.usual_drain_seconds)
        window = max(self.window_seconds, WINDOW_OVER_GUARD * (guard + self.usual_drain_seconds))
        return self.with_parts(guard_seconds=guard, window_seconds=window)


PILOT = Lengths(
    guard_seconds=0.0,
    window_seconds=0.1,
    drain_seconds=LONGEST_DRAIN_SECONDS,
    patience_seconds=FIRST_PATIENCE_SECONDS,
    pitch_seconds=0.1,
    step_drain_seconds=0.5,
)
"""Before anything is known of an arm: what drains late tells how long its answers take.

Its turns are so short that a warm-up of two arms holds enough of them to tell what flickers. An arm that
drains for longer than that has several generators out of step, which harms nothing that counts.
"""


def patience_seconds(paces: Sequence[Pace]) -> float:
    """How long an arm that answers nothing is waited for: a slow answer is an answer."""
    longest = max((pace.longest_seconds for pace in paces), default=0.0)
    return max(PATIENCE_SECONDS, PATIENCE_RESPONSES * longest)


def lengths(paces: Sequence[Pace], noise: Noise | None, *, shortest_window: float = 0.0) -> Lengths:
    """What the slowest of the arms needs."""
    p99 = max(pace.p99_seconds for pace in paces)
    longest = max(pace.longest_seconds for pace in paces)
    usual_drain = max(pace.drain_seconds for pace in paces)
    # To begin with: it grows where turns do not settle. Users are let in over the time in which they came to
    # the gate, which is within the drain.
    guard = max(p99, usual_drain, SHORTEST_GUARD_SECONDS)
    overhead = guard + usual_drain
    window = max(SHORTEST_WINDOW_SECONDS, WINDOW_OVER_GUARD * overhead, shortest_window)
    if noise is not None:
        window = max(window, min(best_window(noise, overhead), MOST_LENGTHENED * window))
    return Lengths(
        guard_seconds=guard,
        window_seconds=window,
        drain_seconds=drain(longest),
        step_drain_seconds=drain(p99),
        patience_seconds=patience_seconds(paces),
        pitch_seconds=overhead + window,
    )


def drain(response_seconds: float) -> float:
    """How long responses that take so long may be waited for when a turn is over.

    Who is answered last may have waited for all others, as one who came to a short look did not.
    """
    return min(max(DRAIN_RESPONSES * response_seconds, SHORTEST_DRAIN_SECONDS), LONGEST_DRAIN_SECONDS)


def best_window(noise: Noise, overhead_seconds: float) -> float:
    """The window that gives the narrowest interval for the same wall time.

    Turns of pitch p = w + o each have the variance white / w + flicker, and 1 / p of them fit into a second:
    the variance of their mean goes with (w + o) (white / w + flicker), which is least at
    w = sqrt(white o / flicker).
    """
    if noise.flicker <= 0:
        return math.inf
    return math.sqrt(noise.white * overhead_seconds / noise.flicker)


def noise_of(single: Sequence[float], doubled: Sequence[float], window_seconds: float) -> Noise | None:
    """From the log ratios of neighbouring turns of two arms, and of neighbouring pairs of turns.

    A ratio has the variance of both its sides. In windows twice as long at twice the distance the white part
    is half as large, and what flickers is what it was.
    """
    if len(single) < FEWEST_RATIOS or len(doubled) < FEWEST_RATIOS:
        return None
    short, long = variance(single) / 2, variance(doubled) / 2
    white = min(max(2 * (short - long), 0.0), short)
    return Noise(white=white * window_seconds, flicker=short - white)
