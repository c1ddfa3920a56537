"""The table of contents: every command, and the one place where an error becomes a message and an exit."""

import sys
from typing import Annotated

import typer

from gainbench import __version__
from gainbench.cli import (
    bench,
    check,
    claims,
    diff,
    doctor,
    explain,
    faults,
    init,
    maps,
    null,
    parity,
    predict,
    prove,
    report,
    ui,
    up,
    worker,
)
from gainbench.cli.console import err, out
from gainbench.errors import GainbenchError
from gainbench.masking import mask_text

EPILOGS = {
    "bench": (
        "Example: gainbench bench --arms sync,async --users 8 --rtt 0,0.5 --precision 2%\n\n"
        "Ends with 0 measured (a collapse is a result, too), 1 an expectation is not met, 2 wrong usage or"
        " plan, 3 no valid measurement, 4 this machine lacks something, 130 interrupted."
    ),
    "explain": "Example: gainbench explain --users 8 --rtt 0.5; the steps are those of --plan FILE.",
    "init": "Example: gainbench init --app main:app, then gainbench bench; docs/your-app.md has more.",
    "check": "Example: gainbench check --plan my.toml; ends with 2 where something does not fit.",
    "claims": "Example: gainbench claims --only blocking-query,sleep-table; --list names them all.",
    "diff": "Example: gainbench diff reports/20261101T120000Z-bench reports/latest",
    "map": (
        "Example: gainbench map --columns rtt=0,0.5,2 --rows users=1,8,40; or --columns pool=5,10,40"
        " --rows workers=1,2"
    ),
    "null": "Example: gainbench null --arms async --repeat 20",
    "parity": "Example: gainbench parity --sequences 2000; ends with 3 where the arms are not alike.",
    "predict": (
        "Example: gainbench predict --arms sync --users 8 --rtt 0.5; with --check where the app exists in"
        " both forms."
    ),
    "ui": "Example: gainbench ui --arms sync,async --open",
}
"""What stands below a command's help."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    bench.bench,
    check.check,
    null.null,
    parity.parity,
    explain.explain,
    maps.map_,
    predict.predict,
    prove.prove,
    claims.claims,
    faults.faults,
    worker.worker,
    report.report,
    diff.diff,
    up.up,
    ui.ui,
    doctor.doctor,
    init.init,
):
    app.command(command.__name__.rstrip("_"), epilog=EPILOGS.get(command.__name__.rstrip("_")))(command)


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
