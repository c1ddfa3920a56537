"""Everything a plan names, up at once: the database, the proxy and all arms. For people, parity, and tests.

Must not load or measure; the trial loop starts its arms anew with ``arms.py``.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gainbench.plan.model import Cell, Plan
from gainbench.stack.arms.arm import RunningArm, ServerSettings, launch_arm, stop_arms, wait_until_ready
from gainbench.stack.arms.placeholders import ArmDatabase
from gainbench.stack.database.schemas import Schemas, create_schemas, open_database
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.ports import HOST
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import GrowingLog
from gainbench.stack.proxy.handle import LatencyProxy
from gainbench.stack.upstream.handle import Upstream

FOLLOW_SECONDS = 0.2
PROXY = "(proxy)"


@dataclass(frozen=True)
class Stack:
    """What runs, by the names of the arms."""

    schemas: Schemas | None  # None where the plan wants no database of ours
    arms: Mapping[str, RunningArm]
    logs: Mapping[str, Path]
    proxy: LatencyProxy | None = None  # None too where the caller wanted none
    round_trips_ms: Mapping[str, float] = field(default_factory=dict)  # of the arms behind the proxy


@contextmanager
def stack_up(
    supervisor: Supervisor, plan: Plan, *, logs: Path | None = None, behind_proxy: bool = False
) -> Iterator[Stack]:
    """Start the database and every arm under the headline cell's condition; stop them at the end.

    Behind the proxy an arm finds its database where it does in a measurement, at the cell's round trip; so it
    does where the server counts no statements, which the proxy does then.
    Nothing is tied to cores: nobody measures here, and the arms are ready sooner.
    """
    folder = logs or supervisor.folder / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    cell = plan.headline_cell
    arms: dict[str, RunningArm] = {}
    with ExitStack() as ending:
        server = open_database(supervisor, plan, logs=folder)
        if server is not None:
            ending.callback(server.stop)
        schemas = None if server is None else create_schemas(supervisor, plan, server)
        databases = dict(schemas.databases) if schemas else {}
        proxy = None
        if server is not None and databases and (behind_proxy or not server.dialect.counts_statements):
            proxy = start_proxy(supervisor, cell, server, arms=databases, log=folder / "proxy.log")
            ending.callback(proxy.stop)
            databases = behind(proxy, databases)
        upstream = None
        if plan.upstream is not None:
            upstream = Upstream.start(supervisor, plan.upstream, log=folder / "upstream.log")
            ending.callback(upstream.stop)
        ending.callback(lambda: stop_arms(supervisor, arms.values()))
        for arm in plan.arms:
            arms[arm.name] = launch_arm(
                supervisor,
                arm,
                settings=ServerSettings.of(plan, cell),
                database=databases.get(arm.name),
                upstream=None if upstream is None else upstream.url,
                log=folder / f"{arm.name}.log",
                allow_targets=plan.allow_targets,
            )
        for running in arms.values():
            wait_until_ready(running)
        yield Stack(
            schemas,
            arms,
            logs={name: folder / f"{name}.log" for name in arms},
            proxy=proxy,
            round_trips_ms=dict.fromkeys(databases, cell.rtt_ms) if proxy else {},
        )


def start_proxy(
    supervisor: Supervisor,
    cell: Cell,
    server: DatabaseServer,
    *,
    arms: Collection[str],
    cores: Collection[int] | None = None,
    log: Path,
) -> LatencyProxy:
    """A proxy before this server at the cell's round trip, with room for the pools of all these arms."""
    pool = (cell.pool.size + cell.pool.overflow) * cell.workers
    return LatencyProxy.start(
        supervisor,
        upstream=(server.host, server.port),
        wire=server.dialect.wire,
        arms=list(arms),
        rtt_ms=cell.rtt_ms,
        connections=pool * len(arms),
        cores=cores,
        log=log,
    )


def behind(proxy: LatencyProxy, databases: Mapping[str, ArmDatabase]) -> dict[str, ArmDatabase]:
    """The same schemas, each reached through its arm's port of the proxy."""
    return {arm: database.behind(HOST, proxy.port(arm)) for arm, database in databases.items()}


def follow(stack: Stack) -> Iterator[tuple[str, str]]:
    """Each new line of the arms' logs with the arm's name, for ever; also a word when one has ended.

    The proxy's end is told too: no arm reaches its database any more.
    """
    logs = {name: GrowingLog(path) for name, path in stack.logs.items()}
    running = {name: arm.process for name, arm in stack.arms.items() if arm.process is not None}
    if stack.proxy is not None:
        running[PROXY] = stack.proxy.process
    while True:
        ended = {name for name, process in running.items() if not process.pids()}
        for name, log in logs.items():
            yield from ((name, line) for line in log.new_lines())
        yield from ((name, "has ended") for name in sorted(ended))
        for name in ended:
            del running[name]
        time.sleep(FOLLOW_SECONDS)
