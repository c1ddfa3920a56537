"""`gainbench prove`: truths known in advance against what the harness says of them."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, open_report, out
from gainbench.cli.flags import REPORTS, AsJson, Open, OutFolder, PlanPath, Quiet
from gainbench.cli.progress import watching
from gainbench.cli.runs import reported_in_any_case, write_proofs
from gainbench.errors import InvalidMeasurement
from gainbench.experiments.prove.plans import chosen, expected_seconds
from gainbench.experiments.prove.prove import Proving, prepared
from gainbench.experiments.prove.prove import prove as try_all
from gainbench.experiments.prove.truths import CASES, Case
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.plan.units import format_duration
from gainbench.report import proofs, terminal
from gainbench.report.files import REPORT
from gainbench.store.directory import RunDirectory
from gainbench.store.results import ProofFigures, Results

IDS = ", ".join(case.id for case in CASES)


def prove(
    only: Annotated[
        str | None, typer.Option(metavar="ID[,ID]", help=f"Try these cases alone: {IDS}.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the orders, the think times and the tossed coins.")] = 0,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    list_cases: Annotated[bool, typer.Option("--list", help="Show the cases; measure nothing.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_in_browser: Open = False,
) -> None:
    """Try the harness itself against truths known in advance, and print truth beside figure."""
    cases = chosen([name.strip() for name in only.split(",")] if only is not None else [])
    if list_cases:
        _show(cases)
        return
    wanted = prepared(cases, seed=seed, plan_path=plan_path)
    directory = RunDirectory.create(out_folder, "prove", now=datetime.now(UTC), purpose="prove")

    def tell(found: ProofFigures) -> None:
        if not quiet:
            err.print(terminal.proof(found))

    def measure() -> None:
        with watching(quiet) as watch:
            try_all(Proving(wanted, seed, sys.argv, watch, tell), directory)

    results = reported_in_any_case(measure, lambda: _report(directory.path, as_json=as_json))
    if open_in_browser:
        open_report(directory.path)
    _exit_by(results)


def _report(run: Path, *, as_json: bool) -> Results:
    results = write_proofs(run)
    (err if as_json else out).print(terminal.render_proofs(results, run / REPORT), crop=False)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results


def _show(cases: tuple[Case, ...]) -> None:
    for case in cases:
        allowed = " or ".join(case.allowed)
        line = f"{case.id:<20} {case.known}; {allowed}, about {format_duration(expected_seconds(case))}"
        out.print(line, markup=False, soft_wrap=True)
    whole = format_duration(sum(map(expected_seconds, cases)))
    out.print(f"\n{len(cases)} cases, about {whole}")


def _exit_by(results: Results) -> None:
    if not proofs.is_proven(results):
        raise InvalidMeasurement(
            f"the harness cannot be believed as it stands: {proofs.counts(results)}",
            cure="each case's note says why; a busy machine makes it refuse: try again at a quieter moment",
        )
