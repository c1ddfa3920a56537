"""A run as tables for pandas: its windows, its combs, its cells and its comparisons.

``windows.csv`` and ``combs.csv`` are the first two, written down; nothing reads them back. An unknown is
missing, never 0. pandas loads when a table is asked for: most commands need none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gainbench.store.reading import StoredRun
from gainbench.store.records import Comb, CoreReading
from gainbench.store.results import CellFigures, Results

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Columns = Mapping[str, str]
"""Names, and what pandas calls their type."""

# Whole numbers of which some may be unknown are "Int64"; else pandas would make fractions of them.
WINDOW_COLUMNS: Columns = {
    "trial": "int64",
    "comb": "int64",
    "cell": "str",
    "arm": "str",
    "phase": "str",
    "start": "float64",
    "seconds": "float64",
    "successes": "float64",
    "failures": "float64",
    "dropped": "str",
}
COMB_COLUMNS: Columns = {
    "trial": "int64",
    "comb": "int64",
    "cell": "str",
    "arm": "str",
    "phase": "str",
    "start": "float64",
    "seconds": "float64",
    "requests": "int64",
    "cpu_seconds": "float64",
    "trips": "Int64",
    "switches": "Int64",
    "bytes": "int64",
    "steal": "float64",
    "foreign": "float64",
    "dropped": "str",
}


@dataclass(frozen=True)
class Frames:
    """A stored run and its figures, as DataFrames."""

    run: StoredRun
    results: Results

    @cached_property
    def windows(self) -> "pd.DataFrame":
        """One row per guard and window, in the order they ran; successes are shares of cycles.

        Failures within a guard are counted nowhere, and missing here.
        """
        rows = [row for comb in self.run.all_combs for row in _rows_of_turns(comb)]
        return _frame(rows, WINDOW_COLUMNS)

    @cached_property
    def combs(self) -> "pd.DataFrame":
        """One row per comb and arm; steal and foreign are shares of the cores that lost most to them."""
        rows = [_row_of_comb(comb, arm) for comb in self.run.all_combs for arm in comb.arms]
        return _frame(rows, COMB_COLUMNS)

    @cached_property
    def cells(self) -> "pd.DataFrame":
        """One row per cell and arm: throughput, costs, latencies."""
        return _flat(
            [
                {**_place(cell), "arm": name, **arm.model_dump()}
                for cell in self.results.cells
                for name, arm in cell.arms.items()
            ]
        )

    @cached_property
    def comparisons(self) -> "pd.DataFrame":
        """One row per cell and pair of arms: gain, interval, verdict."""
        return _flat(
            [
                {**_place(cell), **found.model_dump()}
                for cell in self.results.cells
                for found in cell.comparisons
            ]
        )


def csv_of(frame: "pd.DataFrame") -> str:
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def _rows_of_turns(comb: Comb) -> Iterator[Row]:
    phase = "window" if comb.phase == "comb" else "warm-up"
    shared = {"trial": comb.trial, "comb": comb.number, "cell": comb.cell, "dropped": comb.dropped or ""}
    for turn in comb.turns:
        guard = {"start": turn.started, "seconds": turn.guard_seconds, "successes": turn.guard_successes}
        if turn.guard_seconds:
            yield {**shared, "arm": turn.arm, "phase": "guard", "failures": None, **guard}
        yield {
            **shared,
            "arm": turn.arm,
            "phase": phase,
            "start": turn.started + turn.guard_seconds,
            "seconds": turn.seconds,
            "successes": turn.successes,
            "failures": turn.failures,
        }


def _row_of_comb(comb: Comb, arm: str) -> Row:
    reading = comb.arms[arm]
    cores = [found for found in (comb.machine.arms_cores, comb.machine.load_cores) if found is not None]
    return {
        "trial": comb.trial,
        "comb": comb.number,
        "cell": comb.cell,
        "arm": arm,
        "phase": comb.phase,
        "start": comb.started,
        "seconds": comb.seconds,
        "requests": reading.load.requests,
        "cpu_seconds": reading.server.cpu_seconds,
        "trips": None if reading.traffic is None else reading.traffic.trips,
        "switches": reading.server.switches,
        "bytes": reading.load.received_bytes,
        "steal": _largest(_share(found.steal_seconds, found) for found in cores),
        "foreign": _largest(_share(found.foreign_seconds, found) for found in cores),
        "dropped": comb.dropped or "",
    }


def _share(seconds: float | None, cores: CoreReading) -> float | None:
    return None if seconds is None or not cores.seconds else seconds / cores.seconds


def _largest(shares: Iterable[float | None]) -> float | None:
    return max((share for share in shares if share is not None), default=None)


def _place(cell: CellFigures) -> Row:
    return {"cell": cell.key, "scenario": cell.scenario, **cell.condition.flat()}


def _frame(rows: Sequence[Row], columns: Columns) -> "pd.DataFrame":
    import pandas  # noqa: PLC0415 - see above

    return pandas.DataFrame(rows, columns=list(columns)).astype(dict(columns))


def _flat(rows: Sequence[Row]) -> "pd.DataFrame":
    """Nested figures become columns of their own: latency_ms.p99."""
    import pandas  # noqa: PLC0415 - see above

    return pandas.json_normalize(list(rows))
