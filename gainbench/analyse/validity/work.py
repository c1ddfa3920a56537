"""Rules that see arms which do not do the same: as each other, as before, or in their own turns alone."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from gainbench.analyse.arms import combs_with, cpu_ms, requests_of, throughput_rps, total
from gainbench.analyse.validity.evidence import Evidence, known, ratio, rule, sure, worst
from gainbench.plan.model import Cell
from gainbench.stats.settling import Change, change_across, pooled, shift
from gainbench.store.records import ArmReading, Comb
from gainbench.store.results import RuleFigures

MOST_WORK_DIFFERENCE = 0.05
MOST_IDLE = 0.01  # of a core
MOST_MOVED = 0.01  # of a throughput, by a round trip that is longer than another arm's
LEAST_CPU_MS = 0.005  # for a request: the fastest servers take some times as much
LEAST_WAITING = 0.05  # of an arm's time

Work = Callable[[ArmReading], float | None]
"""Something of an arm in a comb that is alike for arms that do the same."""

ROUND_TRIPS_DIFFER = "round trips differ"


def same_work_of_twins(evidence: Evidence) -> RuleFigures | None:
    """Arms that give the same answers need as many round trips and send as many bytes."""
    if not evidence.are_twins:
        return None
    differences = [
        _mean_difference(pair, evidence.kept, work)
        for pair in combinations(evidence.arms, 2)
        for work in (_trips, _received_bytes)
    ]
    return rule(
        "work of the arms differs by",
        worst(map(sure, differences)),
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
            changes.append(pooled(known(_work_change(combs, arm, work) for combs in in_trials)))
            changes.append(pooled(known(_last_against_first(combs, arm, work) for combs in in_trials)))
            changes.append(shift(known(work(comb.arms[arm]) for combs in in_trials for comb in combs)))
    return rule(
        "work of an arm changed by",
        worst(map(sure, changes)),
        MOST_WORK_DIFFERENCE,
        "of a request's",
        "an arm whose requests become cheaper or dearer is not one arm",
        "look for caches that fill, data that grows, and errors answered with 200",
    )


def _trips(reading: ArmReading) -> float | None:
    return ratio(None if reading.traffic is None else reading.traffic.trips, reading.load.requests)


def _received_bytes(reading: ArmReading) -> float | None:
    return ratio(reading.load.received_bytes, reading.load.requests)


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
    values = known(work(comb.arms[arm]) for comb in sorted(combs, key=lambda comb: comb.started))
    if len(values) < 2 or not max(values):
        return None
    return (values[-1] - values[0]) / max(values)


def round_trips_equal(evidence: Evidence) -> RuleFigures:
    """The round trip each arm really got: what was asked, and how late the proxy was in both directions.

    Of all pairs, the one that is worst against its own limit: a tenth of what was asked, 0.05 ms, or what the
    arm with the longer trip can bear without losing a hundredth of its throughput by it.
    """
    nearest: tuple[float | None, float] = (None, max(0.10 * evidence.cell.rtt_ms, 0.05))
    for pair in combinations(evidence.arms, 2):
        change = _round_trip_difference(pair, evidence)
        value = sure(change)
        if change is None or value is None:
            continue
        later = pair[0] if change.mean > 0 else pair[1]
        limit = max(0.10 * evidence.cell.rtt_ms, 0.05, _harmless_ms(evidence, later))
        if nearest[0] is None or value / limit > nearest[0] / nearest[1]:
            nearest = value, limit
    value, limit = nearest
    return rule(
        ROUND_TRIPS_DIFFER,
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
    trips = ratio(total(None if one is None else one.trips for one in traffic), requests_of(combs, arm))
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
    late = ratio(sum(one.late_seconds for one in traffic), sum(one.chunks for one in traffic))
    return None if late is None else cell.rtt_ms + 2 * late * 1000


def arms_at_work(evidence: Evidence) -> RuleFigures | None:
    """An arm that neither computes nor asks its database is not the server that answers."""
    without_trips = [arm for arm in evidence.arms if not _asks_database(evidence.readings_of(arm))]
    if not without_trips:
        return None
    return rule(
        "CPU time of an arm",
        min(known(cpu_ms(evidence.combs_of(arm), arm) for arm in without_trips), default=None),
        LEAST_CPU_MS,
        "ms",
        "what listens on an arm's port did next to nothing for its requests: another server answered them",
        "look where the Locust file sends, and what its `url` leads to",
        at_least=True,
    )


def _asks_database(readings: Iterable[ArmReading]) -> bool:
    return any(reading.traffic is not None and reading.traffic.trips for reading in readings)


def arms_idle(evidence: Evidence) -> RuleFigures:
    """What an arm used while others were counted."""
    cpu: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for comb in evidence.kept:
        for reading in comb.arms.values():
            for idle, used in reading.use.idle_arms_cpu_seconds.items():
                cpu[idle] = cpu.get(idle, 0.0) + used
                seconds[idle] = seconds.get(idle, 0.0) + reading.use.idle_seconds
    return rule(
        "idle arms busy",
        worst(ratio(cpu[arm], seconds[arm]) for arm in cpu),
        MOST_IDLE,
        "of a core",
        "an arm that works out of turn slows the other one",
        "end what the arm does unasked: background jobs, reloaders, polling",
    )
