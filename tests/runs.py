"""Synthetic runs with known numbers, for the tests of everything that reads a run.

Every figure is exact by construction: `rate` successes a second in each window of an arm, unless a test says
otherwise. Nothing here is random.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from gainbench.plan.file import render
from gainbench.plan.model import Arm, Band, Cell, Claim, Comparison, Plan, Pool, Profile, Scenario
from gainbench.records import (
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
from gainbench.store import RunDirectory

NOW = datetime(2026, 11, 21, 9, 30, 0, tzinfo=UTC)
ARMS = ("blocking", "sync", "async")
RATES_RPS: Mapping[str, float] = {"blocking": 1000.0, "sync": 1300.0, "async": 1400.0}


def cell(rtt_ms: float = 0.1, *, headline: bool = True, scenario: str = "read-list", users: int = 4) -> Cell:
    return Cell(scenario=scenario, users=users, rtt_ms=rtt_ms, pool=Pool(size=40), headline=headline)


def plan(
    *, arms: Sequence[str] = ARMS, cells: Sequence[Cell] | None = None, claim: bool = True, **more: Any
) -> Plan:
    """The default plan in small: every arm against the first, the first against the last as the headline."""
    cells = tuple(cells or (cell(),))
    pairs = [(low, high) for at, low in enumerate(arms) for high in arms[at + 1 :]]
    return Plan(
        name="bench",
        folder=Path("/project"),
        arms=tuple(Arm(name=name, app=f"apps.{name.partition('#')[0]}_app.main:app") for name in arms),
        scenarios=tuple(
            Scenario(name=name, locustfile=Path("/project/loadtests/todo.py"))
            for name in dict.fromkeys(one.scenario for one in cells)
        ),
        profile=Profile(name="standard", trials=2, budget=360.0),
        cells=cells,
        comparisons=tuple(
            Comparison(baseline=low, candidate=high, headline=(low, high) == (arms[0], arms[-1]))
            for low, high in pairs
        ),
        claim=_claim() if claim else None,
        **more,
    )


def _claim() -> Claim:
    band = Band(
        rtt_ms=(0.2, 0.6), cpu_factor=(1, 5), loop_trips=1, sources=("published pings within a zone",)
    )
    return Claim(
        gain=0.38,
        baseline="blocking",
        candidate="async",
        source="a FastAPI book",
        off_loop=("ROLLBACK",),
        band=band,
    )


def histogram(latency_us: int, count: int, *, spread: float = 0.5) -> str:
    """`count` latencies that rise evenly from `latency_us` to `latency_us` x (1 + spread)."""
    recorded = HdrHistogram(1, 60_000_000, 3)
    for at in range(count):
        recorded.record_value(int(latency_us * (1 + spread * at / max(1, count - 1))))
    return str(recorded.encode().decode())


def window(
    arm: str, started: float, *, rate_rps: float | None = None, seconds: float = 0.5, **more: Any
) -> Window:
    rate = RATES_RPS[arm.partition("#")[0]] if rate_rps is None else rate_rps
    successes = round(rate * seconds)
    fields: dict[str, Any] = {
        "arm": arm,
        "started": started,
        "seconds": seconds,
        "successes": successes,
        "failures": {},
        "latency": histogram(round(4e6 / rate), successes) if successes else None,
        "in_flight_at_open": 4,
        "in_flight_at_close": 4,
        "in_flight_seconds": 4 * seconds,
        "gap_seconds": 0.0,
        "lag_seconds": 0.0,
        "arm_reading": ArmReading(
            cpu_seconds=0.48 * seconds / 0.5,
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
        ),
        "traffic": {
            "SELECT": StatementTraffic(trips=successes, wait_seconds=successes * 0.0003),
            "ROLLBACK": StatementTraffic(trips=successes, wait_seconds=successes * 0.0002),
        },
        "idle_cpu_seconds": {},
    }
    return Window(**{**fields, **more})


def block(
    trial: int, number: int, key: str, started: float, *, arms: Sequence[str] = ARMS, **more: Any
) -> Block:
    """Each arm's two windows in mirrored order, 0.6 s apart, with the guards between them."""
    order = (*arms, *reversed(arms))
    windows = tuple(window(arm, round(started + 0.6 * at, 3)) for at, arm in enumerate(order))
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
    return Block(trial=trial, number=number, cell=key, **{"windows": windows, "outside": guards, **more})


def trial_lines(the_plan: Plan, number: int, started: float) -> list[Line]:
    """One trial of one block a cell, then the trial's own line."""
    lines: list[Line] = []
    at = started + 2.0
    for count, one in enumerate(the_plan.cells):
        lines.append(block(number, count, one.key, at, arms=the_plan.arm_names))
        at += 0.6 * 2 * len(the_plan.arms) + 0.5
    warm_up = tuple(
        Outside(phase="warm-up", arm=name, started=started + 0.5, seconds=1.0, successes=900, failures={})
        for name in the_plan.arm_names
    )
    trips = tuple(
        RoundTrips(
            cell=one.key, p50_ms=one.rtt_ms + 0.15, p99_ms=one.rtt_ms + 0.3, direct_p50_ms=0.11, count=200
        )
        for one in the_plan.cells
    )
    lines.append(
        Trial(number=number, started=started, seconds=at - started, round_trips=trips, outside=warm_up)
    )
    return lines


def lines(the_plan: Plan, *, trials: int = 2, end: bool = True) -> list[Line]:
    written: list[Line] = [Parity(arms=the_plan.arm_names, sequences=40, differences=0)]
    for number in range(trials):
        written += trial_lines(the_plan, number, 30.0 * number)
    return [*written, End(status="complete", seconds=30.0 * trials)] if end else written


ENVIRONMENT: Mapping[str, Any] = {
    "machine": {"cpu": "Example CPU", "cores": 2, "memory_gib": 8, "system": "Linux 6.1"},
    "versions": {"python": "3.11.2", "fastapi": "0.165.0", "sqlalchemy": "2.1.9", "mariadb": "10.11.6"},
    "settings": {
        name: {"loop": "uvloop", "pool": 40, "driver": driver, "handlers": handlers, "workers": 1}
        for name, driver, handlers in (
            ("blocking", "pymysql", "event-loop"),
            ("sync", "pymysql", "thread-pool"),
            ("async", "aiomysql", "event-loop"),
        )
    },
    "pinning": {"arms": [0], "load": [1]},
    "database": {"flavour": "MariaDB", "version": "10.11.6", "tls": False},
    "command": "gainbench bench --seed 7",
    "app_diff": "--- sync_app/db.py\n+++ async_app/db.py\n-def session():\n+async def session():\n",
}


def store(
    out: Path,
    the_plan: Plan | None = None,
    *,
    record: Sequence[Line] | None = None,
    environment: Mapping[str, Any] = ENVIRONMENT,
    now: datetime = NOW,
) -> Path:
    """Write a run directory as the trial loop does and return its path."""
    the_plan = the_plan or plan()
    directory = RunDirectory.create(out, the_plan.name, now=now)
    directory.write_text("plan.toml", render(the_plan))
    directory.write_text("environment.json", json.dumps(environment))
    for line in lines(the_plan) if record is None else record:
        directory.append(line)
    return directory.path
