"""Two stored runs side by side: what of them may be compared, and by how much the arms changed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from gainbench.stats.estimate import Gain, difference_of_means
from gainbench.store.results import CellFigures, Results


@dataclass(frozen=True)
class ArmChange:
    """An arm's throughput in the second run over that in the first."""

    arm: str
    first_rps: float
    second_rps: float
    change: Gain


@dataclass(frozen=True)
class CellDiff:
    cell: CellFigures
    arms: tuple[ArmChange, ...]
    left_out: tuple[str, ...]  # arms, with the reason


def hindrances(first: Results, second: Results) -> Iterator[str]:
    """Why the two cannot be held against each other; what is compared on purpose, code, is none."""
    for which, results in (("first", first), ("second", second)):
        if results.run.status == "invalid":
            yield f"the {which} run broke a rule of validity"
    one, other = first.environment, second.environment
    if one.machine != other.machine:
        yield "they were made on different machines"
    if one.pinning != other.pinning:
        yield "their processes were bound to different cores"
    changed = sorted(
        name
        for name in {*one.versions, *other.versions}
        if one.versions.get(name) != other.versions.get(name)
    )
    if changed:
        yield f"versions differ: {', '.join(changed)}"
    if one.database != other.database:
        yield "their databases differ"
    if not {cell.key for cell in first.cells} & {cell.key for cell in second.cells}:
        yield "they have no cell in common"


def diff(first: Results, second: Results) -> tuple[CellDiff, ...]:
    """Every cell that both have."""
    others = {cell.key: cell for cell in second.cells}
    return tuple(_cell(cell, others[cell.key]) for cell in first.cells if cell.key in others)


def _cell(one: CellFigures, other: CellFigures) -> CellDiff:
    changes, left_out = [], []
    for name in one.arms:
        if name not in other.arms:
            left_out.append(f"{name}: the second run has no such arm")
            continue
        before, after = one.arms[name], other.arms[name]
        if before.throughput_rps is None or after.throughput_rps is None:
            states = {before.state, after.state} - {"ok"}
            left_out.append(f"{name}: {', '.join(sorted(states)) or 'not measured'}")
            continue
        change = difference_of_means(before.trials_rps, after.trials_rps)
        changes.append(ArmChange(name, before.throughput_rps, after.throughput_rps, change))
    return CellDiff(one, tuple(changes), tuple(left_out))
