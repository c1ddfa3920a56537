"""The rate within a turn of the headline cell, from the opening of the gate on: has it settled?"""

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gainbench.report import numbers
from gainbench.report.figures.canvas import (
    DASHES,
    MOST_CURVES,
    MOST_LETTERS,
    MUTED,
    Picture,
    arm_colours,
    shortened,
)
from gainbench.store.results import CellFigures, Results

LEAST_RANGE = 0.05  # of the rate, to both sides: a flat line shall look flat


def picture(results: Results) -> Picture | None:
    """None where no turn of the headline cell was kept."""
    cell = results.headline_cell
    if cell is None or cell.turns is None or not cell.settling:
        return None
    found = cell
    shown = dict(list(cell.settling.items())[:MOST_CURVES])

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        _paint(axes, found, shown)

    described = "; ".join(
        f"{arm}: {', '.join(f'{value:.2f}' for value in profile)}" for arm, profile in cell.settling.items()
    )
    return Picture("settling", "The rate within a turn", described, paint, 300, 280)


def _paint(axes: Axes, cell: CellFigures, shown: Mapping[str, Sequence[float]]) -> None:
    turns = cell.turns
    if turns is None:
        return
    colours = arm_colours(tuple(cell.arms))
    length = turns.guard_ms + turns.window_ms
    reach = LEAST_RANGE
    for (arm, profile), style in zip(shown.items(), cycle(DASHES), strict=False):
        middle = [(at + 0.5) * length / len(profile) for at in range(len(profile))]
        axes.plot(middle, profile, color=colours[arm], linestyle=style, label=shortened(arm, MOST_LETTERS))
        reach = max(reach, *(abs(value - 1) for value in profile))
    axes.axvline(turns.guard_ms, color=MUTED, linewidth=1)
    axes.set_ylim(1 - 1.1 * reach, 1 + 1.1 * reach)
    axes.set_xlim(0, length)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.percent(value)))
    axes.set_xlabel("ms since the gate opened")
    axes.set_ylabel("of the mean rate")
    axes.legend(loc="lower right", frameon=False)
