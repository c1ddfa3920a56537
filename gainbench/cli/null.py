"""`gainbench null`: one arm against itself, and how often the interval held the truth, which is 0."""

import dataclasses
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, out
from gainbench.cli.flags import CONDITION, REPORTS, AsJson, OutFolder, PlanPath, Quiet, takes_plan_flags_of
from gainbench.cli.progress import watching
from gainbench.cli.runs import new_run, write_report
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.experiments import bench as engine
from gainbench.plan import build
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan
from gainbench.report import numbers, words
from gainbench.report.effect import NO_FIGURE
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stats.estimate import pooled_gain
from gainbench.store.results import ComparisonFigures, Results

# Of a null run, unless flags say otherwise.
TRIALS, COMBS = 4, 3


@takes_plan_flags_of(
    *CONDITION, "profile", "trials", "combs", "budget_seconds", "seed", "control", "pin", "rate", "arrivals"
)
def null(
    flags: Flags,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    repeat: Annotated[int, typer.Option(min=1, max=1000, help="How many null runs.")] = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure one arm against itself: what the harness sees when there is nothing to see."""
    plan = _plan(plan_path, flags)
    engine.check_budget(plan)
    directories = (new_run(out_folder, plan, "null") for _ in range(repeat))
    found = []
    with Supervisor.start() as supervisor, watching(quiet) as watch:
        job = engine.Job(plan, supervisor, sys.argv, watch)
        for directory in engine.measure_repeatedly(job, directories):
            found.append(write_report(directory.path)[1])
            err.print(_line(len(found), found[-1]))
    (err if as_json else out).print(_summary(found))
    if as_json:
        out.print(directory.path, soft_wrap=True)
    broken = [results for results in found if results.run.status == "invalid"]
    if broken:
        raise InvalidMeasurement(f"{len(broken)} of {len(found)} null runs broke a rule of validity")


def _plan(path: Path, flags: Flags) -> Plan:
    """The arm named with --arms, or the headline's candidate, against itself."""
    plan = build.load_plan(path, dataclasses.replace(flags, trials=None, combs=None))
    if flags.arms is None and plan.headline is None:
        raise ConfigurationError("the plan has one arm only; name the arm with --arms A")
    arm = plan.arms[0] if flags.arms else plan.arm(plan.headline.candidate)  # type: ignore[union-attr]
    return build.against_itself(plan, arm, trials=flags.trials or TRIALS, combs=flags.combs or COMBS)


def _line(number: int, results: Results) -> str:
    """What one null run saw."""
    found = results.headline
    if found is None or not _has_figure(found):
        return f"null {number}: {results.run.status}, no figure"
    holds = "contains 0" if words.contains_zero(found) else "misses 0"
    interval = numbers.interval(found.low, found.high)
    return f"null {number}: {numbers.gain(found.gain)} ({interval}), {holds}, {results.run.status}"


def _has_figure(found: ComparisonFigures) -> bool:
    return found.gain is not None and found.verdict not in NO_FIGURE


def _summary(runs: Sequence[Results]) -> str:
    """What several null runs saw together: how often the truth was inside, and their pooled interval."""
    found = [run.headline for run in runs if run.headline is not None and _has_figure(run.headline)]
    if not found:
        return "no null run gave a figure"
    inside = sum(words.contains_zero(comparison) for comparison in found)
    told = f"null: {inside} of {numbers.several(len(found), 'interval')} contain 0"
    trials = [[math.log1p(gain) for gain in comparison.trial_gains] for comparison in found]
    pooled = pooled_gain(trials)
    if pooled.half_width is None:
        return told
    return (
        f"{told}; pooled over {numbers.several(pooled.trials, 'trial')}: {numbers.gain(pooled.gain)}"
        f" ({numbers.interval(pooled.low, pooled.high)}), half-width {numbers.percent(pooled.half_width)}"
    )
