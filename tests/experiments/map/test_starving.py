"""Who stops serving, tried on the real arms."""

from pathlib import Path

import pytest

from gainbench.experiments.map.starving import POOLS, THREADS, USERS, starving_plan, try_starving
from gainbench.plan.build import load_plan
from gainbench.plan.condition import Pool
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.records import Line, Starved


def test_every_arm_is_tried_in_every_cell_with_few_threads() -> None:
    plan = load_plan(Path("bench.toml"))
    found = starving_plan(plan, plan.headline_cell)
    assert found.thread_tokens == THREADS
    assert {(cell.users, cell.pool.size) for cell in found.cells} == {(n, p) for n in USERS for p in POOLS}
    assert found.arm_names == plan.arm_names


@pytest.mark.database
def test_the_loop_that_waits_for_a_connection_stops_and_the_one_that_awaits_it_goes_on(
    tmp_path: Path,
) -> None:
    plan = load_plan(Path("bench.toml"))
    whole = starving_plan(plan, plan.headline_cell)
    cell = whole.headline_cell.changed({"users": 12, "pool": Pool(size=3)})
    few = whole.model_copy(
        update={
            "cells": (cell,),
            "arms": tuple(arm for arm in plan.arms if arm.name != "sync"),
        }
    )
    found: list[Line] = []
    with Supervisor.start() as supervisor:
        try_starving(few, supervisor, tmp_path, found.append, lambda progress: None)
    tried = {one.arm: one for one in found if isinstance(one, Starved)}
    assert tried["blocking"].answered == 0
    assert tried["blocking"].stacks is not None
    assert tried["async"].answered > 0
    assert tried["async"].stacks is None
