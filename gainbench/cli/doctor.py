"""`gainbench doctor`: each thing a measurement needs, whether this machine has it, and what to do if not."""

from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from gainbench.cli.console import out
from gainbench.cli.flags import parsed
from gainbench.cli.hidden import database_url
from gainbench.errors import EnvironmentLacking
from gainbench.stack import doctor as diagnosis

MARKS = {True: "[green]ok[/]  ", None: "[yellow]note[/]", False: "[red]lack[/]"}


def doctor(
    db_url: Annotated[str | None, typer.Option(metavar="URL", help="Also time your own database.")] = None,
) -> None:
    """Say what this machine has and lacks for a measurement, each with its cure."""
    checks = diagnosis.checks()
    db_url = parsed("--db-url", db_url, database_url)
    if db_url is not None:
        checks += diagnosis.database_checks(db_url)
    for check in checks:
        out.print(f"{MARKS[check.ok]} {escape(check.name)}: {escape(check.value)}", soft_wrap=True)
        if check.cure:
            out.print(f"       {escape(check.cure)}", soft_wrap=True)
    if db_url is not None:
        with suppress(EnvironmentLacking):  # the check above has said so
            _time_round_trip(db_url)
    if any(check.ok is False for check in checks):
        raise EnvironmentLacking("this machine lacks something a measurement needs; the cures are above")


def _time_round_trip(db_url: str) -> None:
    trip = diagnosis.round_trip(db_url)
    out.print(
        f"your round trip, {trip.count} x SELECT 1: p50 {trip.p50_ms:.3f} ms,"
        f" p95 {trip.p95_ms:.3f} ms, p99 {trip.p99_ms:.3f} ms"
    )
