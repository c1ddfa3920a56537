"""`gainbench report`: everything that can be computed again from a run's raw record."""

from pathlib import Path
from typing import Annotated

import typer

from gainbench.cli import console
from gainbench.cli.flags import Open
from gainbench.cli.runs import write_report
from gainbench.report import terminal
from gainbench.report.files import REPORT


def report(
    run: Annotated[Path, typer.Argument(help="A run directory, for example reports/latest.")],
    open_report: Open = False,
) -> None:
    """Rebuild a run's figures and report from its raw record."""
    stored, results = write_report(run)
    console.out.print(terminal.render(results, stored.path / REPORT), crop=False)
    if open_report:
        console.open_report(stored.path)
