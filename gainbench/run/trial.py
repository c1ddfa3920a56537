"""One trial: fresh servers, a warm-up, then blocks of every cell in random order, each on disk at once.

Knows the protocol, not the processes: those are the rig's. An arm that stops serving is recorded with its
evidence; the trial goes on with fresh servers and without that arm in that cell.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from gainbench.analyse.validity import drop_reason
from gainbench.errors import ConfigurationError
from gainbench.load import histogram
from gainbench.load.protocol import ArmNotReady
from gainbench.plan.model import Cell, Plan
from gainbench.run.pace import Pace, guard_seconds, window_seconds
from gainbench.run.schedule import PlannedBlock, Stint, trial_blocks
from gainbench.store.records import Block, Collapse, Line, Outside, RoundTrips, Trial, Window

WARM_UP_SECONDS = 1.0
FIRST_LOOK_SECONDS = 0.3
SECOND_LOOK_SECONDS = 5.0  # at least: a slow answer is an answer
FEWEST_STARTS = 20  # that an open loop's window holds: at a low rate, an empty one would prove nothing


class CutShort(Exception):
    """Raised by a rig or a watcher to end the trial between two windows; what was counted is kept."""


class ArmStopped(Exception):
    """An arm no longer serves; carries what proves it."""

    def __init__(self, collapse: Collapse) -> None:
        super().__init__(collapse.reason)
        self.collapse = collapse


@dataclass(frozen=True)
class Look:
    """A window, and what completed outside of it since the last one."""

    window: Window
    outside: tuple[Outside, ...]


class Rig(Protocol):
    """The running servers, proxy and generator of one server condition."""

    def prepare(self, cell: Cell, arms: tuple[str, ...]) -> None: ...
    def set_round_trip(self, rtt_ms: float) -> None: ...
    def slow_down(self, seconds: float) -> None: ...
    def look(self, arm: str, *, guard: float, seconds: float) -> Look: ...
    def probe(self, cell: Cell) -> RoundTrips | None: ...
    def collapse_of(self, arm: str, cell: Cell, trial: int, window: Window) -> Collapse: ...
    def collapse_at_start(self, arm: str, cell: Cell, trial: int, reason: str) -> Collapse: ...
    def finish(self) -> tuple[tuple[Outside, ...], dict[str, int]]: ...


RigFactory = Callable[[Cell], AbstractContextManager[Rig]]


@dataclass
class Memory:
    """What a run remembers from trial to trial: how fast arms are, which cells they cannot serve."""

    paces: dict[tuple[str, str], Pace] = field(default_factory=dict)
    stopped: set[tuple[str, str]] = field(default_factory=set)
    next_block: int = 0

    def serving(self, cell: Cell, arms: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(arm for arm in arms if (cell.key, arm) not in self.stopped)

    def remember(self, cell: Cell, window: Window) -> None:
        p50, p99 = histogram.quantiles_ms(window.latency, (0.5, 0.99))
        if p50 is not None and p99 is not None:
            self.paces[cell.key, window.arm] = Pace(window.throughput_rps, p50 / 1000, p99 / 1000)

    def paces_of(self, cell: Cell, arms: tuple[str, ...]) -> list[Pace]:
        return [self.paces[cell.key, arm] for arm in arms if (cell.key, arm) in self.paces]


@dataclass
class TrialRun:
    """Runs one trial and hands each line to `record` as soon as it is complete."""

    plan: Plan
    number: int
    rigs: RigFactory
    memory: Memory
    record: Callable[[Line], None]
    clock: Callable[[], float]
    on_block: Callable[[PlannedBlock], None]
    warm_up: bool = True  # False: the first servers have been loaded before
    _outside: list[Outside] = field(default_factory=list)
    _round_trips: dict[str, RoundTrips] = field(default_factory=dict)
    _sent: dict[str, int] = field(default_factory=dict)
    _added_seconds: float | None = None

    def run(self) -> None:
        started = self.clock()
        with suppress(CutShort):
            for stint in trial_blocks(self.plan, self.number):
                left = list(stint.blocks)
                while left:
                    left = self._serve(stint, left)
        self.record(
            Trial(
                number=self.number,
                started=started,
                seconds=self.clock() - started,
                control_added_seconds=self._added_seconds,
                round_trips=tuple(self._round_trips.values()),
                outside=tuple(self._outside),
                sent=self._sent,
            )
        )

    def _serve(self, stint: Stint, blocks: list[PlannedBlock]) -> list[PlannedBlock]:
        """Measure on one set of servers until done or an arm stops; return what is left."""
        left = [block for block in blocks if len(self._arms(block)) > 0]
        if not left:
            return []
        with self.rigs(stint.cell) as rig:
            try:
                arms = tuple(arm for arm in self.plan.arm_names if any(arm in self._arms(b) for b in left))
                self._warm_up(rig, left[0].cell, arms)
                while left:
                    self._measure(rig, left[0])
                    left.pop(0)
                self._close(rig)
            except CutShort:
                self._close(rig)
                raise
            except ArmStopped as stop:
                self.warm_up = True  # the next servers are fresh
                self.memory.stopped.add((stop.collapse.cell, stop.collapse.arm))
                self.record(stop.collapse)
                self._close(rig)
        return left

    def _arms(self, block: PlannedBlock) -> tuple[str, ...]:
        return self.memory.serving(block.cell, block.order)

    def _warm_up(self, rig: Rig, cell: Cell, arms: tuple[str, ...]) -> None:
        try:
            rig.prepare(cell, arms)
        except ArmNotReady as error:
            raise ArmStopped(rig.collapse_at_start(error.arm, cell, self.number, error.message)) from None
        rig.set_round_trip(cell.rtt_ms)
        for arm in self.memory.serving(cell, arms) if self.warm_up else ():
            window = self._look_around(rig, cell, arm, seconds=WARM_UP_SECONDS)
            if self.plan.control is not None and self.plan.control.arm == arm:
                self._added_seconds = self.plan.control.share * _cpu_seconds_per_request(window)
                rig.slow_down(self._added_seconds)

    def _measure(self, rig: Rig, block: PlannedBlock) -> None:
        """One block: every arm's two windows in mirrored order."""
        cell, order = block.cell, self._arms(block)
        self.on_block(block)
        rig.set_round_trip(cell.rtt_ms)
        for arm in dict.fromkeys(order):
            if (cell.key, arm) not in self.memory.paces:
                self._look_around(rig, cell, arm, seconds=FIRST_LOOK_SECONDS)
        paces = self.memory.paces_of(cell, order)
        seconds = window_seconds(paces, shortest=self.plan.profile.window)
        looks: list[Look] = []
        try:
            for arm in order:
                looks.append(self._look(rig, cell, arm, guard_seconds(paces), seconds))
        except (CutShort, ArmStopped):
            self._outside.extend(part for look in looks for part in _as_warm_up(look))
            raise
        for look in looks:
            self.memory.remember(cell, look.window)
        windows = tuple(look.window for look in looks)
        self.record(
            Block(
                trial=self.number,
                number=self.memory.next_block,
                cell=cell.key,
                windows=windows,
                outside=tuple(part for look in looks for part in look.outside),
                dropped=drop_reason(windows),
            )
        )
        self.memory.next_block += 1
        if cell.key not in self._round_trips and (trips := rig.probe(cell)) is not None:
            self._round_trips[cell.key] = trips

    def _look(self, rig: Rig, cell: Cell, arm: str, guard: float, seconds: float) -> Look:
        """A counted window. One without a success is looked at again, for longer: then it is a collapse."""
        seconds = max(seconds, fewest_starts_seconds(self.plan))
        first = rig.look(arm, guard=guard, seconds=seconds)
        if _is_served(first.window):
            return first
        second = rig.look(arm, guard=guard, seconds=max(seconds, SECOND_LOOK_SECONDS))
        self._outside.extend(_as_warm_up(second))
        if _is_served(second.window):
            return first
        self._outside.extend(_as_warm_up(first))
        if not (second.window.in_flight_at_close or second.window.failed):
            raise ConfigurationError(
                f"no user sent {arm!r} a request within {second.window.seconds:.0f} s of its turn",
                cure="let each task of the Locust file send one, and shorten its wait_time to fit a turn",
            )
        raise ArmStopped(rig.collapse_of(arm, cell, self.number, second.window))

    def _look_around(self, rig: Rig, cell: Cell, arm: str, *, seconds: float) -> Window:
        """Load an arm uncounted, to warm it up and to see how fast it is."""
        look = self._look(rig, cell, arm, 0.0, seconds)
        self.memory.remember(cell, look.window)
        self._outside.extend(_as_warm_up(look))
        return look.window

    def _close(self, rig: Rig) -> None:
        outside, sent = rig.finish()
        self._outside.extend(outside)
        for arm, count in sent.items():
            self._sent[arm] = self._sent.get(arm, 0) + count


def fewest_starts_seconds(plan: Plan) -> float:
    """What a window of an open loop takes to hold some starts; a closed loop asks for nothing."""
    return 0.0 if plan.rate is None else FEWEST_STARTS / plan.rate


def _is_served(window: Window) -> bool:
    """Whether a window shows an arm at work; one that a generator spoilt proves nothing against it."""
    return window.successes > 0 or window.incomplete is not None


def _cpu_seconds_per_request(window: Window) -> float:
    requests = window.successes + window.failed
    return (window.arm_reading.cpu_seconds or 0.0) / requests if requests else 0.0


def _as_warm_up(look: Look) -> Iterator[Outside]:
    window = look.window
    yield from (part.model_copy(update={"phase": "warm-up"}) for part in look.outside)
    yield Outside(
        phase="warm-up",
        arm=window.arm,
        started=window.started,
        seconds=window.seconds,
        successes=window.successes,
        failures=window.failures,
    )
