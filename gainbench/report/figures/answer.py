"""The answer on one scale: the headline cell's comparisons with intervals, beside the published gain.

An open loop is answered by how its waits compare; the published gain, one of throughput, is not shown then.
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gainbench.report import numbers, words
from gainbench.report.effect import effect
from gainbench.report.figures.canvas import BEHIND_TEXT, CLAIM, INK, Picture, arm_colours, gain_axis
from gainbench.store.results import ComparisonFigures, Results

ROW_PX = 50
ROUND = [1, 2, 5, 10]  # steps between ticks, and their tenfolds


def picture(results: Results) -> Picture | None:
    """None where the headline cell gives no figure to draw."""
    cell = results.headline_cell
    shown = [found for found in cell.comparisons if effect(found).value is not None] if cell else []
    shown.sort(key=lambda found: not found.headline)
    if cell is None or not shown:
        return None
    colours = arm_colours(tuple(cell.arms))
    waits = next((f"{words.quantile(tail)} latency" for found in shown if (tail := effect(found).tail)), None)
    subject = f"change of {waits}" if waits else "gain in throughput"
    target = results.claim.gain if results.claim and not waits else None

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
        axes.set_xlabel(f"{subject}, with 95 % interval")
        gain_axis(axes.xaxis)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, steps=ROUND))

    described = "; ".join(f"{words.pair(found)}: {_said(found)}" for found in shown)
    height = ROW_PX * len(shown) + 70
    title = f"{subject.capitalize()} at the headline condition"
    return Picture("answer", title, described, paint, height, height)


def _said(found: ComparisonFigures) -> str:
    tail = effect(found).tail
    return words.line(found) if tail is None else words.latency(tail)


def _paint_row(axes: Axes, row: int, found: ComparisonFigures, colour: str) -> None:
    shown = effect(found)
    assert shown.value is not None
    if shown.low is not None and shown.high is not None:
        axes.plot([shown.low, shown.high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
    axes.plot([shown.value], [row], "o", color=colour, markersize=10)
    label = f"{words.pair(found)}  {numbers.gain(shown.value)}"
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
