"""The answer on one scale: the headline cell's comparisons with intervals, beside the published gain."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers, words
from gainbench.report.figures.canvas import BEHIND_TEXT, CLAIM, INK, Picture, arm_colours, gain_axis
from gainbench.results import ComparisonFigures, Results

ROW_PX = 50


def picture(results: Results) -> Picture | None:
    """None where the headline cell gives no figure to draw."""
    cell = results.headline_cell
    shown = [found for found in cell.comparisons if _has_figure(found)] if cell else []
    shown.sort(key=lambda found: not found.headline)
    if cell is None or not shown:
        return None
    colours = arm_colours(tuple(cell.arms))
    target = results.claim.gain if results.claim else None

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        for row, found in enumerate(reversed(shown)):
            _paint_row(axes, row, found, colours[found.candidate])
        axes.axvline(0, color=INK, linewidth=1)
        if target is not None:
            axes.axvline(target, color=CLAIM, linewidth=1.5, linestyle=(0, (4, 3)))
            label = f"published {numbers.target(target)}"
            top = len(shown) - 0.38
            axes.text(target, top, label, color=CLAIM, ha="center", va="bottom")
        axes.set_ylim(-0.35, len(shown) - 0.4)
        axes.margins(x=0.12)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("gain in throughput, with 95 % interval")
        gain_axis(axes.xaxis)

    described = "; ".join(f"{words.pair(found)}: {words.line(found)}" for found in shown)
    height = ROW_PX * len(shown) + 70
    return Picture("answer", "Gain in throughput at the headline condition", described, paint, height, height)


def _has_figure(found: ComparisonFigures) -> bool:
    return found.gain is not None and words.figure(found) != found.verdict


def _paint_row(axes: Axes, row: int, found: ComparisonFigures, colour: str) -> None:
    assert found.gain is not None
    if found.low is not None and found.high is not None:
        axes.plot([found.low, found.high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
    axes.plot([found.gain], [row], "o", color=colour, markersize=10)
    label = f"{words.pair(found)}  {numbers.gain(found.gain)}"
    weight = "bold" if found.headline else "normal"
    axes.annotate(
        label,
        (0, row),
        (0, 11),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        weight=weight,
        bbox=BEHIND_TEXT,
    )
