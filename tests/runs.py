"""Synthetic runs with known numbers, for the tests of everything that reads a run.

Nothing here is random. With 0.1 ms added, `blocking` serves 1000, `sync` 1300 and `async` 1400 requests/s, so
that the gains are +40 %, +30 % and +7.7 %. In `blocking`, a request computes for 0.72 ms and stops the loop
for 0.18 ms and the added round trip; the others do not depend on it. From the second trial on, `async`
strays a little.

A comb has two turns of each arm in mirrored order, each of a guard of 0.1 s, a window of 0.5 s and a drain of
0.02 s. A request arrives every 1 / rate seconds throughout guard and window, so that a comb holds 1.2 times
an arm's rate in requests, and its windows hold one time. The generator needs 0.05 ms from a response to the
next request; the proxy is 0.005 ms late for each chunk, so that it puts 0.01 ms on a round trip beyond what
is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from gainbench.load import histogram
from gainbench.load.cycles import BINS
from gainbench.plan.condition import Pool
from gainbench.plan.file import render
from gainbench.plan.model import Arm, Band, Cell, Claim, ColourName, Comparison, Plan, Profile, Scenario
from gainbench.store import RunDirectory
from gainbench.store.environment import ArmSettings, Commit, DatabaseFacts, Environment, Machine, Pinning
from gainbench.store.lines import Purpose
from gainbench.store.records import (
    ArmReading,
    Comb,
    CoreReading,
    End,
    Line,
    LoadReading,
    MachineReading,
    Parity,
    ServerReading,
    StatementTraffic,
    TrafficReading,
    Trial,
    Turn,
    UseReading,
)

NOW = datetime(2026, 11, 21, 9, 30, 0, tzinfo=UTC)
ARMS = ("blocking", "sync", "async")
RATES_RPS: Mapping[str, float] = {"blocking": 1000.0, "sync": 1300.0, "async": 1400.0}
CPU_MS: Mapping[str, float] = {"blocking": 0.72, "sync": 0.76, "async": 0.71}
COLOURS: Mapping[str, ColourName] = {"blocking": "vermillion", "sync": "blue", "async": "green"}
GUARD_SECONDS, WINDOW_SECONDS, DRAIN_SECONDS = 0.1, 0.5, 0.02
TURN_SECONDS = GUARD_SECONDS + WINDOW_SECONDS + DRAIN_SECONDS
TURNAROUND_MS = 0.05
LATE_MS = 0.005
REQUEST_BYTES = 1000
STRAYING = (0.0, 0.01, -0.01, 0.005, -0.005, 0.015, -0.015, 0.0)

ENVIRONMENT = Environment(
    command="gainbench bench --seed 7",
    machine=Machine(system="Linux 6.1", cpu="Example CPU", cores=2, memory_gib=8.0),
    versions={"python": "3.11.2", "fastapi": "0.165.0", "sqlalchemy": "2.1.9", "aiomysql": None},
    pinning=Pinning(pinned=True, arms_cores=(0,), other_cores=(1,)),
    database=DatabaseFacts(server="private", flavour="MariaDB", version="10.11.6"),
    settings={
        name: ArmSettings(
            kind="app",
            command=f"uvicorn apps.{app}.main:app",
            workers=1,
            variables={"POOL_SIZE": "40", **handlers},
        )
        for name, app, handlers in (
            ("blocking", "sync_app", {"HANDLERS": "event-loop"}),
            ("sync", "sync_app", {"HANDLERS": "thread-pool"}),
            ("async", "async_app", {}),
        )
    },
    commits={
        "blocking": Commit(commit="1" * 40, modified=False),
        "sync": Commit(commit="1" * 40, modified=False),
        "async": Commit(commit="2" * 40, modified=True),
    },
    app_diff="--- sync_app/db.py\n+++ async_app/db.py\n-def session():\n+async def session():\n",
)


def cell(rtt_ms: float = 0.1, *, headline: bool = True, scenario: str = "read-list", users: int = 4) -> Cell:
    return Cell(scenario=scenario, users=users, rtt_ms=rtt_ms, pool=Pool(size=40), headline=headline)


def plan(
    *,
    arms: Sequence[str] = ARMS,
    cells: Sequence[Cell] = (),
    claim: bool = True,
    trials: int = 3,
    headline_combs: int = 1,
    name: str = "bench",
) -> Plan:
    """The default plan in small: each arm against those before it, last against first as the headline."""
    cells = tuple(cells) or (cell(),)
    return Plan(
        name=name,
        folder=Path("/project"),
        arms=tuple(
            Arm(
                name=arm,
                app=f"apps.{kind(arm)}_app.main:app",
                off_loop=("rollback",) if kind(arm) == "blocking" else None,
                twin_of="blocking" if arm == "sync" and "blocking" in arms else None,
                colour=COLOURS.get(kind(arm)),
            )
            for arm in arms
        ),
        scenarios=tuple(
            Scenario(name=scenario, locustfile=Path("/project/loadtests/todo.py"))
            for scenario in dict.fromkeys(one.scenario for one in cells)
        ),
        profile=Profile(name="standard", trials=trials, headline_combs=headline_combs, budget=360.0),
        cells=cells,
        comparisons=tuple(
            Comparison(baseline=first, candidate=second, headline=(first, second) == (arms[0], arms[-1]))
            for first, second in combinations(arms, 2)
        ),
        claim=_claim() if claim else None,
        seed=7,
    )


def at_rate(the_plan: Plan, rate_rps: float) -> Plan:
    """The same as an open loop."""
    cells = tuple(one.changed({"rate_rps": rate_rps}) for one in the_plan.cells)
    return the_plan.model_copy(update={"cells": cells})


def curve_plan(*, trials: int = 8) -> Plan:
    """The default plan at full size: five round trips, eight trials, four combs of the headline cell."""
    cells = [cell(rtt_ms, headline=rtt_ms == 0.1) for rtt_ms in (0.0, 0.1, 0.2, 0.4, 0.8)]
    return plan(cells=cells, trials=trials, headline_combs=4)


def _claim() -> Claim:
    band = Band(
        cpu_ms=(0.8, 2.5),
        rtt_ms=(0.2, 0.6),
        database_ms=(0.1, 0.3),
        loop_trips=1,
        sources=("pings within one zone",),
    )
    source = "a FastAPI book"
    return Claim(gain=0.38, baseline="blocking", candidate="async", source=source, band=band)


def kind(arm: str) -> str:
    """`sync#2` behaves as `sync` does."""
    return arm.partition("#")[0]


def rate_rps(arm: str, rtt_ms: float = 0.1, trial: int = 0) -> float:
    if kind(arm) == "blocking":
        return 1000 / (0.9 + rtt_ms)
    straying = STRAYING[trial % len(STRAYING)] if kind(arm) == "async" else 0.0
    return RATES_RPS.get(kind(arm), 500.0) * (1 + straying)


@cache
def latencies(mean_us: int, count: int) -> str | None:
    """`count` latencies around a mean, with the long tail that servers have."""
    shares = [(at + 0.5) / count for at in range(count)]
    return histogram.encode(round(mean_us * (0.8 + 0.4 * share + 3 * share**40)) for share in shares)


def turn(arm: str, started: float, *, rate_rps: float = 1000.0, **more: Any) -> Turn:
    fields: dict[str, Any] = {
        "arm": arm,
        "started": started,
        "guard_seconds": GUARD_SECONDS,
        "seconds": WINDOW_SECONDS,
        "drain_seconds": DRAIN_SECONDS,
        "guard_successes": rate_rps * GUARD_SECONDS,
        "successes": rate_rps * WINDOW_SECONDS,
    }
    return Turn(**{**fields, **more})


def load(rate_rps: float = 1000.0, *, turns: int = 2, users: int = 4, **more: Any) -> LoadReading:
    """What the generator noted of an arm that answers `users` at this rate, in so many turns."""
    counted = turns * WINDOW_SECONDS
    requests = round(rate_rps * turns * (GUARD_SECONDS + WINDOW_SECONDS))
    completions = round(rate_rps * counted)
    response_ms = users / rate_rps * 1000 - TURNAROUND_MS if rate_rps else 0.0
    fields: dict[str, Any] = {
        "requests": requests,
        "failures": {},
        "received_bytes": requests * REQUEST_BYTES,
        "latency": latencies(round(response_ms * 1000), completions) if completions else None,
        "completions": completions,
        "latency_seconds": completions * response_ms / 1000,
        "in_flight_seconds": rate_rps * counted * response_ms / 1000,
        "covered_seconds": users * counted,
        "profile": (requests / BINS,) * BINS,
        "longest_seconds": 4 * response_ms / 1000,
        "turnarounds": requests,
        "turnaround_seconds": requests * TURNAROUND_MS / 1000,
    }
    return LoadReading(**{**fields, **more})


def use(*idle: str, turns: int = 2, **more: Any) -> UseReading:
    """The generator takes 0.25 of a core, and its core is idle for 0.4 of the time."""
    seconds = turns * TURN_SECONDS
    fields: dict[str, Any] = {
        "seconds": seconds,
        "generator_cpu_seconds": 0.25 * seconds,
        "core_seconds": seconds,
        "core_idle_seconds": 0.4 * seconds,
        "idle_arms_cpu_seconds": dict.fromkeys(idle, 0.001 * seconds),
        "idle_seconds": seconds,
    }
    return UseReading(**{**fields, **more})


def traffic(requests: int, rtt_ms: float = 0.1, **more: Any) -> TrafficReading:
    """A SELECT and a ROLLBACK for each request, a chunk each way."""
    fields: dict[str, Any] = {
        "by_kind": {
            "select": StatementTraffic(trips=requests, wait_seconds=requests * (0.18 + rtt_ms) / 1000),
            "rollback": StatementTraffic(trips=requests, wait_seconds=requests * (0.08 + rtt_ms) / 1000),
        },
        "connections": 4,
        "chunks": 4 * requests,
        "late_seconds": 4 * requests * LATE_MS / 1000,
        "longest_late_seconds": 0.002,
        "longest_silence_seconds": 0.01,
    }
    return TrafficReading(**{**fields, **more})


def reading(
    arm: str,
    rate_rps: float = 1000.0,
    *,
    rtt_ms: float = 0.1,
    idle: Sequence[str] = (),
    turns: int = 2,
    users: int = 4,
) -> ArmReading:
    """Everything known of one arm in a comb, beside its turns."""
    noted = load(rate_rps, turns=turns, users=users)
    return ArmReading(
        load=noted,
        use=use(*idle, turns=turns),
        server=ServerReading(
            cpu_seconds=noted.requests * CPU_MS.get(kind(arm), 0.7) / 1000,
            switches=noted.requests * 3,
            run_queue_seconds=0.01,
            memory_bytes=90 * 1024 * 1024,
        ),
        traffic=traffic(noted.requests, rtt_ms),
    )


def cores(seconds: float, **more: Any) -> CoreReading:
    """A core that is idle for 0.3 of the time; 0.01 of it was stolen, and 0.02 others had."""
    fields: dict[str, Any] = {
        "seconds": seconds,
        "steal_seconds": 0.01 * seconds,
        "idle_seconds": 0.3 * seconds,
        "foreign_seconds": 0.02 * seconds,
    }
    return CoreReading(**{**fields, **more})


def comb(
    trial: int,
    number: int,
    where: Cell,
    started: float,
    *,
    arms: Sequence[str] = ARMS,
    rates_rps: Mapping[str, float] | None = None,
    **more: Any,
) -> Comb:
    """Two turns of each arm in mirrored order; which arm begins changes from comb to comb."""
    rates = rates_rps or {arm: rate_rps(arm, where.rtt_ms, trial) for arm in arms}
    begin = (trial + number) % len(arms)
    first = (*arms[begin:], *arms[:begin])
    turns = tuple(
        turn(arm, round(started + TURN_SECONDS * at, 3), rate_rps=rates[arm])
        for at, arm in enumerate((*first, *reversed(first)))
    )
    seconds = round(TURN_SECONDS * len(turns), 3)
    fields: dict[str, Any] = {
        "trial": trial,
        "number": number,
        "cell": where.key,
        "started": started,
        "seconds": seconds,
        "turns": turns,
        "arms": {
            arm: reading(
                arm,
                rates[arm],
                rtt_ms=where.rtt_ms,
                idle=[other for other in arms if other != arm],
                users=where.users,
            )
            for arm in arms
        },
        "machine": MachineReading(
            arms_cores=cores(seconds),
            load_cores=cores(seconds),
            database_cpu_seconds=seconds / 10,
            proxy_cpu_seconds=seconds / 20,
        ),
        "reading_seconds": seconds,
    }
    return Comb(**{**fields, **more})


def changed(whole: Comb, arm: str, **parts: Mapping[str, Any] | None) -> Comb:
    """The comb with other readings of one arm: changed(comb, "sync", load={"requests": 3}, traffic=None).

    `turns` changes its turns.
    """
    of_turns = parts.pop("turns", None) or {}
    old = whole.arms[arm]
    new = {
        part: None if values is None else getattr(old, part).model_copy(update=dict(values))
        for part, values in parts.items()
    }
    return whole.model_copy(
        update={
            "turns": tuple(
                one.model_copy(update=dict(of_turns)) if one.arm == arm else one for one in whole.turns
            ),
            "arms": {**whole.arms, arm: old.model_copy(update=new)},
        }
    )


def combs_changed(record: Sequence[Line], change: Callable[[Comb], Comb]) -> list[Line]:
    """The same record with every counted comb changed."""
    return [change(line) if isinstance(line, Comb) and line.phase == "comb" else line for line in record]


def trial_lines(the_plan: Plan, number: int, started: float) -> list[Line]:
    """One trial: a warm-up in the first cell, its combs, then the trial's own line."""
    cells = [one for one in the_plan.cells for _ in range(the_plan.combs_of(one))]
    first = number * (1 + len(cells))
    written: list[Line] = [
        comb(number, first, cells[0], started + 0.5, arms=the_plan.arm_names, phase="warm-up")
    ]
    at = started + 5.0
    for count, where in enumerate(cells, start=1):
        written.append(comb(number, first + count, where, at, arms=the_plan.arm_names))
        at += TURN_SECONDS * 2 * len(the_plan.arms) + 0.5
    written.append(Trial(number=number, started=started, seconds=at - started, setup_seconds=5.0))
    return written


def lines(the_plan: Plan, *, end: bool = True) -> list[Line]:
    """Everything such a run records, a minute a trial."""
    written: list[Line] = [Parity(arms=the_plan.arm_names, sequences=40, differences=0)]
    for number in range(the_plan.profile.trials):
        written += trial_lines(the_plan, number, 60.0 * number)
    return [*written, End(status="complete", seconds=60.0 * the_plan.profile.trials)] if end else written


def store(
    out: Path,
    the_plan: Plan | None = None,
    *,
    record: Sequence[Line] | None = None,
    environment: Environment = ENVIRONMENT,
    now: datetime = NOW,
) -> Path:
    """Write a run directory as the trial loop does and return its path."""
    the_plan = the_plan or plan()
    purposes: dict[str, Purpose] = {"null": "null", "ui": "ui"}
    purpose = purposes.get(the_plan.name, "bench")
    directory = RunDirectory.create(out, the_plan.name, now=now, purpose=purpose)
    directory.write_text("plan.toml", render(the_plan))
    directory.write_text("environment.json", environment.model_dump_json())
    for line in lines(the_plan) if record is None else record:
        directory.append(line)
    return directory.path
