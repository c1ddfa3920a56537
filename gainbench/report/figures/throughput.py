"""Throughput of every arm in every cell: the mean with its interval, and each trial as a dot."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gainbench.report import numbers, words
from gainbench.report.figures.canvas import BEHIND_TEXT, INK, MUTED, Picture, arm_colours, shortened
from gainbench.store.results import ArmFigures, CellFigures, Results

ROW_PX = 24
SECOND_LINE_PX = 18
MOST_ROWS = 72
MOST_LETTERS = 20


def picture(results: Results) -> Picture | None:
    """None where no arm served anything."""
    if not any(arm.throughput_rps for cell in results.cells for arm in cell.arms.values()):
        return None
    cells = _that_fit(results)
    headings = words.headings(cells)
    has_headings = len(cells) > 1
    rows = sum(has_headings + len(cell.arms) for cell in cells)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        row, names, places = 0, [], []
        for cell in cells:
            if has_headings:
                _paint_heading(axes, row, headings[cell.key], is_main=cell.headline)
                row += 1
            for name, arm in cell.arms.items():
                _paint_arm(axes, row, arm, arm_colours(tuple(cell.arms))[name])
                names.append(shortened(name, MOST_LETTERS))
                places.append(row)
                row += 1
        axes.set_yticks(places, names)
        axes.set_ylim(rows - 0.4, -0.8)
        axes.set_xlim(left=0)
        axes.grid(axis="y", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.count(round(value))))
        axes.set_xlabel(
            f"requests per second: mean, 95 % interval,{chr(10) if narrow else ' '}a dot per trial"
        )

    height = ROW_PX * rows + 70
    name = "Throughput per arm and cell"
    return Picture("throughput", name, _description(cells), paint, height, height + SECOND_LINE_PX)


def left_out(results: Results) -> int:
    """How many conditions the figure has no room for."""
    return len(results.cells) - len(_that_fit(results))


def _that_fit(results: Results) -> tuple[CellFigures, ...]:
    """The headline cell, and as many others in the plan's order as there is room for."""
    most = max(1, MOST_ROWS // (1 + len(results.arms)))
    others = [cell for cell in results.cells if not cell.headline][: most - 1]
    return tuple(cell for cell in results.cells if cell.headline or cell in others)


def _paint_heading(axes: Axes, row: int, text: str, *, is_main: bool) -> None:
    axes.annotate(
        text,
        (0, row),
        (4, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        color=INK,
        weight="bold" if is_main else "normal",
        bbox=BEHIND_TEXT,
    )


def _paint_arm(axes: Axes, row: int, arm: ArmFigures, colour: str) -> None:
    if arm.throughput_rps is None:
        text = arm.state if arm.state != "ok" else "no valid window"
        style = {"va": "center", "color": MUTED, "bbox": BEHIND_TEXT}
        axes.annotate(text, (0, row), (4, 0), textcoords="offset points", **style)
        return
    axes.plot(arm.trials_rps, [row] * len(arm.trials_rps), "o", color=colour, alpha=0.4, markersize=5)
    if arm.low is not None and arm.high is not None:
        axes.plot([arm.low, arm.high], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
    axes.plot([arm.throughput_rps], [row], "|", color=colour, markersize=14, markeredgewidth=3)


def _description(cells: tuple[CellFigures, ...]) -> str:
    headings = words.headings(cells)
    return "; ".join(
        f"{headings[cell.key]}: "
        + ", ".join(f"{name} {numbers.rate(arm.throughput_rps)}" for name, arm in cell.arms.items())
        for cell in cells
    )
