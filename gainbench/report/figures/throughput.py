"""Throughput of every arm in every cell: the mean with its interval, and each trial as a dot."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gainbench.report import numbers, words
from gainbench.report.figures.canvas import INK, MUTED, Picture, arm_colours
from gainbench.store.results import ArmFigures, CellFigures, Results

ROW_PX = 24


def picture(results: Results) -> Picture | None:
    """None where no arm served anything."""
    cells = results.cells
    if not any(arm.throughput_rps for cell in cells for arm in cell.arms.values()):
        return None
    headings = words.headings(cells)
    rows = sum(1 + len(cell.arms) for cell in cells)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        row, names, places = 0, [], []
        for cell in cells:
            weight = "bold" if cell.headline else "normal"
            axes.annotate(
                headings[cell.key],
                (0, row),
                (4, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                color=INK,
                weight=weight,
            )
            for name, arm in cell.arms.items():
                row += 1
                _paint_arm(axes, row, arm, arm_colours(tuple(cell.arms))[name])
                names.append(name)
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

    height = ROW_PX * rows + 60
    return Picture("throughput", "Throughput per arm and cell", _description(cells), paint, height, height)


def _paint_arm(axes: Axes, row: int, arm: ArmFigures, colour: str) -> None:
    if arm.throughput_rps is None:
        text = arm.state if arm.state != "ok" else "no valid window"
        axes.annotate(text, (0, row), (4, 0), textcoords="offset points", va="center", color=MUTED)
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
