"""Carrying out a comb: turn after turn by the clock, with no word from outside.

Reads at the turns' edges, when nobody is loaded, what this process and the arms have used. Knows gevent and
the turnstile, but neither Locust nor who ordered the comb.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import CLOCK_PROCESS_CPUTIME_ID, clock_gettime, monotonic

from gainbench.load.cycle import Stretch
from gainbench.load.cycles import ArmTally
from gainbench.load.protocol import (
    GRACE_SECONDS,
    ArmCounts,
    Comb,
    CombReport,
    RequestCounts,
    TurnCounts,
    Use,
)
from gainbench.load.turnstile import RETURN_SECONDS, Lane, Turnstile, sleep_until

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class _Edge:
    """What had been used at a turn's edge."""

    at: float
    own_cpu_seconds: float
    core_seconds: float | None
    core_idle_seconds: float | None
    watched: Mapping[str, float]


class Gauge:
    """Reads what this process, its cores and the arms' processes have used so far."""

    def __init__(self, watched: Mapping[str, Sequence[int]]) -> None:
        # What clock_getcpuclockid(3) returns for a process; 2 is the scheduler's clock, in nanoseconds.
        self._clocks = {arm: [(~pid << 3) | 2 for pid in pids] for arm, pids in watched.items()}
        self._stat: int | None = None
        with suppress(OSError):
            self._stat = os.open("/proc/stat", os.O_RDONLY)
        self._cores = {f"cpu{core}".encode() for core in _own_cores()}

    def read(self) -> _Edge:
        core, idle = self._core_seconds()
        return _Edge(
            at=monotonic(),
            own_cpu_seconds=clock_gettime(CLOCK_PROCESS_CPUTIME_ID),
            core_seconds=core,
            core_idle_seconds=idle,
            watched=self.watched(),
        )

    def watched(self) -> dict[str, float]:
        return {arm: sum(map(_cpu_seconds, clocks)) for arm, clocks in self._clocks.items()}

    def close(self) -> None:
        if self._stat is not None:
            os.close(self._stat)

    def _core_seconds(self) -> tuple[float | None, float | None]:
        if self._stat is None:
            return None, None
        # The columns are user nice system idle iowait irq softirq steal; the cores come first in the file.
        seconds = idle = 0
        for line in os.pread(self._stat, 65536, 0).splitlines():
            name, *columns = line.split()
            if name in self._cores:
                ticks = [int(column) for column in columns[:8]]
                seconds += sum(ticks)
                idle += ticks[3] + ticks[4]
        return seconds * _TICK_SECONDS, idle * _TICK_SECONDS


def _own_cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _cpu_seconds(clock: int) -> float:
    try:
        return clock_gettime(clock)
    except OSError:  # it has ended
        return 0.0


@dataclass
class _Turn:
    arm: str
    stretch: Stretch
    drain_seconds: float = 0.0
    undrained: int = 0
    watched_at: float = 0.0  # when the guard was over
    watched: Mapping[str, float] = field(default_factory=dict)  # what the arms had used then


@dataclass
class _Course:
    """A comb under way."""

    turns: list[_Turn] = field(default_factory=list)
    edges: list[_Edge] = field(default_factory=list)
    lag_seconds: float = 0.0
    stalled: str | None = None

    def be_late(self, planned: float, happened: float) -> None:
        self.lag_seconds = max(self.lag_seconds, happened - planned)


def carry_out(turnstile: Turnstile, comb: Comb, gauge: Gauge, *, start_at: float | None = None) -> CombReport:
    """All turns of the comb; with a moment to start at, and slots, in step with other generators."""
    outside = {arm: lane.begin_comb() for arm, lane in turnstile.lanes.items()}
    if start_at is not None:
        sleep_until(start_at)
    course = _Course()
    course.edges.append(gauge.read())
    begun = course.edges[0].at if start_at is None else start_at
    for number, arm in enumerate(comb.order):
        if start_at is not None and comb.slot_seconds is not None:
            sleep_until(begun + number * comb.slot_seconds)
            course.be_late(begun + number * comb.slot_seconds, monotonic())
        _take_turn(turnstile, turnstile.lanes[arm], comb, course, gauge)
        course.edges.append(gauge.read())
        if course.stalled is not None:
            break
    arms = {arm: turnstile.lanes[arm] for arm in dict.fromkeys(comb.order)}
    astray = {arm: _wait_for_quiet(lane, comb) for arm, lane in arms.items()}
    tallies = {arm: lane.count(comb.turn_seconds) for arm, lane in arms.items()}
    return CombReport(
        started_at=begun,
        ended_at=course.edges[-1].at,
        turns=tuple(_turn_counts(course.turns, tallies)),
        arms={arm: _arm_counts(lane, tallies[arm], astray[arm]) for arm, lane in arms.items()},
        use={arm: _use(arm, course) for arm in arms},
        outside=outside,
        task_exceptions=turnstile.take_task_exceptions(),
        lag_seconds=course.lag_seconds,
        stalled=course.stalled,
    )


def _take_turn(turnstile: Turnstile, lane: Lane, comb: Comb, course: _Course, gauge: Gauge) -> None:
    opened = turnstile.turn_to(lane.arm)
    stretch = Stretch(opened, opened + comb.guard_seconds, float("inf"))
    turn = _Turn(lane.arm, stretch)
    lane.stretches.append(stretch)
    course.turns.append(turn)
    sleep_until(stretch.counted_from)
    turn.watched_at, turn.watched = monotonic(), gauge.watched()
    due = stretch.counted_from + comb.window_seconds
    sleep_until(due)
    turnstile.turn_to(None)
    stretch.closed_at = lane.closed_at
    course.be_late(due, stretch.closed_at)
    _drain(lane, stretch.closed_at + comb.drain_seconds)
    if not lane.answered and lane.in_flight:
        _drain(lane, stretch.closed_at + comb.patience_seconds, until_an_answer=True)
        if lane.answered:
            _drain(lane, monotonic() + comb.drain_seconds)
        else:
            course.stalled = lane.arm
    if not lane.is_paced:
        _wait_until_quiet(lane, RETURN_SECONDS)  # or the gate opens before the last one is there
    turn.drain_seconds = monotonic() - stretch.closed_at
    turn.undrained = lane.in_flight


def _drain(lane: Lane, deadline: float, *, until_an_answer: bool = False) -> None:
    while not lane.is_drained and (left := deadline - monotonic()) > 0:
        if until_an_answer and lane.answered:
            return
        lane.wait_for_change(left)


def _wait_for_quiet(lane: Lane, comb: Comb) -> int:
    """How many users are neither at the gate nor at rest, when they have had the time to get there.

    Those are given more, so that their cycles end and have a length; but each is waited for only once.
    """
    _wait_until_quiet(lane, GRACE_SECONDS)
    astray = sum(not seat.is_quiet for seat in lane.seats)
    _wait_until_quiet(lane, comb.quiet_seconds)
    lane.note_who_is_not_quiet()
    return astray


def _wait_until_quiet(lane: Lane, seconds: float) -> None:
    deadline = monotonic() + seconds
    while not lane.is_quiet() and (left := deadline - monotonic()) > 0:
        lane.wait_for_change(left)


def _turn_counts(turns: Sequence[_Turn], tallies: Mapping[str, ArmTally]) -> list[TurnCounts]:
    shares = {arm: iter(tallied.turns) for arm, tallied in tallies.items()}
    counts = []
    for turn in turns:
        counted, stretch = next(shares[turn.arm]), turn.stretch
        counts.append(
            TurnCounts(
                arm=turn.arm,
                opened_at=stretch.opened_at,
                guard_seconds=stretch.counted_from - stretch.opened_at,
                seconds=stretch.closed_at - stretch.counted_from,
                drain_seconds=turn.drain_seconds,
                undrained=turn.undrained,
                guard_successes=counted.guard_successes,
                successes=counted.successes,
                failures=counted.failures,
            )
        )
    return counts


def _arm_counts(lane: Lane, counted: ArmTally, astray: int) -> ArmCounts:
    starts, latencies_us = lane.planned_starts()
    return ArmCounts(
        requests=counted.requests,
        failures=counted.failures,
        received_bytes=counted.received_bytes,
        latencies_us=(counted.latencies_us if latencies_us is None else latencies_us).tobytes(),
        completions=counted.completions,
        latency_seconds=counted.latency_seconds,
        in_flight_seconds=counted.in_flight_seconds,
        covered_seconds=counted.covered_seconds,
        profile=counted.profile,
        longest_seconds=counted.longest_seconds,
        loose=counted.loose,
        unsettled=counted.unsettled,
        astray=astray,
        turnarounds=lane.turnarounds,
        turnaround_seconds=lane.turnaround_seconds,
        examples=lane.examples,
        by_request={} if lane.is_paced else _by_request(counted),
        starts=starts,
    )


def _by_request(counted: ArmTally) -> dict[str, RequestCounts]:
    """Of an open loop latencies run from the planned start, which has no name."""
    return {
        name: RequestCounts(one.requests, one.failures, one.latencies_us.tobytes())
        for name, one in counted.by_request.items()
    }


def _use(arm: str, course: _Course) -> Use:
    """Summed over the arm's turns, from edge to edge; what arms used, from the guard's end to the edge.

    An arm that has given its last answer still has a little to do, which falls into the next one's guard.
    """
    places = [place for place, turn in enumerate(course.turns) if turn.arm == arm]
    spans = [(course.edges[place], course.edges[place + 1]) for place in places]
    counted = [(course.turns[place], course.edges[place + 1]) for place in places]
    return Use(
        seconds=sum(after.at - before.at for before, after in spans),
        generator_cpu_seconds=sum(after.own_cpu_seconds - before.own_cpu_seconds for before, after in spans),
        core_seconds=_grown([(before.core_seconds, after.core_seconds) for before, after in spans]),
        core_idle_seconds=_grown(
            [(before.core_idle_seconds, after.core_idle_seconds) for before, after in spans]
        ),
        watched_cpu_seconds={
            name: sum(after.watched[name] - turn.watched[name] for turn, after in counted)
            for name in course.edges[0].watched
        },
        watched_seconds=sum(after.at - turn.watched_at for turn, after in counted),
    )


def _grown(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    known = [(before, after) for before, after in pairs if before is not None and after is not None]
    return sum(after - before for before, after in known) if len(known) == len(pairs) else None
