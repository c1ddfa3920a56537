"""Who is loaded when: mirrored blocks, every order of the arms equally often, shuffled by the seed. Pure.

A mirrored block (A B B A, or A B C C B A) gives each arm the same mean position in time, so that a steady
drift of the machine cancels; every order equally often cancels what an arm inherits from the one before it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, permutations

from gainbench.plan.model import Cell, Plan


@dataclass(frozen=True)
class PlannedBlock:
    """A cell's turn: the arms in mirrored order."""

    cell: Cell
    order: tuple[str, ...]


@dataclass(frozen=True)
class Stint:
    """Blocks that the same servers and the same users can serve, one after another."""

    blocks: tuple[PlannedBlock, ...]

    @property
    def cell(self) -> Cell:
        return self.blocks[0].cell


def trial_blocks(plan: Plan, trial: int) -> tuple[Stint, ...]:
    """The blocks of one trial in random order, gathered into stints that share servers and users."""
    rng = random.Random(f"{plan.seed}/trial/{trial}")
    blocks = [
        PlannedBlock(cell, order) for cell in plan.cells for order in _orders_of_trial(plan, cell, trial)
    ]
    rng.shuffle(blocks)
    places = {key: rng.random() for key in sorted({_stint_key(block) for block in blocks})}
    blocks.sort(key=lambda block: places[_stint_key(block)])
    return tuple(Stint(tuple(group)) for _, group in groupby(blocks, key=_stint_key))


def _stint_key(block: PlannedBlock) -> str:
    cell = block.cell
    return f"{cell.pool.label}/{cell.workers}/{cell.scenario}/{cell.users}"


def _orders_of_trial(plan: Plan, cell: Cell, trial: int) -> list[tuple[str, ...]]:
    """This trial's share of the cell's endless, balanced sequence of orders."""
    count = plan.blocks_of(cell)
    rng = random.Random(f"{plan.seed}/orders/{cell.key}")
    return list(islice(mirrored_orders(plan.arm_names, rng), trial * count, (trial + 1) * count))


def mirrored_orders(arms: Sequence[str], rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Endless mirrored orders; each run of K! of them holds every order of the K arms once."""
    every = list(permutations(arms))
    while True:
        rng.shuffle(every)
        for order in every:
            yield order + order[::-1]
