"""Who stops serving, tried on the spot: few connections, few threads, from few to many users.

Each arm is loaded alone for a moment. One that answers nothing well in the end has stopped, and is replaced.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from gainbench.experiments.whole import Length, part_of
from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmNotReady
from gainbench.load.protocol import Comb as CombOrder
from gainbench.plan.condition import Pool
from gainbench.plan.model import Cell, Plan
from gainbench.run.observation import Place
from gainbench.run.run import Progress, Watcher
from gainbench.run.servers import RealServers, foundation, real_servers
from gainbench.stack.arms.evidence import stacks
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import Line, Starved

THREADS = 10  # so few that few users are enough
POOLS, USERS = (5, 10), (4, 8, 12, 16, 24, 40)
TURNS = 4  # each begins with all users at once, when they are most in each other's way
GUARD_SECONDS, LOOK_SECONDS, DRAIN_SECONDS, PATIENCE_SECONDS = 0.2, 0.4, 0.2, 2.0
EXPECTED_SECONDS = 180.0

Record = Callable[[Line], None]


def starving_plan(plan: Plan, here: Cell) -> Plan:
    """The plan's arms under these users and connections, near the database."""
    base = here.changed({"workers": 1, "headline": False, "rtt_ms": 0.0})
    cells = [base.changed({"users": users, "pool": Pool(size=pool)}) for pool in POOLS for users in USERS]
    part = part_of(plan, "starving", cells, Length(1, 1, LOOK_SECONDS, EXPECTED_SECONDS), is_gated=False)
    return part.model_copy(update={"thread_tokens": THREADS})


def try_starving(plan: Plan, supervisor: Supervisor, logs: Path, record: Record, watch: Watcher) -> None:
    """Every arm in every cell; servers go on until one of them has stopped."""
    with (
        foundation(plan, supervisor, logs=logs) as base,
        Generator.start(supervisor, log=logs / "generator.log", cores=base.other_cores) as generator,
    ):
        ground = base.with_generator(generator)
        for _, alike in groupby(plan.cells, key=lambda cell: cell.servers):
            left = list(alike)
            while left:
                with real_servers(ground, left[0]) as servers:
                    left = _until_one_stops(servers, plan, left, record, watch)


def _until_one_stops(
    servers: RealServers, plan: Plan, cells: Sequence[Cell], record: Record, watch: Watcher
) -> list[Cell]:
    """The cells that are left for fresh servers."""
    for at, cell in enumerate(cells):
        watch(Progress(stage=f"who stops serving: {cell.condition.short()}, {plan.thread_tokens} threads"))
        tried = [_tried(servers, plan, cell, arm) for arm in plan.arm_names]
        for one in tried:
            record(one)
        if any(not one.answered for one in tried):
            return list(cells[at + 1 :])
    return []


def _tried(servers: RealServers, plan: Plan, cell: Cell, arm: str) -> Starved:
    answered = 0.0
    try:
        servers.prepare(cell, (arm,))
        order = CombOrder((arm,) * TURNS, GUARD_SECONDS, LOOK_SECONDS, DRAIN_SECONDS, PATIENCE_SECONDS)
        comb = servers.run_comb(order, Place(0, 0, cell.key, "comb")).comb
        answered = comb.of(arm)[-1].successes
    except ArmNotReady:  # it had stopped before its users had logged in
        pass
    caught = None if answered else stacks(servers.arms[arm])
    servers.finish()
    return Starved(
        arm=arm,
        users=cell.users,
        pool=cell.pool.size,
        threads=plan.thread_tokens,
        answered=answered,
        stacks=caught,
    )
