"""The rules a measurement must keep to be believed. A new rule is one function here and one entry in RULES.

A block is judged by ``drop_reason`` alone, before anybody looks at its ratio. The other rules judge a cell by
its counted windows, pooled. Each rule gives its value and its limit, which the report shows; a value that the
system does not provide is None and cannot break a rule.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from gainbench.analyse.arms import MOST_ERRORS
from gainbench.plan.model import Cell
from gainbench.store.records import Block, MachineReading, Window
from gainbench.store.results import RuleFigures

MOST_STEAL = 0.05
MOST_STEAL_DIFFERENCE = 0.02
MOST_DROPPED = 0.40
MOST_ASTRAY = 0.10  # of a window
QUIETER = "measure at a quieter moment, or on a machine with cores of its own"


@dataclass(frozen=True)
class Evidence:
    """What the rules of a cell look at."""

    cell: Cell
    arms: tuple[str, ...]
    blocks: tuple[Block, ...]  # all of them
    kept: tuple[Block, ...]  # without the dropped ones
    pinned: bool

    @property
    def windows(self) -> list[Window]:
        return [window for block in self.kept for window in block.windows]

    def windows_of(self, arm: str) -> list[Window]:
        return [window for window in self.windows if window.arm == arm]


def drop_reason(windows: Sequence[Window]) -> str | None:
    """Why a block cannot be used, whatever its ratio."""
    return next(chain(_faults(windows), _stolen(windows)), None)


def _faults(windows: Sequence[Window]) -> Iterator[str]:
    """Missing load, an empty window, or readings that belong to another time."""
    for window in windows:
        if window.incomplete:
            yield window.incomplete
        if not window.successes:
            yield f"{window.arm} completed nothing in a window"
        read = window.reading_seconds
        if read is not None and abs(read - window.seconds) > MOST_ASTRAY * window.seconds:
            yield f"CPU time was read over {read:.2f} s of a window of {window.seconds:.2f} s"


def _stolen(windows: Sequence[Window]) -> Iterator[str]:
    """Cores that were taken away, from all arms or from some more than from others."""
    steal = _steal_share(windows)
    if steal is None:
        return
    if steal > MOST_STEAL:
        yield f"steal {steal:.1%} > {MOST_STEAL:.0%}"
    by_arm = {arm: _steal_share([w for w in windows if w.arm == arm]) for arm in {w.arm for w in windows}}
    shares = [share for share in by_arm.values() if share is not None]
    difference = max(shares) - min(shares)
    if difference > MOST_STEAL_DIFFERENCE:
        yield f"steal differs between arms by {difference:.1%} > {MOST_STEAL_DIFFERENCE:.0%}"


def _steal_share(windows: Iterable[Window]) -> float | None:
    stolen = [w.machine.arms_steal_seconds for w in windows]
    seconds = [w.machine.arms_cores_seconds for w in windows]
    return _ratio(_total(stolen), _total(seconds))


def generator_busy(evidence: Evidence) -> RuleFigures:
    cpu = sum(_busiest_seconds(window.machine) for window in evidence.windows)
    return _rule(
        "generator busy",
        _ratio(cpu, sum(window.seconds for window in evidence.windows)),
        0.70,
        "of a core",
        "a busy load generator pulls every gain towards 0",
        "use FastHttpUser in the Locust file, fewer users, or more generators where cores are free",
    )


def _busiest_seconds(machine: MachineReading) -> float:
    """Of one process: the slowest to answer is the one that is late."""
    busiest = machine.busiest_generator_cpu_seconds
    return machine.generator_cpu_seconds if busiest is None else busiest


def generator_core_free(evidence: Evidence) -> RuleFigures:
    idle = _ratio(
        _total([window.machine.load_idle_seconds for window in evidence.windows]),
        _total([window.machine.load_cores_seconds for window in evidence.windows]),
    )
    return _rule(
        "generator's cores busy",
        None if idle is None or not evidence.pinned else 1 - idle,
        0.90,
        "of its cores",
        "the cores of generator, proxy and database need room to answer at once",
        "use fewer users, a machine with more cores, or generators on another one (--generator-listen)",
    )


def blocks_dropped(evidence: Evidence) -> RuleFigures:
    dropped = len(evidence.blocks) - len(evidence.kept)
    return _rule(
        "blocks dropped",
        _ratio(dropped, len(evidence.blocks)),
        MOST_DROPPED,
        "of the blocks",
        "blocks lose their place when other guests of the machine take its cores away",
        QUIETER,
    )


def errors(evidence: Evidence) -> RuleFigures:
    shares = [
        _ratio(sum(w.failed for w in windows), sum(w.failed + w.successes for w in windows))
        for windows in map(evidence.windows_of, evidence.arms)
    ]
    return _rule(
        "errors",
        _worst(shares),
        MOST_ERRORS,
        "of the requests",
        "an error is often faster than an answer",
        "look at the failures and at the log of the arm that answered so, or load it with fewer users",
    )


def task_exceptions(evidence: Evidence) -> RuleFigures:
    raised = sum(sum(window.task_exceptions.values()) for window in evidence.windows)
    requests = sum(window.successes + window.failed for window in evidence.windows)
    return _rule(
        "exceptions in tasks",
        _ratio(raised, requests),
        0.001,
        "of the requests",
        "users whose tasks raise do not send what the scenario means",
        "mend the tasks of the Locust file; the log of the load generator has their tracebacks",
    )


def littles_law(evidence: Evidence) -> RuleFigures:
    """Users in flight and between requests must add up to all users (Little 1961)."""
    users = evidence.cell.users
    deviations = []
    for windows in map(evidence.windows_of, evidence.arms):
        seconds = sum(window.seconds for window in windows)
        present = _ratio(sum(w.in_flight_seconds + w.gap_seconds for w in windows), seconds)
        deviations.append(None if present is None else abs(users - present) / users)
    return _rule(
        "users unaccounted for",
        _worst(deviations),
        0.10,
        "of the users",
        "users were stuck, dead or idle",
        "look in the Locust file for tasks that do more than send requests, and in the arms' logs",
    )


def schedule_kept(evidence: Evidence) -> RuleFigures | None:
    """Starts that came late although a user was free: from one in a hundred on they are the p99."""
    starts = [window.starts for window in evidence.windows if window.starts is not None]
    if not starts:  # a closed loop has no schedule
        return None
    return _rule(
        "starts late by the generator",
        _ratio(sum(each.late_for_generator for each in starts), sum(each.planned for each in starts)),
        0.01,
        "of the starts",
        "an open loop is one only as long as its generator keeps the schedule",
        "lower the rate, or spread it over more generators where cores are free",
    )


def round_trips_equal(evidence: Evidence) -> RuleFigures:
    """The round trip each arm really got: what was asked, and how late the proxy was in both directions."""
    asked_ms = evidence.cell.rtt_ms
    achieved = [
        asked_ms + 2 * median(late)
        for arm in evidence.arms
        if (
            late := [
                w.machine.proxy_late_ms
                for w in evidence.windows_of(arm)
                if w.machine.proxy_late_ms is not None
            ]
        )
    ]
    return _rule(
        "round trips differ",
        max(achieved) - min(achieved) if achieved else None,
        max(0.10 * asked_ms, 0.05),
        "ms",
        "an arm with a nearer database is faster for no merit of its own",
        "use fewer users, or a machine with more cores, so that the latency proxy has room",
    )


def arms_idle(evidence: Evidence) -> RuleFigures:
    shares = []
    for arm in evidence.arms:
        parked = [window for window in evidence.windows if arm in window.idle_cpu_seconds]
        cpu = sum(window.idle_cpu_seconds[arm] for window in parked)
        shares.append(_ratio(cpu, sum(window.seconds for window in parked)))
    return _rule(
        "idle arms busy",
        _worst(shares),
        0.05,
        "of a core",
        "an arm that works out of turn slows the other one",
        "end what the arm does unasked: background jobs, reloaders, polling",
    )


Rule = Callable[[Evidence], RuleFigures | None]

RULES: tuple[Rule, ...] = (
    generator_busy,
    generator_core_free,
    blocks_dropped,
    errors,
    task_exceptions,
    littles_law,
    schedule_kept,
    round_trips_equal,
    arms_idle,
)


def judge(evidence: Evidence) -> tuple[RuleFigures, ...]:
    """The word on a cell of every rule that applies to it."""
    return tuple(found for rule in RULES if (found := rule(evidence)) is not None)


def _rule(rule: str, value: float | None, limit: float, unit: str, meaning: str, cure: str) -> RuleFigures:
    ok = value is None or value <= limit
    return RuleFigures(rule=rule, ok=ok, value=value, limit=limit, unit=unit, meaning=meaning, cure=cure)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
