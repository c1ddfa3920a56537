"""From the parts of a map to its figures. Pure.

The parts are taken together as one run: a cell that was measured in several of them has the trials of all.
"""

import dataclasses
from collections.abc import Sequence

from gainbench.analyse.regimes import regime
from gainbench.analyse.starving import serves, stops
from gainbench.plan.grid import Grid, Spot
from gainbench.plan.model import Plan
from gainbench.store.reading import StoredRun
from gainbench.store.records import Collapse, Comb, Line, MapQuestion, Starved, Trial
from gainbench.store.results import (
    AxisFigures,
    CellFigures,
    ComparisonFigures,
    MapCell,
    MapFigures,
    MapPair,
    Results,
    StarvingFigures,
)


def together(parts: Sequence[StoredRun]) -> StoredRun:
    """Several runs with the same arms as one: their trials are counted on."""
    first = parts[0]
    cells = {cell.key: cell for part in parts for cell in part.plan.cells}
    headline = next(key for key in cells if cells[key].headline)
    plan = first.plan.model_copy(
        update={
            "cells": tuple(
                cell.model_copy(update={"headline": key == headline}) for key, cell in cells.items()
            )
        }
    )
    lines: list[Line] = []
    trials = combs = 0
    for part in parts:
        renumbered = [_renumbered(line, trials, combs) for line in part.lines]
        lines += [line for line in renumbered if line is not None]
        trials += 1 + max((comb.trial for comb in part.all_combs), default=0)
        combs += part.next_comb
    ends = [part.end for part in parts if part.end is not None]
    warnings = tuple(dict.fromkeys(said for part in parts for said in part.warnings))
    return dataclasses.replace(first, plan=plan, lines=(*lines, *ends[-1:]), warnings=warnings)


def _renumbered(line: Line, trials: int, combs: int) -> Line | None:
    """Of what the figures rest on; None: nothing of it."""
    match line:
        case Comb():
            changes = {"trial": line.trial + trials, "number": line.number + combs}
            return line.model_copy(update=changes)
        case Collapse():
            return line.model_copy(update={"trial": line.trial + trials})
        case Trial():
            return line.model_copy(update={"number": line.number + trials})
        case _:
            return None


def map_figures(
    question: MapQuestion, plan: Plan, results: Results, starved: Sequence[Starved]
) -> MapFigures:
    """`results` of the parts together; `starved`: what the rule is held against."""
    grid = question.grid
    return MapFigures(
        scenario=grid.base.scenario,
        columns=_axis(grid, is_columns=True),
        rows=_axis(grid, is_columns=False),
        lines=question.lines,
        precision=question.precision,
        pairs=tuple(_pair(question, plan, results, pair) for pair in question.pairs),
        starving=tuple(_starving(plan, one) for one in starved),
    )


def _axis(grid: Grid, *, is_columns: bool) -> AxisFigures:
    axis = grid.columns if is_columns else grid.rows
    return AxisFigures(name=axis.name, title=axis.title, values=axis.values)


def _pair(question: MapQuestion, plan: Plan, results: Results, pair: tuple[str, str]) -> MapPair:
    cells = {cell.key: cell for cell in results.cells}
    return MapPair(
        baseline=pair[0],
        candidate=pair[1],
        cells=tuple(
            _cell(question, plan, spot, cells.get(question.grid.cell(spot).key), pair)
            for spot in question.grid.spots
        ),
    )


def _cell(
    question: MapQuestion, plan: Plan, spot: Spot, cell: CellFigures | None, pair: tuple[str, str]
) -> MapCell:
    found = None if cell is None else next(one for one in cell.comparisons if _arms_of(one) == pair)
    state = _state(found, question.precision)
    regimes = [
        "unknown"
        if cell is None or state == "invalid"
        else regime(cell.arms[arm], cell.condition, serves(plan.arm(arm)), plan.thread_tokens)
        for arm in pair
    ]
    shown = None if state == "invalid" else found
    return MapCell(
        column=spot.column,
        row=spot.row,
        cell=question.grid.cell(spot).key,
        state=state,
        gain=shown.gain if shown else None,
        low=shown.low if shown else None,
        high=shown.high if shown else None,
        half_width=shown.half_width if shown else None,
        trials=found.trials if found else 0,
        baseline_regime=regimes[0],
        candidate_regime=regimes[1],
        broken=next((rule.rule for rule in cell.validity if rule.is_broken), None) if cell else None,
    )


def _arms_of(found: ComparisonFigures) -> tuple[str, str]:
    return found.baseline, found.candidate


def _state(found: ComparisonFigures | None, precision: float) -> str:
    """A gain that is known to the precision asked for, or that is surely on one side, is measured."""
    if found is None:
        return "not measured"
    if found.verdict in ("collapsed", "invalid"):
        return found.verdict
    wide = found.half_width is None or found.half_width > precision
    return "unresolved" if wide else "measured"


def _starving(plan: Plan, one: Starved) -> StarvingFigures:
    how = serves(plan.arm(one.arm))
    return StarvingFigures(
        arm=one.arm,
        serves=how,
        users=one.users,
        pool=one.pool,
        threads=one.threads,
        forecast=stops(how, users=one.users, connections=one.pool, threads=one.threads),
        stopped=not one.answered,
        stacks=one.stacks,
    )
