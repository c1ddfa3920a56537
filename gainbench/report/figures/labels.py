"""Where a label can stand: the place where it hides least, and of two that are about as good the first.

Knows matplotlib's axes and what is drawn on them; nothing of runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

HIDDEN_TEXT = 1000  # text over text cannot be read; over a line it can
LATER_PLACE = 0.5  # less than a piece of a line: the first place is the nearest to what is labelled
LINE_ROOM_PX = 3
TEXT_ROOM_PX = 2


@dataclass(frozen=True)
class Place:
    """A point of the data, how far from it the text is set, and to which side."""

    x: float
    y: float
    shift: tuple[float, float]
    ha: Literal["left", "center", "right"]
    va: Literal["bottom", "center", "top"]


def put(axes: Axes, text: str, places: Sequence[Place], **style: Any) -> None:
    """Write the text where it hides least of what is on the axes already, whose limits must be set."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]  # lays the figure out, which places things
    texts = [label.get_window_extent().padded(TEXT_ROOM_PX) for label in axes.texts]
    lines = list(_lines(axes))
    tries = [_write(axes, text, place, style) for place in places]
    costs = [
        _hidden(axes, label.get_window_extent(), texts, lines) + LATER_PLACE * at
        for at, label in enumerate(tries)
    ]
    best = costs.index(min(costs))
    for at, label in enumerate(tries):
        if at != best:
            label.remove()


def _write(axes: Axes, text: str, place: Place, style: Any) -> Annotation:
    return axes.annotate(
        text,
        (place.x, place.y),
        place.shift,
        textcoords="offset points",
        ha=place.ha,
        va=place.va,
        **style,
    )


def _hidden(axes: Axes, box: Bbox, texts: Sequence[Bbox], lines: Sequence[Bbox]) -> int:
    sheet = axes.get_window_extent()
    outside = not (sheet.contains(box.x0, box.y0) and sheet.contains(box.x1, box.y1))
    return HIDDEN_TEXT * (outside + box.count_overlaps(texts)) + box.count_overlaps(lines)


def _lines(axes: Axes) -> Iterator[Bbox]:
    """A box for each straight piece of the lines drawn, and one for each marker."""
    for line in axes.lines:
        at = line.get_transform().transform(line.get_xydata())
        ends = at[1:] if len(at) > 1 and line.get_linestyle() != "None" else at
        starts = at[:-1] if len(ends) < len(at) else at
        for start, end in zip(starts, ends, strict=True):
            yield _around(start, end)


def _around(start: Any, end: Any) -> Bbox:
    (x0, x1), (y0, y1) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    return Bbox.from_extents(x0 - LINE_ROOM_PX, y0 - LINE_ROOM_PX, x1 + LINE_ROOM_PX, y1 + LINE_ROOM_PX)
