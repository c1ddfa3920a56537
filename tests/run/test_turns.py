"""Who is loaded when."""

import random
from collections import Counter
from itertools import islice

from gainbench.plan.model import Pool
from gainbench.run.schedule import mirrored_orders, trial_blocks
from tests.runs import cell, curve_plan, plan


def test_every_block_is_mirrored() -> None:
    for order in islice(mirrored_orders(("a", "b", "c"), random.Random(1)), 20):
        assert order == order[::-1]
        assert Counter(order) == {"a": 2, "b": 2, "c": 2}


def test_every_order_of_the_arms_comes_equally_often() -> None:
    orders = Counter(order[:3] for order in islice(mirrored_orders("abc", random.Random(1)), 60))
    assert len(orders) == 6
    assert set(orders.values()) == {10}


def test_every_order_comes_equally_often_over_the_trials_of_a_run() -> None:
    the_plan = plan(arms=("a", "b"), trials=8)
    orders = Counter(
        block.order for trial in range(8) for stint in trial_blocks(the_plan, trial) for block in stint.blocks
    )
    assert orders == {("a", "b", "b", "a"): 4, ("b", "a", "a", "b"): 4}


def test_a_trial_holds_each_cell_as_often_as_the_profile_says() -> None:
    blocks = [block for stint in trial_blocks(curve_plan(), 0) for block in stint.blocks]
    assert Counter(block.cell.rtt_ms for block in blocks) == {0.0: 1, 0.1: 4, 0.2: 1, 0.4: 1, 0.8: 1}


def test_the_order_of_cells_follows_the_seed_and_changes_from_trial_to_trial() -> None:
    def order(seed: int, trial: int) -> list[float]:
        the_plan = curve_plan().model_copy(update={"seed": seed})
        return [block.cell.rtt_ms for stint in trial_blocks(the_plan, trial) for block in stint.blocks]

    assert order(7, 0) == order(7, 0)
    assert len({tuple(order(7, trial)) for trial in range(8)}) > 4
    assert any(order(7, trial) != order(8, trial) for trial in range(3))


def test_cells_that_need_other_servers_or_users_are_kept_together() -> None:
    small = cell(0.1).model_copy(update={"pool": Pool(size=5), "headline": False})
    the_plan = plan(cells=[cell(0.1), cell(0.2, headline=False), small, cell(0.1, users=8, headline=False)])
    stints = trial_blocks(the_plan, 0)
    assert sorted(len(stint.blocks) for stint in stints) == [1, 1, 2]
