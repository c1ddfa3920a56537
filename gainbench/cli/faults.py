"""`gainbench faults`: everything that can fail while a bench runs, made to fail, and what comes of it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from gainbench.cli.console import err, out
from gainbench.cli.flags import REPORTS, OutFolder, Quiet
from gainbench.errors import InvalidMeasurement
from gainbench.experiments.faults.faults import chosen, expected_seconds, try_all
from gainbench.plan.units import format_duration
from gainbench.report import reliability
from gainbench.store.directory import RunDirectory
from gainbench.store.records import TriedFault


def faults(
    only: Annotated[
        str | None, typer.Option(metavar="ID[,ID]", help="Try those alone whose ids begin so.")
    ] = None,
    out_folder: OutFolder = REPORTS,
    list_faults: Annotated[bool, typer.Option("--list", help="Show the faults; try nothing.")] = False,
    at_once: Annotated[
        int, typer.Option(min=1, max=8, help="Benches at the same time, but for faults that need room.")
    ] = 3,
    quiet: Quiet = False,
) -> None:
    """Make every part of a bench fail at every stage, and see that nothing is wrong, lost or left behind."""
    wanted = chosen([name.strip() for name in only.split(",")] if only is not None else [])
    if list_faults:
        for fault in wanted:
            out.print(fault.id, markup=False, soft_wrap=True)
        needed = format_duration(expected_seconds(wanted, at_once))
        out.print(f"\n{len(wanted)} faults, about {needed}")
        return
    directory = RunDirectory.create(out_folder, "faults", now=datetime.now(UTC), purpose="faults")
    tried: list[TriedFault] = []

    def tell(one: TriedFault) -> None:
        tried.append(one)
        directory.write_text("summary.md", reliability.render(tried))
        if not quiet:
            err.print(reliability.line(one), markup=False, soft_wrap=True)

    def tell_left_out(name: str, reason: str) -> None:
        err.print(f"{name:<32} not tried: {reason}", markup=False, soft_wrap=True)

    try_all(wanted, directory, tell, tell_left_out, at_once=at_once)
    out.print(f"{reliability.counts(tried)}\n{directory.path / 'summary.md'}", markup=False, soft_wrap=True)
    if any(one.wrong for one in tried):
        raise InvalidMeasurement("a fault had an outcome that it must not have; the summary says which")
