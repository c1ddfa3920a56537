"""The answer on one scale: the headline cell's comparisons with intervals, beside the published gain.

An open loop is answered by how its waits compare; the published gain, one of throughput, is not shown then.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gainbench.report import numbers, words
from gainbench.report.effect import effect
from gainbench.report.figures.canvas import (
    BEHIND_TEXT,
    CLAIM,
    INK,
    MUTED,
    PAPER,
    Picture,
    arm_colours,
    gain_axis,
    shortened,
)
from gainbench.store.results import ComparisonFigures, EarlierFigures, Results

ROW_PX, WIDE_ROW_PX = 50, 34
MOST_ROWS = 12
ROUND = [1, 2, 5, 10]  # steps between ticks, and their tenfolds
WIDEST = 1.0  # of the headline's interval, to either side: what is known worse than that needs no room
SPARE = 0.12  # of the axis, beyond what it has to hold


def picture(results: Results) -> Picture | None:
    """None where the headline cell gives no figure to draw."""
    cell = results.headline_cell
    shown = [found for found in cell.comparisons if effect(found).value is not None] if cell else []
    shown = sorted(shown, key=lambda found: not found.headline)[:MOST_ROWS]
    if cell is None or not shown:
        return None
    colours = arm_colours(tuple(cell.arms))
    waits = next((f"{words.quantile(tail)} latency" for found in shown if (tail := effect(found).tail)), None)
    subject = f"change of {waits}" if waits else "gain in throughput"
    target = results.crossing.gain if results.crossing and not waits else None
    earlier_gain = None if results.earlier is None else results.earlier.gain
    marks = [value for value in (target, earlier_gain) if value is not None]
    limits = _limits(shown, marks)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        axes.set_xlim(*limits)
        for row, found in enumerate(reversed(shown)):
            _paint_row(axes, row, found, colours[found.candidate])
            if found.headline and results.earlier is not None:
                _paint_earlier(axes, row, results.earlier)
        axes.axvline(0, color=INK, linewidth=1)
        if target is not None:
            axes.axvline(target, color=CLAIM, linewidth=1.5, linestyle=(0, (4, 3)))
            label = f"published {numbers.target(target)}"
            top = len(shown) - (0.38 if narrow else 0.5)
            axes.text(target, top, label, color=CLAIM, ha="center", va="bottom")
        _name_rows(axes, shown, narrow=narrow)
        axes.spines["left"].set_visible(False)
        breaks = "\n" if narrow else " "
        earlier = f";{breaks}a diamond: the earlier run" if results.earlier is not None else ""
        axes.set_xlabel(f"{subject}, with 95 % interval{earlier}")
        gain_axis(axes.xaxis)
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, steps=ROUND))

    described = "; ".join(f"{words.pair(found)}: {_said(found)}" for found in shown)
    title = f"{subject.capitalize()} at the headline condition"
    heights = (row * len(shown) + 80 for row in (WIDE_ROW_PX, ROW_PX))
    return Picture("answer", title, described, paint, *heights)


def _limits(shown: Sequence[ComparisonFigures], marks: Sequence[float]) -> tuple[float, float]:
    """Room for every gain and for the headline's interval; others' intervals may run off the figure."""
    values = [0.0, *marks, *(value for found in shown if (value := effect(found).value) is not None)]
    first = effect(shown[0])
    if first.value is not None and first.low is not None and first.high is not None:
        values += [max(first.low, first.value - WIDEST), min(first.high, first.value + WIDEST)]
    low, high = min(values), max(values)
    spare = SPARE * (high - low or 0.1)
    return low - spare, high + spare


def _said(found: ComparisonFigures) -> str:
    tail = effect(found).tail
    return words.line(found) if tail is None else words.latency(tail)


def _paint_row(axes: Axes, row: int, found: ComparisonFigures, colour: str) -> None:
    shown = effect(found)
    assert shown.value is not None
    left, right = axes.get_xlim()
    if shown.low is not None and shown.high is not None:
        ends = [max(shown.low, left), min(shown.high, right)]
        axes.plot(ends, [row, row], color=colour, linewidth=5, solid_capstyle="butt")
        for bound, edge, arrow in ((shown.low, left, "<"), (shown.high, right, ">")):
            if not left <= bound <= right:
                axes.plot([edge], [row], arrow, color=colour, markersize=9, clip_on=False)
    axes.plot([shown.value], [row], "o", color=colour, markersize=10)


def _paint_earlier(axes: Axes, row: int, earlier: EarlierFigures) -> None:
    axes.plot([earlier.gain], [row], "D", color=MUTED, markerfacecolor=PAPER, markersize=7, markeredgewidth=2)


def _name_rows(axes: Axes, shown: Sequence[ComparisonFigures], *, narrow: bool) -> None:
    """In the gutter; where that would take half of the figure, above each row."""
    rows = range(len(shown))
    names = [f"{_short_pair(found, narrow=narrow)}  {_figure(found)}" for found in reversed(shown)]
    weights = ["bold" if found.headline else "normal" for found in reversed(shown)]
    if not narrow:
        axes.set_yticks(list(rows), names)
        for label, weight in zip(axes.get_yticklabels(), weights, strict=True):
            label.set(color=INK, fontweight=weight)
        axes.grid(axis="y", visible=False)
        axes.set_ylim(-0.6, len(shown) - 0.5)
        return
    axes.set_yticks([])
    axes.set_ylim(-0.35, len(shown) - 0.4)
    for row, name, weight in zip(rows, names, weights, strict=True):
        axes.annotate(
            name,
            (0, row),
            (0, 11),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            weight=weight,
            bbox=BEHIND_TEXT,
        )


def _short_pair(found: ComparisonFigures, *, narrow: bool) -> str:
    most = 14 if narrow else 20
    return f"{shortened(found.candidate, most)} over {shortened(found.baseline, most)}"


def _figure(found: ComparisonFigures) -> str:
    shown = effect(found)
    return "not resolved" if shown.verdict == "unresolved" else numbers.gain(shown.value)
