"""Everything a plan names, up at once: the database and all arms. For people, parity, and tests.

Must not load or measure; the trial loop starts its arms anew with ``arms.py``.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gainbench.plan.model import Plan
from gainbench.stack.arms.arm import RunningArm, ServerSettings, launch_arm, stop_arms, wait_until_ready
from gainbench.stack.database.schemas import Schemas, create_schemas, open_database
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import GrowingLog

FOLLOW_SECONDS = 0.2


@dataclass(frozen=True)
class Stack:
    """What runs, by the names of the arms."""

    schemas: Schemas | None  # None where the plan wants no database of ours
    arms: Mapping[str, RunningArm]
    logs: Mapping[str, Path]


@contextmanager
def stack_up(supervisor: Supervisor, plan: Plan, *, logs: Path | None = None) -> Iterator[Stack]:
    """Start the database and every arm under the headline cell's condition; stop them at the end.

    Nothing is tied to cores: nobody measures here, and the arms are ready sooner.
    """
    folder = logs or supervisor.folder / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    server = open_database(supervisor, plan, logs=folder)
    arms: dict[str, RunningArm] = {}
    try:
        schemas = None if server is None else create_schemas(supervisor, plan, server)
        for arm in plan.arms:
            arms[arm.name] = launch_arm(
                supervisor,
                arm,
                settings=ServerSettings.of(plan, plan.headline_cell),
                database=schemas.databases.get(arm.name) if schemas else None,
                log=folder / f"{arm.name}.log",
                allow_targets=plan.allow_targets,
            )
        for running in arms.values():
            wait_until_ready(running)
        yield Stack(schemas, arms, {name: folder / f"{name}.log" for name in arms})
    finally:
        stop_arms(supervisor, arms.values())
        if server is not None:
            server.stop()


def follow(stack: Stack) -> Iterator[tuple[str, str]]:
    """Each new line of the arms' logs with the arm's name, for ever; also a word when an arm has ended."""
    logs = {name: GrowingLog(path) for name, path in stack.logs.items()}
    running = {name for name, arm in stack.arms.items() if arm.process is not None}
    while True:
        ended = {name for name in running if not stack.arms[name].pids()}
        for name, log in logs.items():
            yield from ((name, line) for line in log.new_lines())
        yield from ((name, "has ended") for name in sorted(ended))
        running -= ended
        time.sleep(FOLLOW_SECONDS)
