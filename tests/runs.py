"""Synthetic runs with known numbers, for the tests of everything that reads a run.

Nothing here is random. With 0.1 ms added, `blocking` serves 1000, `sync` 1300 and `async` 1400 requests/s, so
that the gains are +40 %, +30 % and +7.7 %. In `blocking`, a request computes for 0.72 ms and stops the loop
for 0.18 ms and the added round trip; the others do not depend on it. From the second trial on, `async`
strays a little. As the real probe does, the synthetic one sees what the proxy adds and no more: the delay
asked, or 0.05 ms where none is.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from gainbench.load import histogram
from gainbench.plan.condition import Pool
from gainbench.plan.file import render
from gainbench.plan.model import Arm, Band, Cell, Claim, ColourName, Comparison, Plan, Profile, Scenario
from gainbench.store import RunDirectory
from gainbench.store.environment import ArmSettings, Commit, DatabaseFacts, Environment, Machine, Pinning
from gainbench.store.lines import Purpose
from gainbench.store.records import (
    ArmReading,
    Block,
    End,
    Line,
    MachineReading,
    Outside,
    Parity,
    RoundTrips,
    StatementTraffic,
    Trial,
    Window,
)

NOW = datetime(2026, 11, 21, 9, 30, 0, tzinfo=UTC)
ARMS = ("blocking", "sync", "async")
RATES_RPS: Mapping[str, float] = {"blocking": 1000.0, "sync": 1300.0, "async": 1400.0}
CPU_MS: Mapping[str, float] = {"blocking": 0.72, "sync": 0.76, "async": 0.71}
COLOURS: Mapping[str, ColourName] = {"blocking": "vermillion", "sync": "blue", "async": "green"}
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
    trials: int = 2,
    headline_blocks: int = 1,
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
        profile=Profile(name="standard", trials=trials, headline_blocks=headline_blocks, budget=360.0),
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
    """The default plan at full size: five round trips, eight trials, four blocks of the headline cell."""
    cells = [cell(rtt_ms, headline=rtt_ms == 0.1) for rtt_ms in (0.0, 0.1, 0.2, 0.4, 0.8)]
    return plan(cells=cells, trials=trials, headline_blocks=4)


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


def window(
    arm: str,
    started: float,
    *,
    rate_rps: float = 1000.0,
    rtt_ms: float = 0.1,
    seconds: float = 0.5,
    **more: Any,
) -> Window:
    successes = round(rate_rps * seconds)
    fields: dict[str, Any] = {
        "arm": arm,
        "started": started,
        "seconds": seconds,
        "successes": successes,
        "failures": {},
        "latency": latencies(round(4e6 / rate_rps), successes) if successes else None,
        "in_flight_at_open": 4,
        "in_flight_at_close": 4,
        "in_flight_seconds": 4 * seconds,
        "gap_seconds": 0.0,
        "lag_seconds": 0.0,
        "arm_reading": ArmReading(
            cpu_seconds=successes * CPU_MS.get(kind(arm), 0.7) / 1000,
            switches=successes * 3,
            run_queue_seconds=0.01,
            memory_bytes=90 * 1024 * 1024,
            connections=4,
        ),
        "machine": MachineReading(
            arms_cores_seconds=seconds,
            arms_steal_seconds=0.005,
            load_cores_seconds=seconds,
            load_steal_seconds=0.0,
            load_idle_seconds=seconds / 2,
            generator_cpu_seconds=seconds / 5,
            database_cpu_seconds=seconds / 10,
            proxy_cpu_seconds=seconds / 20,
            proxy_late_ms=0.01,
        ),
        "traffic": {
            "select": StatementTraffic(trips=successes, wait_seconds=successes * (0.18 + rtt_ms) / 1000),
            "rollback": StatementTraffic(trips=successes, wait_seconds=successes * (0.08 + rtt_ms) / 1000),
        },
        "idle_cpu_seconds": {},
    }
    return Window(**{**fields, **more})


def block(
    trial: int, number: int, where: Cell, started: float, *, arms: Sequence[str] = ARMS, **more: Any
) -> Block:
    """Each arm's two windows in mirrored order, 0.6 s apart, with the guards between them."""
    turn = (trial + number) % len(arms)
    first = (*arms[turn:], *arms[:turn])
    windows = tuple(
        window(
            arm,
            round(started + 0.6 * at, 3),
            rate_rps=rate_rps(arm, where.rtt_ms, trial),
            rtt_ms=where.rtt_ms,
        )
        for at, arm in enumerate((*first, *reversed(first)))
    )
    guards = tuple(
        Outside(
            phase="guard",
            arm=one.arm,
            started=round(one.started - 0.1, 3),
            seconds=0.1,
            successes=20,
            failures={},
        )
        for one in windows
    )
    return Block(
        trial=trial, number=number, cell=where.key, **{"windows": windows, "outside": guards, **more}
    )


def trial_lines(the_plan: Plan, number: int, started: float) -> list[Line]:
    """One trial's blocks, then the trial's own line."""
    written: list[Line] = []
    at = started + 2.0
    cells = [one for one in the_plan.cells for _ in range(the_plan.blocks_of(one))]
    for count, where in enumerate(cells):
        written.append(block(number, count, where, at, arms=the_plan.arm_names))
        at += 0.6 * 2 * len(the_plan.arms) + 0.5
    warm_up = tuple(
        Outside(phase="warm-up", arm=arm, started=started + 0.5, seconds=1.0, successes=900, failures={})
        for arm in the_plan.arm_names
    )
    trips = tuple(
        RoundTrips(
            cell=where.key,
            p50_ms=max(0.05, where.rtt_ms),
            p99_ms=where.rtt_ms + 0.15,
            direct_p50_ms=0.08,
            count=200,
        )
        for where in the_plan.cells
    )
    written.append(
        Trial(number=number, started=started, seconds=at - started, round_trips=trips, outside=warm_up)
    )
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
