"""`gainbench claims`: what the books say, measured on the spot."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli.console import err, open_report, out
from gainbench.cli.flags import REPORTS, AsJson, Open, OutFolder, PlanPath, Quiet
from gainbench.cli.progress import watching
from gainbench.cli.runs import reported_in_any_case, write_claims
from gainbench.experiments.claims.claim import Claim, chosen
from gainbench.experiments.claims.claims import Trying, claims_plan, try_claims
from gainbench.plan.build import DEFAULT_PLAN, load_plan
from gainbench.plan.flags import Flags
from gainbench.report import terminal
from gainbench.report.files import REPORT
from gainbench.store.directory import RunDirectory
from gainbench.store.results import ClaimFigures, Results


def claims(
    only: Annotated[
        str | None, typer.Option(metavar="ID[,ID]", help="Try these alone; --list names them.")
    ] = None,
    plan_path: PlanPath = DEFAULT_PLAN,
    out_folder: OutFolder = REPORTS,
    list_claims: Annotated[bool, typer.Option("--list", help="Show the claims; measure nothing.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    open_in_browser: Open = False,
) -> None:
    """Try what textbooks say of sync and async on the real apps: confirmed, refuted, or it depends."""
    wanted = chosen([name.strip() for name in only.split(",")] if only is not None else [])
    if list_claims:
        _show(wanted)
        return
    plan = claims_plan(load_plan(plan_path, Flags()))
    directory = RunDirectory.create(out_folder, "claims", now=datetime.now(UTC), purpose="claims")

    def tell(found: ClaimFigures) -> None:
        if not quiet:
            err.print(terminal.claim(found))

    def measure() -> None:
        with watching(quiet) as watch:
            try_claims(Trying(wanted, plan, sys.argv, watch, tell), directory)

    reported_in_any_case(measure, lambda: _report(directory.path, as_json=as_json))
    if open_in_browser:
        open_report(directory.path)


def _report(run: Path, *, as_json: bool) -> Results:
    results = write_claims(run)
    (err if as_json else out).print(terminal.render_claims(results, run / REPORT), crop=False)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results


def _show(wanted: Sequence[Claim]) -> None:
    for claim in wanted:
        out.print(f"{claim.id:<20} {claim.says}", markup=False, soft_wrap=True)
    out.print(f"\n{len(wanted)} claims")
