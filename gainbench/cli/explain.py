"""`gainbench explain`: what the gain is made of, step by step, and where a request's time goes."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, open_report, out
from gainbench.cli.flags import REPORTS, AsJson, Open, OutFolder, PlanPath, Quiet, takes_plan_flags_of
from gainbench.cli.progress import watching
from gainbench.cli.runs import reported_in_any_case, write_explained
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.experiments import bench
from gainbench.experiments.explain.explain import Explaining
from gainbench.experiments.explain.explain import explain as measure_steps
from gainbench.experiments.explain.plans import (
    LOOKED_AT,
    LOOKED_AT_USERS,
    look_cells,
    look_plan,
    measurable,
    missing_of,
    steps_plan,
    way,
)
from gainbench.plan.build import load_plan
from gainbench.plan.checks import check_files
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan
from gainbench.plan.units import format_duration, several
from gainbench.report import terminal
from gainbench.report.files import REPORT
from gainbench.store.directory import RunDirectory
from gainbench.store.records import ExplainQuestion
from gainbench.store.results import Results

OWN_PLAN = Path("bench-explain.toml")


@takes_plan_flags_of("scenario", "users", "rtt_ms", "pool", "database", "trials", "seed", "pin")
def explain(
    flags: Flags,
    plan_path: PlanPath = OWN_PLAN,
    out_folder: OutFolder = REPORTS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be measured.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_in_browser: Open = False,
) -> None:
    """Say what the gain is made of: what each step is worth, and where a request's time goes.

    The steps are the plan's [[steps]]: arms that differ in one thing each. Beside them, a request is followed
    through the last arms on the way, and their Python is sampled.
    """
    plan = load_plan(plan_path, flags)
    if plan.rate is not None:
        raise ConfigurationError("a step is of users who wait for their answers: leave out the rate")
    missing = missing_of(plan.arms)
    steps = measurable(plan.steps, missing)
    looked_at = way(steps)[-LOOKED_AT:]
    part = steps_plan(plan, steps, flags.trials)
    looks = look_plan(plan, looked_at, look_cells(plan, LOOKED_AT_USERS))
    bench.check_budget(part)
    check_files(part)
    if dry_run:
        _show(plan, part, looks, missing)
        return
    question = ExplainQuestion(steps=plan.steps, missing=missing, looked_at=looked_at, users=LOOKED_AT_USERS)
    directory = RunDirectory.create(out_folder, "explain", now=datetime.now(UTC), purpose="explain")

    def measure() -> None:
        with watching(quiet) as watch:
            measure_steps(Explaining(question, part, looks, sys.argv, watch), directory)

    results = reported_in_any_case(measure, lambda: _report(directory.path, as_json=as_json))
    if open_in_browser:
        open_report(directory.path)
    if results.run.status == "invalid":
        raise InvalidMeasurement("a rule of validity was broken where the steps were measured")


def _report(run: Path, *, as_json: bool) -> Results:
    results = write_explained(run)
    (err if as_json else out).print(terminal.render_explained(results, run / REPORT), crop=False)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results


def _show(plan: Plan, part: Plan, looks: Plan, missing: dict[str, str]) -> None:
    for step in plan.steps:
        lacking = next((arm for arm in (step.before, step.after) if arm in missing), None)
        told = f": left out, {missing[lacking]}" if lacking is not None else ""
        mark = "  (aside) " if step.aside else "  "
        out.print(f"{mark}{step.before} to {step.after}: {step.says}{told}", markup=False, soft_wrap=True)
    followed = ", ".join(looks.arm_names)
    users = " and ".join(str(cell.users) for cell in looks.cells)
    out.print(f"\na request is followed through {followed}, by {users} users", markup=False, soft_wrap=True)
    needed = bench.expected_seconds(part) + 60.0
    size = f"{several(len(part.arms), 'arm')}, {several(part.profile.trials, 'trial')}"
    out.print(f"{size}, about {format_duration(needed)}")
