"""`gainbench predict`: what an async driver would give an app, seen from the app alone."""

import dataclasses
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, out
from gainbench.cli.console import open_report as show_in_browser
from gainbench.cli.flags import (
    CONDITION,
    REPORTS,
    AsJson,
    Open,
    OutFolder,
    PlanPath,
    Quiet,
    takes_plan_flags_of,
)
from gainbench.cli.progress import watching
from gainbench.cli.runs import reported_in_any_case, write_forecast
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.experiments import bench
from gainbench.experiments.predict.plans import Parts, parts_of
from gainbench.experiments.predict.predict import STAGES, Predicting, cores_of_arms
from gainbench.experiments.predict.predict import predict as measure_parts
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.checks import check_files
from gainbench.plan.flags import Flags
from gainbench.plan.units import format_duration
from gainbench.report import numbers, terminal
from gainbench.report.files import REPORT
from gainbench.run.environment import surroundings
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import last_checked_forecast
from gainbench.store.results import Results

OWN_PLAN = Path(__file__).parents[2] / DEFAULT_PLAN


@takes_plan_flags_of(*CONDITION, "trials", "seed", "pin")
def predict(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    exchange: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The plan with apps in both forms; gainbench's own where none is named."
        ),
    ] = OWN_PLAN,
    trips: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=0, max=1000, help="Database round trips of a request, where none can be counted."
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Measure the other form, too, and print how far the forecast is off."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be measured.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_report: Open = False,
) -> None:
    """Say what an async driver would give, from the sync app alone: here, and under other conditions.

    The app is measured by one user and by several, with two round trips. What exchanging the driver changes
    is measured with gainbench's own apps, which exist in both forms.
    """
    plan = load_plan(plan_path, flags)
    if plan.rate is not None:
        raise ConfigurationError(
            "a forecast is of users who wait for their answers, not of a schedule: leave out the rate"
        )
    if not exchange.is_file():
        raise ConfigurationError(
            f"there is no plan {exchange} that says what exchanging the driver changes",
            cure="name gainbench's own bench.toml, from its checkout, with --exchange FILE",
        )
    own = dataclasses.replace(Flags(), seed=flags.seed, pin=flags.pin, database=flags.database)
    checked = last_checked_forecast(out_folder, surroundings(()).machine)
    parts = parts_of(
        plan,
        load_plan(exchange, own),
        trials=flags.trials,
        is_checked=check,
        cores=cores_of_arms(plan),
        trips=trips,
        gain_error=None if checked is None or checked.check is None else checked.check.gain_error,
    )
    for _, part in parts.plans:
        bench.check_budget(part)
        check_files(part)
    if dry_run:
        _show(parts)
        return
    directory = RunDirectory.create(out_folder, "predict", now=datetime.now(UTC), purpose="predict")

    def measure() -> None:
        with watching(quiet) as watch:
            measure_parts(Predicting(parts, sys.argv, watch), directory)

    results = reported_in_any_case(measure, lambda: _report(directory.path, as_json=as_json))
    if open_report:
        show_in_browser(directory.path)
    if results.run.status == "invalid":
        raise InvalidMeasurement("a rule of validity was broken where the forecast was measured from")


def _report(run: Path, *, as_json: bool) -> Results:
    results = write_forecast(run)
    (err if as_json else out).print(terminal.render_forecast(results, run / REPORT), crop=False)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results


def _show(parts: Parts) -> None:
    for name, part in parts.plans:
        arms, trials = ", ".join(part.arm_names), numbers.several(part.profile.trials, "trial")
        out.print(f"{STAGES[name]}: {arms}, {trials}", markup=False, soft_wrap=True)
        for cell in part.cells:
            out.print(f"  {cell.key}", markup=False, soft_wrap=True)
    needed = sum(bench.expected_seconds(part) for _, part in parts.plans)
    out.print(f"\nabout {format_duration(needed)}")
