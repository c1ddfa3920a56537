"""One trial: fresh servers, a warm-up, then combs of every cell in random order, each on disk at once.

Knows the protocol, not the processes: those are the servers'. An arm that stops serving is recorded with its
evidence; the trial goes on with fresh servers and without that arm in that cell.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import log
from statistics import median
from typing import Protocol

from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.load import histogram
from gainbench.load.protocol import ArmNotReady
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.model import Cell, Plan
from gainbench.run import turns
from gainbench.run.observation import Place
from gainbench.run.refusals import refusal_of
from gainbench.run.turns import PILOT, Lengths, Noise, Pace, PlannedComb, Stint, trial_combs
from gainbench.store.records import Collapse, Comb, Line, Outside, Trial, is_longer_guard

WARM_UP_SECONDS = 0.5  # of load on each arm
PILOT_SECONDS = 0.3  # of it, in a cell in which the arm has not been seen
MOST_DISTURBANCES = 3  # of a trial, by what is no arm's fault
SECOND_LOOK_SECONDS = 2.5  # a window, for an arm that has answered nothing well
FEWEST_STARTS = 20  # that an open loop's window holds: at a low rate, an empty one would prove nothing


class ArmStopped(Exception):
    """An arm no longer serves; carries what proves it, for each cell that it cannot serve."""

    def __init__(self, *collapses: Collapse) -> None:
        super().__init__(collapses[0].reason)
        self.collapses = collapses


class Disturbed(Exception):
    """Something befell what the arms stand on. What they did then says nothing of them."""


@dataclass(frozen=True)
class Observed:
    """A comb, and the arm that answered nothing in it, for which it was given up."""

    comb: Comb
    stalled: str | None = None


@dataclass(frozen=True)
class Finished:
    """When users have gone: what no comb counted, all that was sent, and what of their file had no effect."""

    outside: tuple[Outside, ...] = ()
    sent: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


class Servers(Protocol):
    """The running servers, proxy and generator of one server condition."""

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None: ...
    def set_round_trip(self, rtt_ms: float) -> None: ...
    def slow_down(self, seconds: float) -> None: ...
    def run_comb(self, comb: CombOrder, place: Place) -> Observed: ...
    def look(self) -> str | None: ...
    def collapse_of(self, arm: str, cell: Cell, trial: int, comb: Comb) -> Collapse: ...
    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse: ...
    def finish(self) -> Finished: ...


ServersFactory = Callable[[Cell], AbstractContextManager[Servers]]
Judge = Callable[[Comb], str | None]
"""Why a comb cannot be used, whatever its ratio; None where it can."""
Unsettled = Callable[[Sequence[Comb]], bool]
"""Whether the arms of these combs, all of one cell, still gained speed when they were counted."""


@dataclass
class Memory:
    """What a run remembers from trial to trial: how fast arms are, which cells they cannot serve."""

    paces: dict[tuple[str, str], Pace] = field(default_factory=dict)
    lengths: dict[str, Lengths] = field(default_factory=dict)
    decided_for: dict[str, frozenset[str]] = field(default_factory=dict)  # the arms that those suit
    grown: dict[str, int] = field(default_factory=dict)  # how often a cell's guard has become longer
    noise: Noise | None = None  # of the machine
    stopped: set[tuple[str, str]] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)  # arms that were waited for in vain, in any cell
    next_comb: int = 0

    def serving(self, cell: Cell, arms: Sequence[str]) -> tuple[str, ...]:
        return tuple(arm for arm in arms if (cell.key, arm) not in self.stopped)

    def learn(self, comb: Comb) -> None:
        """An arm that was asked nothing, for its users rest for long, is taken for what it is elsewhere."""
        for arm, reading in comb.arms.items():
            (p99,) = histogram.quantiles_ms(reading.load.latency, (0.99,))
            longest = reading.load.longest_seconds
            drains = [turn.drain_seconds for turn in comb.of(arm)]
            if reading.load.requests:
                self.paces[comb.cell, arm] = Pace(
                    p99_seconds=longest if p99 is None else p99 / 1000,
                    longest_seconds=longest,
                    drain_seconds=sum(drains) / len(drains) if drains else 0.0,
                )
            elif (elsewhere := self._paces_of([arm])) and (comb.cell, arm) not in self.paces:
                self.paces[comb.cell, arm] = max(elsewhere, key=lambda pace: pace.p99_seconds)

    def known(self, cell: Cell, arms: Sequence[str]) -> bool:
        return all((cell.key, arm) in self.paces for arm in arms)

    def lengths_of(self, cell: Cell, arms: Sequence[str], *, shortest_window: float) -> Lengths:
        """Decided once for a cell, so that all its combs are alike, unless an arm joins that needs more."""
        paces = [self.paces[cell.key, arm] for arm in arms if (cell.key, arm) in self.paces]
        if not paces:
            return PILOT
        wanted = turns.lengths(paces, self.noise, shortest_window=shortest_window)
        decided = self.lengths.get(cell.key)
        suited = self.decided_for.get(cell.key, frozenset())
        joins = not suited.issuperset(arms)
        if decided is None or (joins and is_longer_guard(wanted.guard_seconds, decided.guard_seconds)):
            self.lengths[cell.key] = wanted
        self.decided_for[cell.key] = suited | set(arms)
        return self.lengths[cell.key]

    def lengths_of_look(self, cell: Cell, arms: Sequence[str]) -> Lengths:
        """For load that is not counted; short of patience with an arm that was waited for in vain."""
        if cell.key in self.lengths and self.known(cell, arms):
            return self.lengths[cell.key]
        if self.known(cell, arms):
            return PILOT.with_patience(turns.patience_seconds(self._paces_of(arms, cell.key)))
        if self.silent & set(arms):
            return PILOT.with_patience(turns.patience_seconds(self._paces_of(arms)))
        return PILOT

    def lengthen_guard(self, cell: Cell, combs: Sequence[Comb], are_unsettled: Unsettled) -> bool:
        """Where the cell's turns, as long as they are now, have not settled: a few times at most."""
        grown, lengths = self.grown.get(cell.key, 0), self.lengths.get(cell.key)
        if lengths is None or grown >= turns.MOST_GROWTHS:
            return False
        alike = [
            comb
            for comb in combs
            if comb.cell == cell.key
            and not comb.dropped
            and not is_longer_guard(lengths.guard_seconds, comb.guard_seconds)
        ]
        if not alike or not are_unsettled(alike):
            return False
        self.grown[cell.key] = grown + 1
        self.lengths[cell.key] = lengths.with_longer_guard()
        return True

    def recall(self, stored: Sequence[Comb]) -> None:
        """Take over what earlier combs tell, those of warm-ups too: the next ones are to be like them."""
        for comb in stored:
            self.learn(comb)
            self.next_comb = max(self.next_comb, comb.number + 1)
            if comb.phase == "comb" and comb.turns and self._paces_of(tuple(comb.arms), comb.cell):
                self._recall_lengths(comb)

    def _recall_lengths(self, comb: Comb) -> None:
        guard = comb.guard_seconds
        before = self.lengths.get(comb.cell)
        if before is not None and not is_longer_guard(guard, before.guard_seconds):
            return
        seen = {arm: pace for (key, arm), pace in self.paces.items() if key == comb.cell}
        if before is not None:
            self.grown[comb.cell] = self.grown.get(comb.cell, 0) + 1
        needed = turns.lengths(list(seen.values()), None)
        window = median(turn.seconds for turn in comb.turns)
        self.lengths[comb.cell] = needed.with_parts(guard_seconds=guard, window_seconds=window)
        self.decided_for[comb.cell] = frozenset(seen)

    def _paces_of(self, arms: Sequence[str], cell: str | None = None) -> list[Pace]:
        """In one cell, or in any."""
        return [pace for (key, arm), pace in self.paces.items() if arm in arms and cell in (None, key)]


@dataclass
class TrialRun:
    """Runs one trial and hands each line to `record` as soon as it is complete.

    `go_on` is asked before each comb and may end the trial there.
    """

    plan: Plan
    number: int
    servers: ServersFactory
    memory: Memory
    record: Callable[[Line], None]
    judge: Judge
    clock: Callable[[], float]
    go_on: Callable[[PlannedComb], bool]
    warm_up: bool = True  # False: the first servers have been loaded before
    _loaded: tuple[str, ...] = ()  # the arms that have users
    _warm: set[str] = field(default_factory=set)
    _outside: list[Outside] = field(default_factory=list)
    _ignored: dict[str, None] = field(default_factory=dict)  # in order
    _sent: dict[str, int] = field(default_factory=dict)
    _disturbances: int = 0
    _added_seconds: float | None = None
    _setup_seconds: float | None = None
    _started: float = 0.0

    def run(self) -> bool:
        """Whether the trial went on to its end."""
        self._started = self.clock()
        is_complete = all(self._serve_all(stint) for stint in trial_combs(self.plan, self.number))
        self.record(
            Trial(
                number=self.number,
                started=self._started,
                seconds=self.clock() - self._started,
                setup_seconds=self._setup_seconds,
                control_added_seconds=self._added_seconds,
                outside=tuple(self._outside),
                sent=self._sent,
                ignored=tuple(self._ignored),
            )
        )
        return is_complete

    def _serve_all(self, stint: Stint) -> bool:
        """As many sets of servers as it takes; False when the trial is to end."""
        left = list(stint.combs)
        while left := [comb for comb in left if self._arms(comb)]:
            went_on, left = self._serve(stint, left)
            if not went_on:
                return False
        return True

    def _serve(self, stint: Stint, combs: list[PlannedComb]) -> tuple[bool, list[PlannedComb]]:
        """Measure on one set of servers until done or an arm stops: whether to go on, and what is left."""
        left = list(combs)
        with self.servers(stint.cell) as servers:
            try:
                workload = left[0].cell.workload
                self._begin(servers, _of_workload(workload, left))
                while left and self.go_on(left[0]):
                    if left[0].cell.workload != workload:
                        workload = left[0].cell.workload
                        self._change_users(servers, _of_workload(workload, left))
                    self._measure(servers, left[0])
                    left.pop(0)
            except ArmStopped as stop:
                self.warm_up = True  # the next servers are fresh
                for collapse in stop.collapses:
                    self.memory.stopped.add((collapse.cell, collapse.arm))
                    self.memory.silent.add(collapse.arm)
                    self.record(collapse)
                self._close(servers)
                return True, left
            except Disturbed as disturbance:
                self.warm_up = True
                self._count_disturbance(disturbance)
                self._close(servers)
                return True, left
            self._close(servers)
        return not left, left

    def _count_disturbance(self, disturbance: Disturbed) -> None:
        self._disturbances += 1
        if self._disturbances > MOST_DISTURBANCES:
            raise InvalidMeasurement(
                f"{disturbance}: {self._disturbances} times in one trial",
                cure="run again when it is left in peace; what was measured before is kept",
            ) from None

    def _arms(self, comb: PlannedComb) -> tuple[str, ...]:
        return self.memory.serving(comb.cell, comb.arms)

    def _arms_of(self, combs: Sequence[PlannedComb]) -> tuple[str, ...]:
        taking_part = {arm for comb in combs for arm in self._arms(comb)}
        return tuple(arm for arm in self.plan.arm_names if arm in taking_part)

    def _change_users(self, servers: Servers, combs: Sequence[PlannedComb]) -> None:
        """Other users for the same servers, which must be warm in what is measured next, free of a burden."""
        self._close(servers)
        servers.slow_down(0.0)
        self.warm_up = True
        self._begin(servers, combs)

    def _begin(self, servers: Servers, combs: Sequence[PlannedComb]) -> None:
        """Users for all arms, and the first load on fresh servers, which counts for nothing.

        An arm that does not let its users log in serves none of the cells that share them.
        """
        cell, arms = combs[0].cell, self._arms_of(combs)
        try:
            servers.prepare(cell, arms)
        except ArmNotReady as error:
            _require_peace(servers.look())
            cells = {comb.cell.key: comb.cell for comb in combs if error.arm in self._arms(comb)}
            raise ArmStopped(
                *[
                    servers.collapse_at_start(error.arm, one, self.number, error.message)
                    for one in cells.values()
                ]
            ) from None
        self._loaded = arms
        self._warm = set() if self.warm_up else set(arms)
        servers.set_round_trip(cell.rtt_ms)
        if self.warm_up:
            self._get_ready(servers, cell, self.memory.serving(cell, arms))

    def _measure(self, servers: Servers, planned: PlannedComb) -> None:
        cell = planned.cell
        servers.set_round_trip(cell.rtt_ms)
        everyone = self.memory.serving(cell, self._loaded)
        self._get_ready(servers, cell, everyone)
        if self._setup_seconds is None:
            self._setup_seconds = self.clock() - self._started
        arms = self._arms(planned)
        lengths = self.memory.lengths_of(cell, everyone, shortest_window=fewest_starts_seconds(self.plan))
        units = lengths.units(len(arms), self.plan.profile.comb)
        seen = self._run(servers, cell, lengths.comb(planned.order(arms, units)), "comb")
        self.memory.learn(seen)
        self.record(seen.model_copy(update={"dropped": self.judge(seen)}))

    def _get_ready(self, servers: Servers, cell: Cell, arms: tuple[str, ...]) -> None:
        """A look at arms that are new to the cell, and a warm-up of cold ones; none of it counts."""
        unknown = tuple(arm for arm in arms if not self.memory.known(cell, [arm]))
        if unknown:
            seen = self._look(servers, cell, unknown, PILOT_SECONDS)
            if _answer_slowly(seen):
                self._note_warm(servers, seen)
        cold = tuple(arm for arm in arms if arm not in self._warm)
        if cold:
            self._note_warm(servers, self._look(servers, cell, cold, WARM_UP_SECONDS))

    def _note_warm(self, servers: Servers, seen: Comb) -> None:
        control = self.plan.control
        if control is not None and control.arm in seen.arms and control.arm not in self._warm:
            self._added_seconds = control.share * _cpu_seconds_per_request(seen, control.arm)
            servers.slow_down(self._added_seconds)
        self._warm.update(seen.arms)

    def _look(self, servers: Servers, cell: Cell, arms: tuple[str, ...], seconds: float) -> Comb:
        """Load arms uncounted: to warm them up, and to see how fast they are and how much that flickers."""
        pilot = self.memory.lengths_of_look(cell, arms)
        units = pilot.units(1, seconds)
        order = PlannedComb(cell, arms, f"{self.plan.seed}/warm-up/{self.number}").order(arms, units)
        seen = self._run(servers, cell, pilot.comb(order), "warm-up")
        self.memory.learn(seen)
        self.memory.noise = self.memory.noise or _noise(seen)
        self.record(seen)
        return seen

    def _run(self, servers: Servers, cell: Cell, comb: CombOrder, phase: str) -> Comb:
        """One comb; an arm that answers nothing in it, or nothing well in a second one, has stopped."""
        seen = self._carry_out(servers, comb, self._place(cell, phase))
        if seen.stalled is not None:
            self._record_given_up(seen.comb)
            raise ArmStopped(servers.collapse_of(seen.stalled, cell, self.number, seen.comb))
        if phase == "warm-up" and (mistake := refusal_of(seen.comb)) is not None:
            self._record_given_up(seen.comb)
            raise mistake
        for arm in seen.comb.arms:
            if not _is_served(seen.comb, arm) and seen.comb.incomplete is None:
                self._look_again(servers, cell, arm, seen.comb, comb)
        return seen.comb

    def _carry_out(self, servers: Servers, comb: CombOrder, place: Place) -> Observed:
        """A comb during which something befell the database is kept as dropped, and blames nobody."""
        seen = servers.run_comb(comb, place)
        if seen.comb.disturbed is not None:
            self.record(seen.comb.model_copy(update={"dropped": seen.comb.disturbed}))
            _require_peace(seen.comb.disturbed)
        return seen

    def _look_again(
        self, servers: Servers, cell: Cell, arm: str, first: Comb, carried_out: CombOrder
    ) -> None:
        again = replace(
            carried_out,
            order=(arm, arm),
            window_seconds=max(SECOND_LOOK_SECONDS, fewest_starts_seconds(self.plan)),
            drain_seconds=turns.LONGEST_DRAIN_SECONDS,
            slot_seconds=None,
        )
        second = self._carry_out(servers, again, self._place(cell, "warm-up"))
        load = second.comb.arms[arm].load
        self._record_given_up(second.comb)
        if second.stalled is None and _is_served(second.comb, arm):
            return
        self._record_given_up(first)
        if second.stalled is None and not load.requests and not first.arms[arm].load.requests:
            seconds = first.seconds_of(arm) + second.comb.seconds_of(arm)
            raise ConfigurationError(
                f"no user sent {arm!r} a request within {seconds:.0f} s of its turns",
                cure="let each task of the Locust file send one",
            )
        raise ArmStopped(servers.collapse_of(arm, cell, self.number, second.comb))

    def _record_given_up(self, comb: Comb) -> None:
        """What was sent stays in the record, and counts for nothing."""
        self.record(comb.model_copy(update={"phase": "warm-up"}))

    def _place(self, cell: Cell, phase: str) -> Place:
        number = self.memory.next_comb
        self.memory.next_comb += 1
        return Place(trial=self.number, number=number, cell=cell.key, phase=phase)

    def _close(self, servers: Servers) -> None:
        finished = servers.finish()
        self._outside.extend(finished.outside)
        self._ignored.update(dict.fromkeys(finished.ignored))
        for arm, count in finished.sent.items():
            self._sent[arm] = self._sent.get(arm, 0) + count


def fewest_starts_seconds(plan: Plan) -> float:
    """What a window of an open loop takes to hold some starts; a closed loop asks for nothing."""
    return 0.0 if plan.rate is None else FEWEST_STARTS / plan.rate


def _require_peace(disturbed: str | None) -> None:
    if disturbed is not None:
        raise Disturbed(disturbed)


def _of_workload(workload: str, combs: Sequence[PlannedComb]) -> list[PlannedComb]:
    """Those that the same users serve."""
    return [comb for comb in combs if comb.cell.workload == workload]


def _is_served(comb: Comb, arm: str) -> bool:
    return any(turn.successes > 0 or turn.guard_successes > 0 for turn in comb.of(arm))


def _answer_slowly(seen: Comb) -> bool:
    """All arms, so that the first look was a warm-up. One that was held up once is looked at again.

    What is seen last decides how long turns are, for the whole run.
    """
    usual = [histogram.quantiles_ms(reading.load.latency, (0.5,))[0] for reading in seen.arms.values()]
    return all(ms is not None and ms >= 1000 * WARM_UP_SECONDS / 2 for ms in usual)


def _cpu_seconds_per_request(comb: Comb, arm: str) -> float:
    reading = comb.arms[arm]
    requests = reading.load.requests
    return (reading.server.cpu_seconds or 0.0) / requests if requests else 0.0


def _noise(comb: Comb) -> Noise | None:
    """From turns of different arms that follow each other, and from pairs of such turns."""
    rates = [(turn.arm, turn.successes / turn.seconds) for turn in comb.turns if turn.seconds]
    pairs = [
        (first[0], (first[1] + second[1]) / 2) for first, second in pairwise(rates) if first[0] == second[0]
    ]
    seconds = sum(turn.seconds for turn in comb.turns) / len(comb.turns)
    return turns.noise_of(_centred_ratios(rates), _centred_ratios(pairs), seconds)


def _centred_ratios(rates: Sequence[tuple[str, float]]) -> list[float]:
    """Log ratios of neighbours of different arms, less what the arms differ by."""
    by_pair: dict[tuple[str, str], list[float]] = {}
    for first, second in pairwise(rates):
        (one, one_rate), (other, other_rate) = sorted((first, second))
        if one != other and one_rate > 0 and other_rate > 0:
            by_pair.setdefault((one, other), []).append(log(one_rate / other_rate))
    means = {pair: sum(ratios) / len(ratios) for pair, ratios in by_pair.items()}
    return [ratio - means[pair] for pair, ratios in by_pair.items() for ratio in ratios]
