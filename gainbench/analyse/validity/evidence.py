"""What the rules of a cell look at, and what each of them says."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from gainbench.analyse.arms import combs_with
from gainbench.plan.model import Cell
from gainbench.stats.settling import Change
from gainbench.store.records import ArmReading, Comb
from gainbench.store.results import RuleFigures


@dataclass(frozen=True)
class Evidence:
    """What the rules of a cell look at. ``are_twins``: the arms were proven to give the same answers."""

    cell: Cell
    arms: tuple[str, ...]
    combs: tuple[Comb, ...]  # all of them
    kept: tuple[Comb, ...]  # what the figures rest on: neither dropped, nor with too short a guard
    pinned: bool
    is_open_loop: bool = False
    are_twins: bool = False

    @cached_property
    def trials(self) -> list[list[Comb]]:
        ordered = sorted(self.kept, key=lambda comb: (comb.trial, comb.started))
        return [list(group) for _, group in groupby(ordered, key=lambda comb: comb.trial)]

    def combs_of(self, arm: str) -> list[Comb]:
        return combs_with(arm, self.kept)

    def readings_of(self, arm: str) -> list[ArmReading]:
        return [comb.arms[arm] for comb in self.combs_of(arm)]

    def seconds_of(self, arm: str) -> float:
        return sum(comb.seconds_of(arm) for comb in self.kept)


def rule(
    name: str,
    value: float | None,
    limit: float,
    unit: str,
    meaning: str,
    cure: str,
    *,
    at_least: bool = False,
    is_note: bool = False,
) -> RuleFigures:
    holds = value is None or (value >= limit if at_least else value <= limit)
    return RuleFigures(
        rule=name,
        ok=holds,
        value=value,
        limit=limit,
        unit=unit,
        meaning=meaning,
        cure=cure,
        at_least=at_least,
        is_note=is_note,
    )


def ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def sure(change: Change | None) -> float | None:
    return None if change is None else change.sure


def worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
