"""`gainbench doctor`: each thing a measurement needs, how still the machine is, and what to do about it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from gainbench.analyse.validity.drops import MOST_FOREIGN, MOST_STEAL
from gainbench.cli.console import out
from gainbench.cli.flags import REPORTS, parsed
from gainbench.cli.hidden import database_url
from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.plan import build
from gainbench.plan.build import DEFAULT_PLAN
from gainbench.plan.flags import Flags
from gainbench.report import numbers
from gainbench.run import stillness
from gainbench.run.environment import machine
from gainbench.run.stillness import Stillness
from gainbench.stack import doctor as diagnosis
from gainbench.stack.doctor import Check
from gainbench.store.reading import last_bench

MARKS = {True: "[green]ok[/]  ", None: "[yellow]note[/]", False: "[red]lack[/]"}


def doctor(
    db_url: Annotated[str | None, typer.Option(metavar="URL", help="Also time your own database.")] = None,
) -> None:
    """Say what this machine has and lacks for a measurement, and how sure one would be today."""
    found = stillness.look()  # before anything of ours runs
    checks, libraries = diagnosis.checks(), diagnosis.libraries()
    _show("What a measurement needs", [*checks, *_libraries(libraries)])
    url = parsed("--db-url", db_url, database_url)
    own = diagnosis.database_checks(url) if url is not None else []
    if url is not None:
        _show("Your database", own)
        with suppress(EnvironmentLacking):  # the check above has said so
            _time_round_trip(url)
    still = list(_stillness(found))
    _show("How still this machine is, seen for three seconds", still)
    lacking = [check for check in (*checks, *libraries, *own) if check.ok is False]
    if lacking:
        raise EnvironmentLacking("this machine lacks something a measurement needs; the cures are above")
    out.print(f"\n[bold]{escape(_verdict([*checks, *own], found))}[/]", soft_wrap=True)


def _show(title: str, checks: list[Check]) -> None:
    out.print(f"[bold]{title}[/]")
    for check in checks:
        out.print(f"  {MARKS[check.ok]} {escape(check.name)}: {escape(check.value)}", soft_wrap=True)
        if check.cure:
            out.print(f"         {escape(check.cure)}", soft_wrap=True)


def _libraries(found: list[Check]) -> list[Check]:
    """On one line, where none is missing."""
    missing = [check for check in found if not check.ok]
    versions = ", ".join(f"{check.name} {check.value}" for check in found)
    return missing or [Check("libraries", True, versions)]


def _stillness(found: Stillness) -> Iterator[Check]:
    others = "other programs make turns uneven: end them, or expect combs to be left out"
    for name, share, limit, cure in (
        ("time stolen by the hypervisor", found.steal, MOST_STEAL, "a busy host: try another hour"),
        ("other programs", found.others, MOST_FOREIGN, others),
    ):
        is_high = share is not None and share > limit
        yield Check(
            name,
            None if is_high or share is None else True,
            f"{numbers.percent(share)} of the cores' time, at most {numbers.percent(limit)} in a comb",
            cure if is_high else None,
        )
    yield Check("flicker of a core", True, f"one turn scatters by ±{numbers.percent(found.flicker)} at least")


def _verdict(checks: list[Check], found: Stillness) -> str:
    """Whether to begin, and what that would give."""
    notes = sum(check.ok is None for check in checks)
    told = f"Ready to measure, with {numbers.several(notes, 'note')}." if notes else "Ready to measure."
    if not is_still(found):
        told = "Everything is there, but the machine is not still: many combs would be left out now."
    expected = _expected(found)
    return f"{told} {expected}" if expected else told


def is_still(found: Stillness) -> bool:
    """Within what a comb may have; what is not known is no reason to wait."""
    return (found.steal or 0.0) <= MOST_STEAL and (found.others or 0.0) <= MOST_FOREIGN


def _expected(found: Stillness) -> str | None:
    """Of the plan in this folder, if there is one."""
    if not Path(DEFAULT_PLAN).is_file():
        return None
    try:
        plan = build.load_plan(DEFAULT_PLAN, Flags())
    except ConfigurationError:
        return None
    width = stillness.half_width(plan, found.flicker)
    if width is None:
        return None
    told = (
        f"On this machine, today, a run of {DEFAULT_PLAN} (profile {plan.profile.name}) would be sure to "
        f"±{numbers.percent(width)} of the ratio at best: apps scatter by themselves on top of that."
    )
    last = last_bench(REPORTS, machine())
    if last is None or last.headline is None or last.headline.half_width is None:
        return told
    return f"{told} The last one here, {last.run.id}, reached ±{numbers.percent(last.headline.half_width)}."


def _time_round_trip(db_url: str) -> None:
    trip = diagnosis.round_trip(db_url)
    out.print(
        f"  your round trip, {trip.count} x SELECT 1: p50 {trip.p50_ms:.3f} ms,"
        f" p95 {trip.p95_ms:.3f} ms, p99 {trip.p99_ms:.3f} ms"
    )
