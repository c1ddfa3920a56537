"""`gainbench report`: everything that can be computed again from a run's raw record."""

from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli import console
from gainbench.cli.flags import Open
from gainbench.cli.runs import (
    write_claims,
    write_explained,
    write_forecast,
    write_map,
    write_proofs,
    write_reliability,
    write_report,
)
from gainbench.report import terminal
from gainbench.report.files import REPORT
from gainbench.store.reading import purpose_of


def report(
    run: Annotated[Path, typer.Argument(help="A run directory, for example reports/latest.")],
    open_report: Open = False,
) -> None:
    """Rebuild a run's figures and report from its raw record."""
    path, purpose = run.resolve() / REPORT, purpose_of(run)
    if purpose == "faults":
        console.out.print(write_reliability(run), markup=False, soft_wrap=True)
        return
    if purpose == "prove":
        shown = terminal.render_proofs(write_proofs(run), path)
    elif purpose == "claims":
        shown = terminal.render_claims(write_claims(run), path)
    elif purpose == "explain":
        shown = terminal.render_explained(write_explained(run), path)
    elif purpose == "map":
        shown = terminal.render_map(write_map(run), path)
    elif purpose == "predict":
        shown = terminal.render_forecast(write_forecast(run), path)
    else:
        shown = terminal.render(write_report(run)[1], path)
    console.out.print(shown, crop=False)
    if open_report:
        console.open_report(run)
