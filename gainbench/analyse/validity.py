"""The rules a measurement must keep to be believed. A new rule is one function here and one entry in RULES.

A comb is judged by ``drop_reason`` alone, before anybody looks at its ratio. The other rules judge a cell by
its kept combs, and each by its worst arm: an average would hide the one that is hindered. Each rule gives its
value and its limit, which the report shows; a value that the system does not provide is None and cannot break
a rule. A note does not make a cell invalid: it says what a reader has to know.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby

from gainbench.analyse.arms import MOST_ERRORS, combs_with, requests_of, total
from gainbench.analyse.compare import log_ratio
from gainbench.analyse.turnaround import turnaround_share
from gainbench.load.cycles import BINS
from gainbench.plan.model import Cell
from gainbench.stats.settling import change_across, pooled
from gainbench.store.records import ArmReading, Comb, CoreReading
from gainbench.store.results import RuleFigures

MOST_STEAL = 0.05
MOST_FOREIGN = 0.10
MOST_DROPPED = 0.40
MOST_ASTRAY = 0.10  # of a comb
MOST_SLOPE = 0.015  # across a window
MOST_DRIFT_IN_TRIAL = 0.02
MOST_WORK_DIFFERENCE = 0.05
STANDSTILL_SHARE = 0.25  # of a window
LEAST_STANDSTILL_SECONDS = 0.020
FEWEST_REQUESTS = 20
QUIETER = "measure at a quieter moment, or on a machine with cores of its own"


@dataclass(frozen=True)
class Evidence:
    """What the rules of a cell look at. ``are_twins``: the arms were proven to give the same answers."""

    cell: Cell
    arms: tuple[str, ...]
    combs: tuple[Comb, ...]  # all of them
    kept: tuple[Comb, ...]  # what the figures rest on: neither dropped, nor with too short a guard
    pinned: bool
    is_open_loop: bool = False
    are_twins: bool = False

    @cached_property
    def trials(self) -> list[list[Comb]]:
        ordered = sorted(self.kept, key=lambda comb: (comb.trial, comb.started))
        return [list(group) for _, group in groupby(ordered, key=lambda comb: comb.trial)]

    def combs_of(self, arm: str) -> list[Comb]:
        return combs_with(arm, self.kept)

    def readings_of(self, arm: str) -> list[ArmReading]:
        return [comb.arms[arm] for comb in self.combs_of(arm)]

    def seconds_of(self, arm: str) -> float:
        return sum(comb.seconds_of(arm) for comb in self.kept)


def drop_reason(comb: Comb) -> str | None:
    """Why a comb cannot be used, whatever its ratio."""
    return next(_faults(comb), None)


def _faults(comb: Comb) -> Iterator[str]:
    """Missing load, an arm without an answer, readings that belong to another time, or taken cores."""
    if comb.incomplete:
        yield comb.incomplete
    for arm in comb.arms:
        if not any(turn.successes > 0 for turn in comb.of(arm)):
            yield f"{arm} completed nothing in its windows"
    read = comb.reading_seconds
    if read is not None and abs(read - comb.seconds) > MOST_ASTRAY * comb.seconds:
        yield f"CPU time was read over {read:.2f} s of a comb of {comb.seconds:.2f} s"
    yield from _standstills(comb)
    yield from _taken(comb.machine.arms_cores, "the arms' cores")
    yield from _taken(comb.machine.load_cores, "the load's cores")


def _standstills(comb: Comb) -> Iterator[str]:
    """One that lasts hits the arm whose turn it is, and no other."""
    window = min(turn.seconds for turn in comb.turns)
    most = max(STANDSTILL_SHARE * window, LEAST_STANDSTILL_SECONDS)
    if comb.lag_seconds > most:
        yield f"the load generator was {comb.lag_seconds * 1000:.0f} ms late for a turn"
    for arm, reading in comb.arms.items():
        late = reading.traffic.longest_late_seconds if reading.traffic else 0.0
        if late > most:
            yield f"the latency proxy stood still for {late * 1000:.0f} ms in a turn of {arm}"


def _taken(cores: CoreReading | None, which: str) -> Iterator[str]:
    if cores is None:
        return
    steal = _ratio(cores.steal_seconds, cores.seconds)
    foreign = _ratio(cores.foreign_seconds, cores.seconds)
    if steal is not None and steal > MOST_STEAL:
        yield f"steal on {which}: {steal:.1%} > {MOST_STEAL:.0%}"
    if foreign is not None and foreign > MOST_FOREIGN:
        yield f"other programs on {which}: {foreign:.1%} > {MOST_FOREIGN:.0%}"


def generator_busy(evidence: Evidence) -> RuleFigures:
    shares = []
    for arm in evidence.arms:
        uses = [reading.use for reading in evidence.readings_of(arm)]
        busy = sum(
            use.generator_cpu_seconds
            if use.busiest_generator_cpu_seconds is None
            else use.busiest_generator_cpu_seconds
            for use in uses
        )
        shares.append(_ratio(busy, sum(use.seconds for use in uses)))
    return _rule(
        "generator busy",
        _worst(shares),
        0.70,
        "of a core",
        "a busy load generator pulls every gain towards 0",
        "use FastHttpUser in the Locust file, fewer users, or more generators where cores are free",
    )


def generator_core_free(evidence: Evidence) -> RuleFigures:
    shares = []
    for arm in evidence.arms:
        uses = [reading.use for reading in evidence.readings_of(arm)]
        idle = _ratio(total(use.core_idle_seconds for use in uses), total(use.core_seconds for use in uses))
        shares.append(None if idle is None or not evidence.pinned else 1 - idle)
    return _rule(
        "generator's cores busy",
        _worst(shares),
        0.90,
        "of its cores",
        "the cores of generator, proxy and database need room to answer at once",
        "use fewer users, a machine with more cores, or generators on another one (--generator-listen)",
    )


def combs_dropped(evidence: Evidence) -> RuleFigures:
    dropped = sum(comb.dropped is not None for comb in evidence.combs)
    return _rule(
        "combs dropped",
        _ratio(dropped, len(evidence.combs)),
        MOST_DROPPED,
        "of the combs",
        "combs lose their place when others take the cores away",
        QUIETER,
    )


def errors(evidence: Evidence) -> RuleFigures:
    shares = [
        _ratio(
            sum(sum(reading.load.failures.values()) for reading in evidence.readings_of(arm)),
            requests_of(evidence.kept, arm),
        )
        for arm in evidence.arms
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
    raised = sum(sum(comb.task_exceptions.values()) for comb in evidence.kept)
    requests = sum(requests_of(evidence.kept, arm) for arm in evidence.arms)
    return _rule(
        "exceptions in tasks",
        _ratio(raised, requests),
        0.001,
        "of the requests",
        "users whose tasks raise do not send what the scenario means",
        "mend the tasks of the Locust file; the log of the load generator has their tracebacks",
    )


def requests_enough(evidence: Evidence) -> RuleFigures:
    counts = [requests_of(evidence.kept, arm) for arm in evidence.arms] if evidence.kept else []
    return _rule(
        "requests of an arm",
        min(counts, default=None),
        FEWEST_REQUESTS,
        "",
        "a rate from a handful of requests is chance",
        "measure longer (--trials, a longer comb in the profile), with more users or shorter wait times",
        at_least=True,
    )


def users_present(evidence: Evidence) -> RuleFigures | None:
    """In a closed loop, every user is in a cycle at every moment of a window."""
    if evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        covered = sum(reading.load.covered_seconds for reading in evidence.readings_of(arm))
        present = _ratio(covered, evidence.seconds_of(arm) * evidence.cell.users)
        shares.append(None if present is None else abs(1 - present))
    return _rule(
        "users unaccounted for",
        _worst(shares),
        0.10,
        "of the users",
        "users were stuck, dead or idle",
        "look in the Locust file for tasks that do more than send requests, and in the arms' logs",
    )


def littles_law(evidence: Evidence) -> RuleFigures:
    """Completions x mean latency against the requests in flight: counted apart (Little 1961).

    The first by the client's own clock, the second by the gate's. A window's edges may cut half a request of
    each user, which is no fault.
    """
    shares = []
    for arm in evidence.arms:
        loads = [reading.load for reading in evidence.readings_of(arm)]
        latency, in_flight = (
            sum(load.latency_seconds for load in loads),
            sum(load.in_flight_seconds for load in loads),
        )
        completions = sum(load.completions for load in loads)
        turns = sum(len(comb.of(arm)) for comb in evidence.kept)
        users = min(evidence.cell.users, max(completions, 1))
        slack = 0.5 * turns * users * latency / completions if completions else 0.0
        deviation = _ratio(max(abs(latency - in_flight) - slack, 0.0), in_flight)
        shares.append(deviation if completions else None)
    return _rule(
        "Little's law missed by",
        _worst(shares),
        0.10,
        "of the requests in flight",
        "what was in flight does not fit what was answered and how long it took",
        "look whether the Locust file measures response times of its own, or whether the generator is busy",
    )


def schedule_kept(evidence: Evidence) -> RuleFigures | None:
    """Starts that came late although a user was free: from one in a hundred on they are the p99."""
    if not evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        starts = [one.load.starts for one in evidence.readings_of(arm) if one.load.starts is not None]
        late = sum(each.late_for_generator for each in starts)
        shares.append(_ratio(late, sum(each.planned for each in starts)))
    return _rule(
        "starts late by the generator",
        _worst(shares),
        0.01,
        "of the starts",
        "an open loop is one only as long as its generator keeps the schedule",
        "lower the rate, or spread it over more generators where cores are free",
    )


def turns_settled(evidence: Evidence) -> RuleFigures:
    """The rate since the gate opened is level across the window."""
    return _rule(
        "turns not settled by",
        _worst(_unsettled_by(evidence.kept, arm) for arm in evidence.arms),
        MOST_SLOPE,
        "of the rate",
        "an arm that is still getting going is measured too slow",
        "measure longer: the guard grows by itself where turns do not settle",
    )


def are_unsettled(combs: Sequence[Comb]) -> bool:
    """Whether an arm of these combs, all of one cell, surely still gains speed when it is counted."""
    arms = {arm for comb in combs for arm in comb.arms}
    return any((_unsettled_by(combs, arm) or 0.0) > MOST_SLOPE for arm in arms)


def _unsettled_by(combs: Sequence[Comb], arm: str) -> float | None:
    """What of the slope is sure; None where too few combs tell."""
    found = [settling(comb, arm) for comb in combs_with(arm, combs)]
    change = pooled([one for one in found if one is not None])
    return None if change is None or change.half_width is None else change.sure


def settling(comb: Comb, arm: str) -> float | None:
    """By how much the arm's rate changes across the window, pooled over the turns of a comb."""
    turn = comb.of(arm)[0]
    width = (turn.guard_seconds + turn.seconds) / BINS
    profile = comb.arms[arm].load.profile
    inside = [
        (at * width, value) for at, value in enumerate(profile[:-1]) if at * width >= turn.guard_seconds
    ]
    return change_across([at for at, _ in inside], [value for _, value in inside])


def warm_up_over(evidence: Evidence) -> RuleFigures:
    """A ratio that moves while a trial goes on shows an arm that was not warm when it began."""
    worst: list[float] = []
    for pair in combinations(evidence.arms, 2):
        changes = [_change(pair, combs) for combs in evidence.trials]
        moved = pooled([change for change in changes if change is not None])
        if moved is not None and moved.half_width is not None:
            worst.append(moved.sure)
    return _rule(
        "ratio moved within trials by",
        _worst(worst),
        MOST_DRIFT_IN_TRIAL,
        "of the ratio",
        "an arm that was still warming up is measured too slow",
        "let it warm up before it is ready (`ready`), or measure in longer trials",
    )


def _change(pair: tuple[str, str], combs: Sequence[Comb]) -> float | None:
    points = [(comb.started, ratio) for comb in combs if (ratio := log_ratio(pair, comb)) is not None]
    if len(points) < 2:
        return None
    # Of a logarithm, the change itself is relative: 1 is added so that it is not divided by its mean.
    times, ratios = zip(*points, strict=True)
    mean = sum(ratios) / len(ratios)
    return change_across(times, [1 + ratio - mean for ratio in ratios])


def same_work_of_twins(evidence: Evidence) -> RuleFigures | None:
    """Arms that give the same answers need as many round trips and send as many bytes."""
    if not evidence.are_twins:
        return None
    differences = []
    for work in (_trips, _received_bytes):
        amounts = [_ratio(*work(evidence.combs_of(arm), arm)) for arm in evidence.arms]
        known = [amount for amount in amounts if amount]
        if len(known) == len(amounts) and known:
            differences.append(max(known) / min(known) - 1)
    return _rule(
        "work of the arms differs by",
        _worst(differences),
        MOST_WORK_DIFFERENCE,
        "of a request's",
        "an arm that does less for each request is faster for no merit of its driver",
        "compare round trips and bytes per request in the cost table: a cache, a retry, another answer",
    )


def same_work_throughout(evidence: Evidence) -> RuleFigures:
    """A cache that fills, or an arm that begins to answer something else, shows in what a request takes."""
    changes = []
    for arm in evidence.arms:
        in_trials = [combs_with(arm, combs) for combs in evidence.trials]
        early = [comb for combs in in_trials for comb in combs[: len(combs) // 2]]
        late = [comb for combs in in_trials for comb in combs[(len(combs) + 1) // 2 :]]
        first = [comb for combs in in_trials[: len(in_trials) // 2] for comb in combs]
        last = [comb for combs in in_trials[(len(in_trials) + 1) // 2 :] for comb in combs]
        for before, after in ((early, late), (first, last)):
            changes += [_work_change(work, before, after, arm) for work in (_trips, _received_bytes)]
    return _rule(
        "work of an arm changed by",
        _worst(changes),
        MOST_WORK_DIFFERENCE,
        "of a request's",
        "an arm whose requests become cheaper or dearer is not one arm",
        "look for caches that fill, data that grows, and errors answered with 200",
    )


def _work_change(
    work: Callable[[Sequence[Comb], str], tuple[float | None, int]],
    before: Sequence[Comb],
    after: Sequence[Comb],
    arm: str,
) -> float | None:
    """What of the change is beyond chance: requests of a mix come in other shares each time."""
    (first, first_requests), (second, second_requests) = work(before, arm), work(after, arm)
    one, other = _ratio(first, first_requests), _ratio(second, second_requests)
    if not one or not other:
        return None
    return max(abs(other / one - 1) - 3 / math.sqrt(min(first_requests, second_requests)), 0.0)


def _trips(combs: Sequence[Comb], arm: str) -> tuple[float | None, int]:
    traffic = [comb.arms[arm].traffic for comb in combs]
    return total(None if one is None else one.trips for one in traffic), requests_of(combs, arm)


def _received_bytes(combs: Sequence[Comb], arm: str) -> tuple[float | None, int]:
    return sum(comb.arms[arm].load.received_bytes for comb in combs), requests_of(combs, arm)


def round_trips_equal(evidence: Evidence) -> RuleFigures:
    """The round trip each arm really got: what was asked, and how late the proxy was in both directions."""
    achieved = [
        trip for arm in evidence.arms if (trip := achieved_ms(evidence.kept, arm, evidence.cell)) is not None
    ]
    return _rule(
        "round trips differ",
        max(achieved) - min(achieved) if achieved else None,
        max(0.10 * evidence.cell.rtt_ms, 0.05),
        "ms",
        "an arm with a nearer database is faster for no merit of its own",
        "use fewer users, or a machine with more cores, so that the latency proxy has room",
    )


def achieved_ms(combs: Iterable[Comb], arm: str, cell: Cell) -> float | None:
    """The mean time that the proxy put on a round trip of this arm, under its load."""
    traffic = [
        reading.traffic
        for comb in combs
        if (reading := comb.arms.get(arm)) is not None and reading.traffic is not None
    ]
    late = _ratio(sum(one.late_seconds for one in traffic), sum(one.chunks for one in traffic))
    return None if late is None else cell.rtt_ms + 2 * late * 1000


def arms_idle(evidence: Evidence) -> RuleFigures:
    """What an arm used while others had their turns."""
    cpu: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for comb in evidence.kept:
        for reading in comb.arms.values():
            for idle, used in reading.use.idle_arms_cpu_seconds.items():
                cpu[idle] = cpu.get(idle, 0.0) + used
                seconds[idle] = seconds.get(idle, 0.0) + reading.use.seconds
    return _rule(
        "idle arms busy",
        _worst(_ratio(cpu[arm], seconds[arm]) for arm in cpu),
        0.01,
        "of a core",
        "an arm that works out of turn slows the other one",
        "end what the arm does unasked: background jobs, reloaders, polling",
    )


def turnaround(evidence: Evidence) -> RuleFigures | None:
    """The generator's own time between a response and the next request, which counts as the server's."""
    if evidence.is_open_loop:
        return None
    return _rule(
        "generator's turnaround",
        _worst(turnaround_share(evidence.kept, arm, evidence.cell.users) for arm in evidence.arms),
        0.05,
        "of a cycle",
        "to an arm it looks like think time: it leaves fewer requests in flight",
        "the report says how much it can move the gain; fewer users or FastHttpUser make it shorter",
        is_note=True,
    )


def tasks_go_their_own_way(evidence: Evidence) -> RuleFigures | None:
    if evidence.is_open_loop:
        return None
    shares = [
        _ratio(
            sum(reading.load.astray for reading in evidence.readings_of(arm)),
            len(evidence.combs_of(arm)) * evidence.cell.users,
        )
        for arm in evidence.arms
    ]
    return _rule(
        "users neither waiting nor served",
        _worst(shares),
        0.0,
        "of the users",
        "a task that sleeps by itself goes on while its arm is parked, so that its turns begin in step",
        "use wait_time in the Locust file: it stands still while the arm is parked",
        is_note=True,
    )


Rule = Callable[[Evidence], RuleFigures | None]

RULES: tuple[Rule, ...] = (
    generator_busy,
    generator_core_free,
    combs_dropped,
    errors,
    task_exceptions,
    requests_enough,
    users_present,
    littles_law,
    schedule_kept,
    turns_settled,
    warm_up_over,
    same_work_of_twins,
    same_work_throughout,
    round_trips_equal,
    arms_idle,
    turnaround,
    tasks_go_their_own_way,
)


def judge(evidence: Evidence) -> tuple[RuleFigures, ...]:
    """The word on a cell of every rule that applies to it."""
    return tuple(found for rule in RULES if (found := rule(evidence)) is not None)


def _rule(
    rule: str,
    value: float | None,
    limit: float,
    unit: str,
    meaning: str,
    cure: str,
    *,
    at_least: bool = False,
    is_note: bool = False,
) -> RuleFigures:
    holds = value is None or (value >= limit if at_least else value <= limit)
    return RuleFigures(
        rule=rule,
        ok=holds,
        value=value,
        limit=limit,
        unit=unit,
        meaning=meaning,
        cure=cure,
        at_least=at_least,
        is_note=is_note,
    )


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
