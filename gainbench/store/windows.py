"""``windows.csv``: one row per window, for whoever wants to look at the raw counts with tools of their own.

Derived from the record alone; nothing reads it back.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from gainbench.store.reading import StoredRun
from gainbench.store.records import Block, Outside, Trial, Window

COLUMNS = (
    "trial",
    "block",
    "cell",
    "arm",
    "phase",
    "start",
    "seconds",
    "successes",
    "failures",
    "cpu_seconds",
    "trips",
    "steal",
    "dropped",
)

Row = dict[str, Any]


def render(run: StoredRun) -> str:
    """Write the rows in the order they ran. An unknown is an empty field; steal is a share of core time."""
    rows = [*_rows_of_trials(run.trials), *_rows_of_blocks(run.blocks)]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["start"]))
    return text.getvalue()


def _rows_of_trials(trials: Iterable[Trial]) -> Iterator[Row]:
    for trial in trials:
        for outside in trial.outside:
            yield {"trial": trial.number, **_outside(outside)}


def _rows_of_blocks(blocks: Iterable[Block]) -> Iterator[Row]:
    for block in blocks:
        place = {
            "trial": block.trial,
            "block": block.number,
            "cell": block.cell,
            "dropped": block.dropped or "",
        }
        for outside in block.outside:
            yield {**place, **_outside(outside)}
        for window in block.windows:
            yield {**place, **_window(window)}


def _outside(outside: Outside) -> Row:
    return {
        "arm": outside.arm,
        "phase": outside.phase,
        "start": outside.started,
        "seconds": outside.seconds,
        "successes": outside.successes,
        "failures": sum(outside.failures.values()),
    }


def _window(window: Window) -> Row:
    machine = window.machine
    return {
        "arm": window.arm,
        "phase": "window",
        "start": window.started,
        "seconds": window.seconds,
        "successes": window.successes,
        "failures": window.failed,
        "cpu_seconds": window.arm_reading.cpu_seconds,
        "trips": window.trips,
        "steal": _share(machine.arms_steal_seconds, machine.arms_cores_seconds),
    }


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
