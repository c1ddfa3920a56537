"""Two stored runs side by side: what of them may be compared, and by how much the arms changed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from gainbench.stats.estimate import Gain, difference_of_means
from gainbench.store.results import CellFigures, ComparisonFigures, EarlierFigures, Results


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


def against(earlier: Results, results: Results) -> EarlierFigures | None:
    """The headline of an earlier run beside this one's; None where the two may not be compared."""
    found, before = results.headline, _same_comparison(earlier, results)
    if found is None or before is None or found.latency:
        return None
    if next(hindrances(earlier, results), None) is not None:
        return None
    if before.gain is None or {found.verdict, before.verdict} & {"invalid", "collapsed"}:
        return None
    change = difference_of_means(*([1 + gain for gain in one.trial_gains] for one in (before, found)))
    return EarlierFigures(
        run=earlier.run.id,
        gain=before.gain,
        low=before.low,
        high=before.high,
        change=change.gain,
        change_low=change.low,
        change_high=change.high,
    )


def _same_comparison(earlier: Results, results: Results) -> ComparisonFigures | None:
    """The earlier run's, of the same arms under the same condition."""
    cell, found = results.headline_cell, results.headline
    if cell is None or found is None or earlier.kind != results.kind or earlier.control != results.control:
        return None
    compared = next((one.comparisons for one in earlier.cells if one.key == cell.key), ())
    return next(
        (one for one in compared if (one.baseline, one.candidate) == (found.baseline, found.candidate)), None
    )


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
