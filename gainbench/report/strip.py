"""The run at a glance, under its headline: how much was measured, whether to believe it, where and when.

What speaks against the run comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gainbench.report import numbers, words
from gainbench.store.environment import Machine
from gainbench.store.records import Parity
from gainbench.store.results import CellFigures, Results


@dataclass(frozen=True)
class Fact:
    """`is_bad` where it speaks against the run."""

    text: str
    is_bad: bool = False


def strip(results: Results, parity: Parity | None, previous_null: Results | None) -> list[Fact]:
    found = [*_measured(results), *_rules(results.headline_cell), *_answers(parity), *_null(previous_null)]
    found += [*_when(results), *_machine(results.environment.machine)]
    return sorted(found, key=lambda fact: not fact.is_bad)


def _measured(results: Results) -> Iterator[Fact]:
    headline = results.headline
    trials = "" if headline is None else f"{numbers.several(headline.trials, 'trial')}, "
    yield Fact(f"{trials}{numbers.duration(results.run.seconds)}")
    if results.run.status == "interrupted":
        yield Fact("interrupted", is_bad=True)


def _rules(cell: CellFigures | None) -> Iterator[Fact]:
    known = [] if cell is None else [rule for rule in cell.validity if not rule.is_note]
    if not known:
        return
    held = sum(rule.ok for rule in known)
    yield Fact(f"{held} of {numbers.several(len(known), 'rule')} held", is_bad=held < len(known))


def _answers(parity: Parity | None) -> Iterator[Fact]:
    """The sequences' result where they were sent, else that of the load's own requests."""
    compared = (
        None if parity is None or parity.skipped is not None else parity.sequences or parity.own_requests
    )
    if parity is None or not compared:
        yield Fact("answers not compared")
    elif parity.differences or parity.found:
        yield Fact("answers differ", is_bad=True)
    else:
        yield Fact("answers identical" if parity.sequences else "answers alike")


def _null(previous: Results | None) -> Iterator[Fact]:
    found = None if previous is None else previous.headline
    if found is None or found.low is None or found.high is None or found.verdict in ("invalid", "collapsed"):
        yield Fact("no null run of this machine yet")
        return
    seen = f"last null {numbers.interval(found.low, found.high)}"
    yield Fact(seen if words.contains_zero(found) else f"{seen}, without 0", not words.contains_zero(found))


def _when(results: Results) -> Iterator[Fact]:
    try:
        started = datetime.fromisoformat(results.run.started)
    except ValueError:
        return
    yield Fact(f"{started.day} {started:%b %Y, %H:%M} UTC")


def _machine(machine: Machine | None) -> Iterator[Fact]:
    known = (
        None if machine is None else [machine.cpu, machine.cores and numbers.several(machine.cores, "core")]
    )
    told = ", ".join(str(part) for part in known or () if part)
    if told:
        yield Fact(told)
