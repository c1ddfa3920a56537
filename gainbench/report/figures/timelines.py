"""Requests as bars beside each other, a block for each arm: the picture that explains async in one look."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers
from gainbench.report.figures.canvas import INK, Picture, arm_colours
from gainbench.store.records import Span, Timeline

BAR_PX, GAP_PX = 9, 30
MOST_BARS = 24  # of a row
BAR_HEIGHT = 0.7


def arm_of(row: str) -> str:
    """Whose the row is: "async, concurrent" is the async arm's."""
    return row.partition(",")[0]


def picture(name: str, timeline: Timeline, arms: Sequence[str]) -> Picture:
    """In the colours of these arms."""
    rows = [(row.name, sorted(row.spans, key=lambda span: span.start)[:MOST_BARS]) for row in timeline.rows]
    colours = arm_colours(arms)
    longest = max(span.end for _, spans in rows for span in spans)

    def paint(figure: Figure, narrow: bool) -> None:
        heights = [len(spans) * BAR_PX + GAP_PX for _, spans in rows]
        every = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (row, spans) in zip(every, rows, strict=True):
            _paint(axes, row, spans, colours[arm_of(row)])
        every[-1].set_xlim(0, longest * 1.02)
        every[-1].set_xlabel("seconds since the first request")

    height = sum(len(spans) * BAR_PX + GAP_PX for _, spans in rows) + 50
    described = "; ".join(f"{row}: {_said(spans)}" for row, spans in rows)
    return Picture(name, timeline.title, described, paint, height, height)


def _paint(axes: Axes, name: str, spans: Sequence[Span], colour: str) -> None:
    for at, span in enumerate(spans):
        axes.barh(at, span.seconds, left=span.start, height=BAR_HEIGHT, color=colour, linewidth=0)
    axes.set_ylim(len(spans) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_title(name, loc="left", color=INK, fontsize=12, weight="bold")


def _said(spans: Sequence[Span]) -> str:
    end = max(span.end for span in spans)
    return f"{numbers.several(len(spans), 'request')}, the last answered after {numbers.ms(end * 1000)}"
