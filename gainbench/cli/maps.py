"""`gainbench map`: where the gain begins and where it ends, over two things that change."""

import sys
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, open_report, out
from gainbench.cli.flags import (
    CONDITION,
    REPORTS,
    AsJson,
    Open,
    OutFolder,
    PlanPath,
    Quiet,
    parsed,
    takes_plan_flags_of,
)
from gainbench.cli.progress import watching
from gainbench.cli.runs import reported_in_any_case, write_map
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.experiments import bench
from gainbench.experiments.map.maps import PRECISION, TRIALS, Wanted, draw_map, grid_part
from gainbench.experiments.map.sampling import coarse
from gainbench.experiments.map.starving import EXPECTED_SECONDS
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.checks import check_files
from gainbench.plan.file import render
from gainbench.plan.flags import Flags
from gainbench.plan.grid import Grid, axis_from, grid_over
from gainbench.plan.masking import mask_plan
from gainbench.plan.model import Plan
from gainbench.plan.units import duration_seconds, format_duration
from gainbench.report import terminal
from gainbench.report.files import REPORT
from gainbench.store.directory import PLAN, RunDirectory
from gainbench.store.reading import StoredWhole, load_run, load_whole, purpose_of
from gainbench.store.records import MapQuestion
from gainbench.store.results import Results

COLUMNS, ROWS = "rtt=0,0.2,0.5,1,2", "users=1,4,8,16,32"
BUDGET = "15m"


@takes_plan_flags_of(*CONDITION, "seed", "pin")
def map_(
    flags: Flags,
    columns: Annotated[
        str, typer.Option(metavar="NAME=V,V...", help="What changes from left to right.")
    ] = COLUMNS,
    rows: Annotated[
        str,
        typer.Option(
            metavar="NAME=V,V...", help="And from bottom to top: users, rtt, pool, workers or scenario."
        ),
    ] = ROWS,
    budget: Annotated[str, typer.Option(metavar="15m", help="Stop by then, whatever is known.")] = BUDGET,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted map.")] = None,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be measured first.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_in_browser: Open = False,
) -> None:
    """Draw where the gain begins and ends: cells over two things that change, with intervals.

    A coarse grid first, then where the gain changes most or a line passes. Arms that stop serving are a
    finding of their own.
    """
    plan = _candidate_last(load_plan(plan_path, flags))
    question = _question(plan, columns, rows)
    seconds = parsed("--budget", budget, duration_seconds)
    assert seconds is not None  # it has a value
    first = grid_part(
        plan, "coarse", [question.grid.cell(spot) for spot in coarse(question.grid)], TRIALS, is_gated=True
    )
    _require_time(first, seconds)
    check_files(first)
    if dry_run:
        _show(question.grid, first)
        return
    stored = None if resume is None else _resumable(resume, question)
    directory = (
        RunDirectory.create(out_folder, "map", now=datetime.now(UTC), purpose="map")
        if stored is None
        else RunDirectory.reopen(stored.path)
    )

    def measure() -> None:
        with watching(quiet) as watch:
            draw_map(Wanted(question, plan, seconds, sys.argv, watch), directory, stored)

    results = reported_in_any_case(measure, lambda: _report(directory.path, as_json=as_json))
    if open_in_browser:
        open_report(directory.path)
    if results.run.status == "invalid":
        raise InvalidMeasurement("a rule of validity was broken in every place of the map")


def _question(plan: Plan, columns: str, rows: str) -> MapQuestion:
    if plan.rate is not None:
        raise ConfigurationError("a map is of users who wait for their answers: leave out the rate")
    if not plan.comparisons:
        raise ConfigurationError("a map compares arms: name two or more", cure="--arms A,B")
    across, down = parsed("--columns", columns, axis_from), parsed("--rows", rows, axis_from)
    assert across is not None  # it has a value
    assert down is not None
    known = {scenario.name for scenario in plan.scenarios}
    for axis in (across, down):
        unknown = [value for value in axis.values if axis.name == "scenario" and value not in known]
        if unknown:
            raise ConfigurationError(
                f"the plan has no scenario {unknown[0]}; choices: {', '.join(sorted(known))}"
            )
        if axis.name == "rtt" and plan.database.server == "none":
            raise ConfigurationError(
                "without a database of ours there is no round trip to lengthen",
                cure="let other things change: --columns workers=1,2 --rows users=1,4,16",
            )
    candidate = plan.headline.candidate if plan.headline is not None else plan.comparisons[0].candidate
    return MapQuestion(
        grid=grid_over(plan.headline_cell, across, down),
        pairs=tuple((one.baseline, one.candidate) for one in plan.comparisons if one.candidate == candidate),
        lines=(0.0, *((plan.claim.gain,) if plan.claim is not None else ())),
        precision=PRECISION,
        plan=render(mask_plan(plan)),
    )


def _candidate_last(plan: Plan) -> Plan:
    """A part's plan that is read again compares its arms in their order."""
    headline = plan.headline
    if headline is None:
        return plan
    others = tuple(arm for arm in plan.arms if arm.name != headline.candidate)
    return plan.model_copy(update={"arms": (*others, plan.arm(headline.candidate))})


def _require_time(first: Plan, seconds: float) -> None:
    needed = bench.expected_seconds(first)
    if needed > seconds:
        raise ConfigurationError(
            f"a budget of {format_duration(seconds)} is too small: the coarse grid alone takes about"
            f" {format_duration(needed)}",
            cure="raise --budget, or name fewer values",
        )


def _resumable(path: Path, question: MapQuestion) -> StoredWhole:
    """An interrupted map that was asked the same."""
    if purpose_of(path) != "map":
        raise ConfigurationError(f"{path} is no map", cure="name the run directory of an interrupted map")
    stored = load_whole(path)
    if stored.end is not None and stored.end.status == "complete":
        raise ConfigurationError(f"{path} is complete", cure=f"`gainbench report {path}` shows it")
    asked = stored.map_question
    if asked is None:
        raise ConfigurationError(f"{path} was interrupted before it began", cure="begin a new map")
    if asked != question:
        before, now = (_told(one) for one in (asked, question))
        changed = [
            line
            for line in unified_diff(before, now, n=0, lineterm="")
            if not line.startswith(("---", "+++", "@@"))
        ]
        raise ConfigurationError(
            "a map goes on with the plan and the axes that it began with; this differs (-: then, +: now):\n  "
            + "\n  ".join(changed),
            cure="give the flags of the first time, or begin a new map",
        )
    for _, part in stored.parts:
        if (part / PLAN).is_file():
            bench.require_same_surroundings(load_run(part))
    return stored


def _told(question: MapQuestion) -> list[str]:
    grid = question.grid
    axes = [f"{axis.name} = {', '.join(axis.values)}" for axis in (grid.columns, grid.rows)]
    return [*axes, grid.base.key, *question.plan.splitlines()]


def _report(run: Path, *, as_json: bool) -> Results:
    results = write_map(run)
    (err if as_json else out).print(terminal.render_map(results, run / REPORT), crop=False)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results


def _show(grid: Grid, first: Plan) -> None:
    out.print(
        f"{len(grid.spots)} places, {', '.join(first.arm_names)}; first these {len(first.cells)}:",
        markup=False,
        soft_wrap=True,
    )
    for cell in first.cells:
        out.print(f"  {cell.key}", markup=False, soft_wrap=True)
    needed, others = bench.expected_seconds(first), EXPECTED_SECONDS
    out.print(
        f"\nabout {format_duration(needed)} for these, {format_duration(others)} for who stops serving;"
        " the rest goes where most is hidden",
        soft_wrap=True,
    )
