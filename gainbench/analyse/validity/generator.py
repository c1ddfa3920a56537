"""Rules on the load generator: whether it had room, and whether the users were where they belong."""

import math

from gainbench.analyse.arms import requests_of, total
from gainbench.analyse.turnaround import turnaround_share
from gainbench.analyse.validity.evidence import Evidence, ratio, rule, worst
from gainbench.store.results import TURNAROUND, USERS_REST, RuleFigures

MOST_UNSETTLED = 0.02
CORES_BUSY = "generator's cores busy"


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
        shares.append(ratio(busy, sum(use.seconds for use in uses)))
    return rule(
        "generator busy",
        worst(shares),
        0.70,
        "of a core",
        "a busy load generator pulls every gain towards 0",
        "use FastHttpUser in the Locust file, fewer users, or more generators where cores are free",
    )


def generator_core_free(evidence: Evidence) -> RuleFigures:
    shares = []
    for arm in evidence.arms:
        uses = [reading.use for reading in evidence.readings_of(arm)]
        idle = ratio(total(use.core_idle_seconds for use in uses), total(use.core_seconds for use in uses))
        shares.append(None if idle is None or not evidence.pinned else 1 - idle)
    return rule(
        CORES_BUSY,
        worst(shares),
        0.90,
        "of its cores",
        "the cores of generator, proxy and database need room to answer at once",
        "use fewer users, a machine with more cores, or generators on another one (--generator-listen)",
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
        shares.append(ratio(late if late > 1 else 0, sum(each.planned for each in starts)))
    return rule(
        "starts late by the generator",
        worst(shares),
        0.01,
        "of the starts",
        "an open loop is one only as long as its generator keeps the schedule",
        "lower the rate, or spread it over more generators where cores are free",
    )


def users_present(evidence: Evidence) -> RuleFigures | None:
    """In a closed loop, every user is in a cycle at every moment of a window."""
    if evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        covered = sum(reading.load.covered_seconds for reading in evidence.readings_of(arm))
        present = ratio(covered, evidence.seconds_of(arm) * evidence.cell.users)
        shares.append(None if present is None else abs(1 - present))
    return rule(
        "users unaccounted for",
        worst(shares),
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
        mean_in_flight = ratio(in_flight, evidence.seconds_of(arm))
        if not completions or not mean_in_flight:
            continue
        turns = sum(len(comb.of(arm)) for comb in evidence.kept)
        cut = _cut_by_edges(turns, mean_in_flight, evidence.cell.users) * latency / completions
        shares.append(max(abs(latency - in_flight) - cut, 0.0) / in_flight)
    return rule(
        "Little's law missed by",
        worst(shares),
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
        shares.append(ratio(unsettled, unsettled + requests_of(evidence.kept, arm)))
    return rule(
        "cycles of unknown length",
        worst(shares),
        MOST_UNSETTLED,
        "of the cycles",
        "what a user did last in a comb cannot be counted, and its arm is measured too slow",
        "use wait_time in the Locust file instead of sleeping in tasks, or measure in longer combs",
    )


def turnaround(evidence: Evidence) -> RuleFigures | None:
    """The generator's own time between a response and the next request, which counts as the server's."""
    if evidence.is_open_loop:
        return None
    return rule(
        TURNAROUND,
        worst(turnaround_share(evidence.kept, arm, evidence.cell.users) for arm in evidence.arms),
        0.05,
        "of a cycle",
        "to an arm it looks like think time: it leaves fewer requests in flight",
        "the report says how much it can move the gain; fewer users or FastHttpUser make it shorter",
        is_note=True,
    )


def users_rest(evidence: Evidence) -> RuleFigures | None:
    """Arms that mostly wait for requests answer all of them, however fast they are."""
    if evidence.is_open_loop:
        return None
    shares = []
    for arm in evidence.arms:
        in_flight = sum(reading.load.in_flight_seconds for reading in evidence.readings_of(arm))
        waiting = ratio(in_flight, evidence.seconds_of(arm) * evidence.cell.users)
        shares.append(None if waiting is None else max(1 - waiting, 0.0))
    return rule(
        "users rest",
        worst(shares),
        USERS_REST,
        "of their time",
        "where users mostly rest, both arms answer all they ask for, and throughput cannot differ",
        "for what a busy server gains: more users, or a Locust file without wait_time; for latency: --rate",
        is_note=True,
    )


def tasks_go_their_own_way(evidence: Evidence) -> RuleFigures | None:
    if evidence.is_open_loop:
        return None
    shares = [
        ratio(
            sum(reading.load.astray for reading in evidence.readings_of(arm)),
            len(evidence.combs_of(arm)) * evidence.cell.users,
        )
        for arm in evidence.arms
    ]
    return rule(
        "users neither waiting nor served",
        worst(shares),
        0.01,
        "of the users",
        "a task that sleeps by itself goes on while its arm is parked, so that its turns begin in step",
        "use wait_time in the Locust file: it stands still while the arm is parked",
        is_note=True,
    )
