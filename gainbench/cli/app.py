"""The table of contents: every command, and the one place where an error becomes a message and an exit."""

import sys
from typing import Annotated

import typer

from gainbench import __version__
from gainbench.cli import (
    bench,
    check,
    diff,
    doctor,
    faults,
    init,
    null,
    parity,
    prove,
    report,
    ui,
    up,
    worker,
)
from gainbench.cli.console import err, out
from gainbench.errors import GainbenchError
from gainbench.masking import mask_text

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    bench.bench,
    check.check,
    null.null,
    parity.parity,
    prove.prove,
    faults.faults,
    worker.worker,
    report.report,
    diff.diff,
    up.up,
    ui.ui,
    doctor.doctor,
    init.init,
):
    app.command()(command)


def main() -> None:
    """Run the command line; every error that a user can act on ends as one message and its exit status."""
    try:
        app()
    except GainbenchError as error:
        err.print(f"gainbench: {mask_text(error.message)}", markup=False, soft_wrap=True)
        if error.cure:
            err.print(f"  {mask_text(error.cure)}", markup=False, soft_wrap=True)
        sys.exit(error.exit_status)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"gainbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What would moving a FastAPI service from a blocking to an async database driver gain?"""
