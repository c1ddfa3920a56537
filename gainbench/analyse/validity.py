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

from gainbench.analyse.arms import MOST_ERRORS, combs_with, cpu_ms, requests_of, throughput_rps, total
from gainbench.analyse.compare import log_ratio
from gainbench.analyse.turnaround import turnaround_share
from gainbench.load import histogram
from gainbench.load.cycles import BINS
from gainbench.plan.model import Cell
from gainbench.stats.settling import SURE, Change, change_across, pooled, shift
from gainbench.store.records import ArmReading, Comb, CoreReading
from gainbench.store.results import TURNAROUND, RuleFigures

MOST_STEAL = 0.05
MOST_FOREIGN = 0.10
MOST_DROPPED = 0.40
MOST_ASTRAY = 0.10  # of a comb
MOST_SLOPE = 0.015  # across a window
BINS_CUT = 4  # of a turn's profile
MOST_DRIFT_IN_TRIAL = 0.02
MOST_WORK_DIFFERENCE = 0.05
MOST_UNSETTLED = 0.02
STANDSTILL_SHARE = 0.25  # of a window
STANDSTILL_SHARE_OF_ALL = 0.05  # of an arm's windows in a comb: as much as it would move the ratio
LEAST_STANDSTILL_SECONDS = 0.020
LEAST_SILENCE_SECONDS = 0.200  # a statement may take that long, and be waited for alone
SILENCE_OVER_P95 = 3.0  # of the arm's response times, which a database at work explains
FEWEST_REQUESTS = 20
MOST_IDLE = 0.01  # of a core
MOST_MOVED = 0.01  # of a throughput, by a round trip that is longer than another arm's
LEAST_WAITING = 0.05  # of an arm's time
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
    if comb.disturbed:
        yield comb.disturbed
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
    share_of_window = STANDSTILL_SHARE * min(turn.seconds for turn in comb.turns)
    share_of_all = STANDSTILL_SHARE_OF_ALL * min(comb.seconds_of(arm) for arm in comb.arms)
    most = max(min(share_of_window, share_of_all), LEAST_STANDSTILL_SECONDS)
    if comb.lag_seconds > most:
        yield f"the load generator was {comb.lag_seconds * 1000:.0f} ms late for a turn"
    for arm, reading in comb.arms.items():
        late = reading.traffic.longest_late_seconds if reading.traffic else 0.0
        if late > most:
            yield f"the latency proxy stood still for {late * 1000:.0f} ms in a turn of {arm}"
        silence = reading.traffic.longest_silence_seconds if reading.traffic else 0.0
        if silence > LEAST_SILENCE_SECONDS and silence > SILENCE_OVER_P95 * _p95_seconds(reading):
            yield f"the database answered {arm} nothing for {silence * 1000:.0f} ms"


def _p95_seconds(reading: ArmReading) -> float:
    (p95,) = histogram.quantiles_ms(reading.load.latency, (0.95,))
    return 0.0 if p95 is None else p95 / 1000


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
    measured = {arm for comb in evidence.combs for arm in comb.arms}
    counts = [requests_of(evidence.kept, arm) for arm in evidence.arms if arm in measured and evidence.kept]
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

    The first by the client's own clock, the second by the gate's. They may differ by what the edges of the
    windows cut.
    """
    shares = []
    for arm in evidence.arms:
        loads = [reading.load for reading in evidence.readings_of(arm)]
        latency, in_flight = (
            sum(load.latency_seconds for load in loads),
            sum(load.in_flight_seconds for load in loads),
        )
        completions = sum(load.completions for load in loads)
        mean_in_flight = _ratio(in_flight, evidence.seconds_of(arm))
        if not completions or not mean_in_flight:
            continue
        turns = sum(len(comb.of(arm)) for comb in evidence.kept)
        cut = _cut_by_edges(turns, mean_in_flight, evidence.cell.users) * latency / completions
        shares.append(max(abs(latency - in_flight) - cut, 0.0) / in_flight)
    return _rule(
        "Little's law missed by",
        _worst(shares),
        0.10,
        "of the requests in flight",
        "what was in flight does not fit what was answered and how long it took",
        "look whether the Locust file measures response times of its own, or whether the generator is busy",
    )


def _cut_by_edges(turns: int, in_flight: float, users: int) -> float:
    """How many requests the edges may add or take away, in the worst case.

    A window may end just before what was in flight at its beginning would have been answered once more: one
    round of it, and the same in each turn where responses take equally long. Users that rest in step bring
    all their requests at once: how many an edge meets then scatters as if one coin were tossed for all.
    """
    in_step = math.sqrt(turns * in_flight * max(users - in_flight, 0.0))
    return turns * in_flight + 3 * in_step


def cycles_settled(evidence: Evidence) -> RuleFigures | None:
    """A cycle whose end nobody knows counts as nothing, so that its arm looks slower than it is."""
    if evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        unsettled = sum(reading.load.unsettled for reading in evidence.readings_of(arm))
        shares.append(_ratio(unsettled, unsettled + requests_of(evidence.kept, arm)))
    return _rule(
        "cycles of unknown length",
        _worst(shares),
        MOST_UNSETTLED,
        "of the cycles",
        "what a user did last in a comb cannot be counted, and its arm is measured too slow",
        "use wait_time in the Locust file instead of sleeping in tasks, or measure in longer combs",
    )


def schedule_kept(evidence: Evidence) -> RuleFigures | None:
    """Starts that came late although a user was free: from one in a hundred on they are the p99.

    One alone is a hiccup, and would be one in a hundred of a short run.
    """
    if not evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        starts = [one.load.starts for one in evidence.readings_of(arm) if one.load.starts is not None]
        late = sum(each.late_for_generator for each in starts)
        shares.append(_ratio(late if late > 1 else 0, sum(each.planned for each in starts)))
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
    """Whether an arm of these combs, all of one cell, still gains speed when it is counted.

    Less has to be sure than for the rule: a guard that grows for nothing costs a little time.
    """
    arms = {arm for comb in combs for arm in comb.arms}
    return any((_unsettled_by(combs, arm, confidence=0.99) or 0.0) > MOST_SLOPE for arm in arms)


def _unsettled_by(combs: Sequence[Comb], arm: str, *, confidence: float = SURE) -> float | None:
    """What of the slope is sure; None where too few combs tell."""
    slopes = _known(settling(comb, arm) for comb in combs_with(arm, combs))
    return _sure(pooled(slopes, confidence=confidence))


def settling(comb: Comb, arm: str) -> float | None:
    """By how much the arm's rate changes across the window, pooled over the turns of a comb.

    Its last part is left out: there, requests that the closing gate cut are counted by what others took,
    which is right for the sum, and a little low in their own place.
    """
    turn = comb.of(arm)[0]
    width = (turn.guard_seconds + turn.seconds) / BINS
    profile = comb.arms[arm].load.profile[: BINS - BINS_CUT]
    inside = [(at * width, value) for at, value in enumerate(profile) if at * width >= turn.guard_seconds]
    change = change_across([at for at, _ in inside], [value for _, value in inside])
    # As if it went on to the window's end.
    return None if change is None else change * (len(inside) + BINS_CUT - 2) / (len(inside) - 1)


def warm_up_over(evidence: Evidence) -> RuleFigures:
    """A ratio that moves while a trial goes on shows an arm that was not warm when it began."""
    changes = [
        pooled(_known(_change(pair, combs) for combs in evidence.trials))
        for pair in combinations(evidence.arms, 2)
    ]
    return _rule(
        "ratio moved within trials by",
        _worst(map(_sure, changes)),
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
    differences = [
        _mean_difference(pair, evidence.kept, work)
        for pair in combinations(evidence.arms, 2)
        for work in (_trips, _received_bytes)
    ]
    return _rule(
        "work of the arms differs by",
        _worst(map(_sure, differences)),
        MOST_WORK_DIFFERENCE,
        "of a request's",
        "an arm that does less for each request is faster for no merit of its driver",
        "compare round trips and bytes per request in the cost table: a cache, a retry, another answer",
    )


def same_work_throughout(evidence: Evidence) -> RuleFigures:
    """A cache that fills, or an arm that begins to answer something else, shows in what a request takes."""
    changes: list[Change | None] = []
    for arm in evidence.arms:
        in_trials = [combs_with(arm, combs) for combs in evidence.trials]
        for work in (_trips, _received_bytes):
            changes.append(pooled(_known(_work_change(combs, arm, work) for combs in in_trials)))
            changes.append(pooled(_known(_last_against_first(combs, arm, work) for combs in in_trials)))
            changes.append(shift(_known(work(comb.arms[arm]) for combs in in_trials for comb in combs)))
    return _rule(
        "work of an arm changed by",
        _worst(map(_sure, changes)),
        MOST_WORK_DIFFERENCE,
        "of a request's",
        "an arm whose requests become cheaper or dearer is not one arm",
        "look for caches that fill, data that grows, and errors answered with 200",
    )


Work = Callable[[ArmReading], float | None]
"""Something of an arm in a comb that is alike for arms that do the same."""


def _trips(reading: ArmReading) -> float | None:
    return _ratio(None if reading.traffic is None else reading.traffic.trips, reading.load.requests)


def _received_bytes(reading: ArmReading) -> float | None:
    return _ratio(reading.load.received_bytes, reading.load.requests)


def _mean_difference(pair: tuple[str, str], combs: Iterable[Comb], work: Work) -> Change | None:
    """Of two arms, as a share of the larger one; in each comb, so that a mix of requests shows its chance."""
    differences = []
    for comb in combs:
        one, other = (work(comb.arms[arm]) if arm in comb.arms else None for arm in pair)
        if one is not None and other is not None:
            differences.append((one - other) / max(one, other) if one or other else 0.0)
    return pooled(differences)


def _work_change(combs: Sequence[Comb], arm: str, work: Work) -> float | None:
    points = [(comb.started, value) for comb in combs if (value := work(comb.arms[arm])) is not None]
    return change_across([at for at, _ in points], [value for _, value in points])


def _last_against_first(combs: Sequence[Comb], arm: str, work: Work) -> float | None:
    """A step of the same height at another place in each trial has another slope, but the same ends."""
    values = _known(work(comb.arms[arm]) for comb in sorted(combs, key=lambda comb: comb.started))
    if len(values) < 2 or not max(values):
        return None
    return (values[-1] - values[0]) / max(values)


def round_trips_equal(evidence: Evidence) -> RuleFigures:
    """The round trip each arm really got: what was asked, and how late the proxy was in both directions.

    Of all pairs, the one that is worst against its own limit: a tenth of what was asked, 0.05 ms, or what the
    arm with the longer trip can bear without losing a hundredth of its throughput by it.
    """
    worst: tuple[float | None, float] = (None, max(0.10 * evidence.cell.rtt_ms, 0.05))
    for pair in combinations(evidence.arms, 2):
        change = _round_trip_difference(pair, evidence)
        value = _sure(change)
        if change is None or value is None:
            continue
        later = pair[0] if change.mean > 0 else pair[1]
        limit = max(0.10 * evidence.cell.rtt_ms, 0.05, _harmless_ms(evidence, later))
        if worst[0] is None or value / limit > worst[0] / worst[1]:
            worst = value, limit
    value, limit = worst
    return _rule(
        "round trips differ",
        value,
        limit,
        "ms",
        "an arm with a nearer database is faster for no merit of its own",
        "use fewer users, or a machine with more cores, so that the latency proxy has room",
    )


def _round_trip_difference(pair: tuple[str, str], evidence: Evidence) -> Change | None:
    """In each comb: a single standstill of the proxy among few requests must not look like a rule."""
    achieved = [[achieved_ms([comb], arm, evidence.cell) for arm in pair] for comb in evidence.kept]
    return pooled([one - other for one, other in achieved if one is not None and other is not None])


def _harmless_ms(evidence: Evidence, arm: str) -> float:
    """How much longer each round trip can be for this arm, at less than a hundredth of its throughput.

    At worst the trips of all users come one after the other, and only while the arm computes does it not
    matter: X trips (1 - X D) seconds of each second, for a second more in each trip.
    """
    combs = evidence.combs_of(arm)
    rate, cost = throughput_rps(combs, arm), cpu_ms(combs, arm)
    traffic = [reading.traffic for reading in evidence.readings_of(arm)]
    trips = _ratio(total(None if one is None else one.trips for one in traffic), requests_of(combs, arm))
    if not rate or not cost or not trips:
        return 0.0
    waits = max(1 - rate * cost / 1000 / evidence.cell.workers, LEAST_WAITING)
    return MOST_MOVED / (rate * trips * waits) * 1000


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
    """What an arm used while others were counted."""
    cpu: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for comb in evidence.kept:
        for reading in comb.arms.values():
            for idle, used in reading.use.idle_arms_cpu_seconds.items():
                cpu[idle] = cpu.get(idle, 0.0) + used
                seconds[idle] = seconds.get(idle, 0.0) + reading.use.idle_seconds
    return _rule(
        "idle arms busy",
        _worst(_ratio(cpu[arm], seconds[arm]) for arm in cpu),
        MOST_IDLE,
        "of a core",
        "an arm that works out of turn slows the other one",
        "end what the arm does unasked: background jobs, reloaders, polling",
    )


def turnaround(evidence: Evidence) -> RuleFigures | None:
    """The generator's own time between a response and the next request, which counts as the server's."""
    if evidence.is_open_loop:
        return None
    return _rule(
        TURNAROUND,
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
        0.01,
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
    cycles_settled,
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


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _sure(change: Change | None) -> float | None:
    return None if change is None else change.sure


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
