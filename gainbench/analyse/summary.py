"""From the raw record to every figure of the report. Pure: the same record gives the same results.

This module only assembles; each figure has its own: arms, compare, claim, validity.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from gainbench.analyse.arms import arm_figures, turn_spread
from gainbench.analyse.compare import comparison_figures
from gainbench.analyse.crossing import Believed, KeptCombs, crossing_figures, curve_of
from gainbench.analyse.expectations import expectations
from gainbench.analyse.held_rates import held_rates
from gainbench.analyse.requests import request_figures
from gainbench.analyse.turns import kept_combs, settling_profile, turn_figures
from gainbench.analyse.validity import judge
from gainbench.analyse.validity.evidence import Evidence
from gainbench.analyse.validity.work import achieved_ms
from gainbench.plan.model import Cell, Plan
from gainbench.plan.units import several
from gainbench.store.reading import StoredRun
from gainbench.store.records import Collapse, Comb, Parity
from gainbench.store.results import (
    ArmFacts,
    CellFigures,
    CollapseFigures,
    ControlFacts,
    Curve,
    Quantiles,
    Results,
    RunFacts,
    Status,
)

SITTING_NOTE = (
    "a sitting of the web UI: what is called a trial here is a stretch of combs on servers that stayed up, "
    "so the intervals do not hold what fresh processes would add"
)

ALONE_NOTE = (
    "what an arm did alone, where the arms also took turns, is in the raw record but not in the figures: "
    "{combs} of the combs"
)

SHORTER_GUARD_NOTE = (
    "the turns of {cell} had not settled when they were counted, so that their guard became longer during "
    "the run: {left_out} of its {combs}, with the shorter guard, are in the raw record but not in the figures"
)

MOST_FOUND = 5

NOTHING_MEASURED = "nothing was measured in the headline cell, so that the run says nothing of its question"


def summarise(run: StoredRun) -> Results:
    """Everything that can be said of a run, from its record."""
    plan = run.plan
    kept = {cell.key: kept_combs(run.compared(cell.key)) for cell in plan.cells}
    cells = tuple(_cell(run, cell, kept) for cell in plan.cells)
    status = _status(run, cells)
    believed = _believed(run, cells, kept)
    return Results(
        kind=run.header.purpose,
        run=RunFacts(
            id=run.id,
            started=run.started,
            seconds=run.seconds,
            profile=plan.profile.name,
            seed=plan.seed,
            status=status,
        ),
        environment=run.environment,
        arms={
            arm.name: ArmFacts(twin_of=arm.twin_of, colour=arm.colour, origin=arm.origin) for arm in plan.arms
        },
        cells=cells,
        curves=_curves(plan, believed),
        collapses=_collapses(run),
        notes=_notes(run),
        control=ControlFacts(arm=plan.control.arm, share=plan.control.share) if plan.control else None,
        held_rates=held_rates(plan.arm_names, run.probes, plan.slo) if plan.slo else (),
        expectations=expectations(plan, cells),
        crossing=crossing_figures(plan, believed, status=status),
    )


def _believed(run: StoredRun, cells: Sequence[CellFigures], kept: KeptCombs) -> Believed:
    return Believed(
        combs={cell.key: kept[cell.key] for cell in cells if _is_valid(cell)},
        collapsed={cell.key: frozenset(_collapsed(run, cell.key)) for cell in cells},
        pilot=_pilot(run),
    )


def _collapsed(run: StoredRun, cell: str) -> dict[str, Collapse]:
    """The arms that stopped serving in this cell, in whichever trial."""
    return {collapse.arm: collapse for collapse in run.collapses if collapse.cell == cell}


def _cell(run: StoredRun, cell: Cell, kept: KeptCombs) -> CellFigures:
    plan = run.plan
    combs = run.compared(cell.key)
    collapsed = _collapsed(run, cell.key)
    serving = tuple(arm for arm in plan.arm_names if arm not in collapsed)
    evidence = Evidence(
        cell=cell,
        arms=serving,
        combs=combs,
        kept=tuple(kept[cell.key]),
        pinned=run.environment.pinning is not None and run.environment.pinning.pinned,
        is_open_loop=plan.rate is not None,
        are_twins=_are_twins(run.parity),
    )
    # Where no two arms are left, there is nothing to be invalid: that they stopped is the result.
    rules = judge(evidence) if len(serving) > 1 or not collapsed else ()
    figures = tuple(
        comparison_figures(
            plan,
            comparison,
            cell,
            kept[cell.key],
            collapsed=bool({comparison.baseline, comparison.candidate} & collapsed.keys()),
            valid=not any(rule.is_broken for rule in rules),
            pilot=_pilot(run),
            burdens={t.number: t.control_added_seconds for t in run.trials if t.control_added_seconds},
        ).model_copy(update={"headline": comparison.headline and cell.headline})
        for comparison in plan.comparisons
    )
    return CellFigures(
        key=cell.key,
        scenario=cell.scenario,
        condition=cell.condition,
        headline=cell.headline,
        rtt_measured_ms=_round_trips(cell, serving, kept[cell.key]),
        arms={
            arm: arm_figures(arm, kept[cell.key], collapsed.get(arm), plan.off_loop(arm))
            for arm in plan.arm_names
        },
        comparisons=figures,
        repeatability={arm: turn_spread(arm, kept[cell.key]) for arm in serving},
        validity=rules,
        combs_measured=len(combs),
        combs_dropped=sum(comb.dropped is not None for comb in combs),
        dropped_for=Counter(_kind(comb.dropped) for comb in combs if comb.dropped is not None),
        turns=turn_figures(kept[cell.key]),
        requests=request_figures(
            plan.headline,
            kept[cell.key],
            plan.arm_names,
            collapsed=bool(collapsed) and not set(serving) >= _headline_arms(plan),
            valid=not any(rule.is_broken for rule in rules),
            margin=plan.margin,
        ),
        settling={arm: profile for arm in serving if (profile := settling_profile(kept[cell.key], arm))},
    )


def _kind(reason: str) -> str:
    """The reason of one comb as that of many: without what was measured."""
    return re.sub(r"\d[\d.]*", "some", reason.partition(":")[0])


def _headline_arms(plan: Plan) -> set[str]:
    return set() if plan.headline is None else {plan.headline.baseline, plan.headline.candidate}


def _are_twins(parity: Parity | None) -> bool:
    """Proven alike by sequences of requests, in statements too: a few answers that agree prove less."""
    if parity is None or not parity.statements_held:
        return False
    return parity.sequences > 0 and parity.skipped is None and not parity.differences


def _pilot(run: StoredRun) -> int | None:
    """How many trials decided the run's length, where a wish for precision did (else the plan did)."""
    return run.plan.profile.trials if run.plan.profile.precision is not None else None


def _round_trips(cell: Cell, arms: Sequence[str], kept: Sequence[Comb]) -> Quantiles:
    """What was added under load: the mean over the arms, and that of the arm that waited longest."""
    achieved = [trip for arm in arms if (trip := achieved_ms(kept, arm, cell)) is not None]
    if not achieved:
        return Quantiles(p50=None, p99=None)
    return Quantiles(p50=sum(achieved) / len(achieved), p99=max(achieved))


def _curves(plan: Plan, believed: Believed) -> tuple[Curve, ...]:
    """The claim's candidate over every other arm, along the claim's wait ratio."""
    if plan.claim is None:
        return ()
    candidate = plan.claim.candidate
    found = [
        curve_of(plan, comparison, believed)
        for comparison in plan.comparisons
        if comparison.candidate == candidate
    ]
    return tuple(curve for curve in found if curve is not None)


def _collapses(run: StoredRun) -> tuple[CollapseFigures, ...]:
    """In the plan's order of cells and arms."""
    cells = [cell.key for cell in run.plan.cells]

    def place(collapse: Collapse) -> tuple[int, int]:
        return cells.index(collapse.cell), run.plan.arm_names.index(collapse.arm)

    return tuple(
        CollapseFigures(
            cell=found[0].cell,
            arm=found[0].arm,
            state=found[0].state,
            trials=len(found),
            after_seconds=found[0].started,
            reason=found[0].reason,
            exit_status=found[0].exit_status,
            stacks=found[0].stacks,
        )
        for _, group in groupby(sorted(run.collapses, key=place), key=place)
        if (found := list(group))
    )


def _status(run: StoredRun, cells: Sequence[CellFigures]) -> Status:
    """The headline decides; a rule broken elsewhere makes that cell invalid and leaves it off the curve."""
    if run.end is None or run.end.status != "complete":
        return "interrupted"
    headline = next(cell for cell in cells if cell.headline)
    return "valid" if _is_measured(run) and _is_valid(headline) else "invalid"


def _is_measured(run: StoredRun) -> bool:
    """No rule is broken where nothing was measured, but nothing can be believed either."""
    key = run.plan.headline_cell.key
    return any(comb.cell == key for comb in run.combs) or bool(_collapsed(run, key))


def _is_valid(cell: CellFigures) -> bool:
    return not any(rule.is_broken for rule in cell.validity)


def _notes(run: StoredRun) -> tuple[str, ...]:
    notes = list(run.warnings)
    notes += [f"{arm.name} is {arm.origin}" for arm in run.plan.arms if arm.origin is not None]
    if run.header.purpose == "ui":
        notes.append(SITTING_NOTE)
        alone = len(run.combs) - sum(len(run.compared(cell.key)) for cell in run.plan.cells)
        if alone:
            notes.append(ALONE_NOTE.format(combs=alone))
    notes += _compared_before(run.parity)
    notes += dict.fromkeys(said for trial in run.trials for said in trial.ignored)
    notes += _shorter_guards(run)
    if run.end and run.end.status == "complete" and not _is_measured(run):
        notes.append(NOTHING_MEASURED)
    if run.end and run.end.reason:
        notes.append(run.end.reason)
    return tuple(notes)


def _compared_before(parity: Parity | None) -> list[str]:
    if parity is not None and not parity.statements_held:
        return [_statements_shown(parity)]
    if parity is None or not parity.own_requests:
        return []
    share = "all" if parity.own_succeeded == parity.own_requests else f"{parity.own_succeeded} of them"
    alike = "in status, content type, keys and size no difference" if not parity.found else "and they differ"
    return [
        f"before timing, the arms' answers to {parity.own_requests} requests of the load were compared:"
        f" {share} 2xx, {alike}",
        *parity.found[:MOST_FOUND],
    ]


def _statements_shown(parity: Parity) -> str:
    told = "; ".join(
        f"{arm} {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items())) or 'none'}"
        for arm, counts in parity.statements.items()
    )
    asked = several(parity.sequences, "sequence")
    return f"statements were not held equal; in {asked} of requests before timing the arms sent: {told}"


def _shorter_guards(run: StoredRun) -> list[str]:
    found = []
    for cell in run.plan.cells:
        combs = [comb for comb in run.compared(cell.key) if not comb.dropped]
        left_out = len(combs) - len(kept_combs(combs))
        if left_out:
            found.append(
                SHORTER_GUARD_NOTE.format(cell=cell.key, left_out=left_out, combs=f"{len(combs)} combs")
            )
    return found
