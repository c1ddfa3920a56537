"""A map as tiles: the gain at each place, lines where it passes 0 and the published gain."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gainbench.report import numbers
from gainbench.report.figures.canvas import ALERT, CLAIM, INK, LINE, MUTED, PAPER, Picture, arm_colours
from gainbench.store.results import MapCell, MapFigures, MapPair

TILE_PX, NARROW_TILE_PX, AROUND_PX = 62, 44, 70
PALEST, DEEPEST = 0.06, 0.55  # how strongly a tile is coloured: text must stay readable on it
LETTERING = 6  # above the lines
FULL = math.log1p(1.0)  # a gain of 100 % or more has the deepest colour


def picture(drawn: MapFigures, pair: MapPair, arms: Sequence[str]) -> Picture:
    """One comparison, in the colours of the arm that is ahead."""
    rows = len(drawn.rows.values)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = arm_colours(arms)
        for cell in pair.cells:
            _tile(axes, cell, pair, colours, narrow=narrow)
        _lines(axes, drawn, pair)
        axes.set_xlim(-0.5, len(drawn.columns.values) - 0.5)
        axes.set_ylim(-0.5, rows - 0.5)
        axes.set_xticks(range(len(drawn.columns.values)), drawn.columns.values)
        axes.set_yticks(range(rows), drawn.rows.values)
        axes.set_xlabel(drawn.columns.title)
        axes.set_ylabel(drawn.rows.title)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)

    name = f"map-{arms.index(pair.baseline)}-{arms.index(pair.candidate)}"
    title = f"Gain of {pair.candidate} over {pair.baseline}"
    described = "; ".join(_said(drawn, cell) for cell in pair.cells)
    return Picture(
        name, title, described, paint, rows * TILE_PX + AROUND_PX, rows * NARROW_TILE_PX + AROUND_PX
    )


def _tile(axes: Axes, cell: MapCell, pair: MapPair, colours: Mapping[str, str], *, narrow: bool) -> None:
    corner = (cell.column - 0.5, cell.row - 0.5)
    colour, strength = _colour(cell, pair, colours)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=strength, linewidth=0))
    if cell.state == "unresolved":
        axes.add_patch(
            Rectangle(corner, 1, 1, facecolor="none", edgecolor=MUTED, hatch="///", linewidth=0, alpha=0.35)
        )
    axes.add_patch(Rectangle(corner, 1, 1, facecolor="none", edgecolor=PAPER, linewidth=2))
    lines = told(cell, pair)
    main, rest = lines[0], lines[1:] if not narrow else ()
    ink = ALERT if cell.state == "collapsed" else MUTED if cell.gain is None else INK
    axes.text(
        cell.column,
        cell.row + (0.16 if rest else 0),
        main,
        ha="center",
        va="center",
        color=ink,
        weight="bold" if cell.gain is not None else "normal",
        fontsize=11 if narrow else 13,
        zorder=LETTERING,
    )
    if rest:
        axes.text(
            cell.column,
            cell.row - 0.2,
            "\n".join(rest),
            ha="center",
            va="center",
            color=INK,
            fontsize=10,
            zorder=LETTERING,
        )


def told(cell: MapCell, pair: MapPair) -> tuple[str, ...]:
    """What stands on a tile, from the most important on."""
    if cell.state == "not measured":
        return ("\N{MIDDLE DOT}",)
    if cell.state == "invalid":
        return ("invalid",)
    if cell.gain is None:
        stopped = [
            name
            for name, regime in (
                (pair.baseline, cell.baseline_regime),
                (pair.candidate, cell.candidate_regime),
            )
            if regime == "collapsed"
        ]
        return ("stopped", " and ".join(stopped))
    return (f"{_whole(cell.gain)} %", _interval(cell))


def _interval(cell: MapCell) -> str:
    if cell.low is None or cell.high is None:
        return "no interval"
    return f"{_whole(cell.low)} to {_whole(cell.high)}"


def _whole(gain: float) -> str:
    return f"{gain * 100:+.0f}".replace("-", "\N{MINUS SIGN}")


def _colour(cell: MapCell, pair: MapPair, colours: Mapping[str, str]) -> tuple[str, float]:
    if cell.gain is None:
        return (ALERT, 0.12) if cell.state == "collapsed" else (LINE, 0.25)
    ahead = pair.candidate if cell.gain >= 0 else pair.baseline
    share = min(abs(math.log1p(cell.gain)) / FULL, 1.0)
    return colours[ahead], PALEST + (DEEPEST - PALEST) * share


def _lines(axes: Axes, drawn: MapFigures, pair: MapPair) -> None:
    """Where the gain passes a value, between the places that were measured."""
    columns, rows = range(len(drawn.columns.values)), range(len(drawn.rows.values))
    gains = [[filled(pair, column, row) for column in columns] for row in rows]
    for line in drawn.lines:
        axes.contour(
            list(columns),
            list(rows),
            gains,
            levels=[line],
            colors=[INK if line == 0 else CLAIM],
            linestyles=["-" if line == 0 else (0, (5, 2))],
            linewidths=2,
            alpha=0.6,
        )


def filled(pair: MapPair, column: int, row: int) -> float:
    """The gain there; of a place not measured, the mean of those beside it, since they agree."""
    cell = pair.at(column, row)
    if cell.gain is not None or cell.state != "not measured":
        return math.nan if cell.gain is None else cell.gain
    beside = [
        other.gain
        for other in pair.cells
        if other.gain is not None and max(abs(other.column - column), abs(other.row - row)) == 1
    ]
    return sum(beside) / len(beside) if beside else math.nan


def _said(drawn: MapFigures, cell: MapCell) -> str:
    column = f"{drawn.columns.name} {drawn.columns.values[cell.column]}"
    place = f"{column}, {drawn.rows.name} {drawn.rows.values[cell.row]}"
    return f"{place}: {cell.state if cell.gain is None else numbers.gain(cell.gain)}"
