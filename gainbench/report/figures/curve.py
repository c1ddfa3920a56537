"""The curve: gain over the database wait ratio, where the published gain lies on it, and where it should."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers, words
from gainbench.report.figures.canvas import (
    BAND,
    CLAIM,
    INK,
    LINE,
    MUTED,
    PAPER,
    Picture,
    arm_colours,
    gain_axis,
    headroom,
)
from gainbench.report.figures.labels import Place, put
from gainbench.store.results import CrossingFigures, Curve, CurvePoint, Results

MOST_FIT_POINTS = 60
WIDE_ROOM, NARROW_ROOM = 0.12, 0.2  # of the values' range, for a label of one line or two
OPEN_END = 0.06  # of the axis, as long is the arrow of a bound that is not known
LABEL_ROOM, NARROW_LABEL_ROOM = 0.05, 0.13  # of the axis, between two round trips' labels


def picture(results: Results) -> Picture | None:
    """None where the run has no curve."""
    curves = [curve for curve in results.curves if curve.points]
    if not curves:
        return None
    claim = results.crossing
    main = next((curve for curve in curves if claim and curve.baseline == claim.baseline), curves[0])
    colours = arm_colours(tuple(results.cells[0].arms))

    def colour_of(curve: Curve) -> str:
        """The candidate's; of another curve with the same candidate, its baseline's."""
        return colours[curve.candidate if curve is main else curve.baseline]

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        furthest = 1.06 * max(point.wait_ratio for curve in curves for point in curve.points)
        axes.set_xlim(0, furthest)
        values = [value for curve in curves for value in _extent(curve)]
        headroom(axes, values, NARROW_ROOM if narrow else WIDE_ROOM)
        axes.axhline(0, color=INK, linewidth=1)
        if claim is not None:
            _paint_claim(axes, claim, furthest, narrow=narrow)
        _hatch_unmeasured(axes, curves)
        for curve in curves:
            _paint_curve(axes, curve, colour_of(curve), is_main=curve is main)
        if claim is not None:
            _paint_crossing(axes, claim)
        _paint_round_trips(axes, main, narrow=narrow)
        breaks = "\n" if narrow else " "
        axes.set_xlabel(f"wait ratio: time the event loop stands still{breaks}over CPU time, per request")
        axes.set_ylabel("gain in throughput")
        gain_axis(axes.yaxis)
        for curve in curves:
            _label_curve(axes, curve, colour_of(curve), narrow=narrow)
        if claim is not None:
            _label_claim(axes, claim)
            _label_crossing(axes, claim, narrow=narrow)

    title = "Gain over the database wait ratio"
    return Picture("curve", title, _description(curves, claim), paint, 470, 420)


def _extent(curve: Curve) -> list[float]:
    found = [value for point in curve.points for value in (point.gain, point.low, point.high)]
    return [value for value in found if value is not None]


def _paint_curve(axes: Axes, curve: Curve, colour: str, *, is_main: bool) -> None:
    """What was measured stands out; the line between is thin, since it is only a guide."""
    fit = curve.fit[:: max(1, len(curve.fit) // MOST_FIT_POINTS)]
    band = [(x, low, high) for x, _, low, high in fit if low is not None and high is not None]
    if band:
        xs, lows, highs = zip(*band, strict=True)
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.1, linewidth=0)
    style: Any = "-" if is_main else (0, (5, 2))
    places, gains = [x for x, *_ in fit], [gain for _, gain, _, _ in fit]
    axes.plot(places, gains, color=colour, linestyle=style, linewidth=1, alpha=0.7)
    for point in curve.points:
        if point.low is not None and point.high is not None:
            ends: Any = {"marker": "_", "markersize": 8, "markeredgewidth": 2}
            axes.plot([point.wait_ratio] * 2, [point.low, point.high], color=colour, linewidth=2, **ends)
    axes.plot(
        [point.wait_ratio for point in curve.points],
        [point.gain for point in curve.points],
        "o",
        color=colour,
        markersize=9,
        markerfacecolor=colour if is_main else PAPER,
        markeredgewidth=2,
    )


def _hatch_unmeasured(axes: Axes, curves: Sequence[Curve]) -> None:
    """Where no point lies on either side, nothing is known."""
    ratios = [point.wait_ratio for curve in curves for point in curve.points]
    left, right = axes.get_xlim()
    for start, end in ((left, min(ratios)), (max(ratios), right)):
        axes.axvspan(start, end, facecolor="none", edgecolor=LINE, hatch="///", linewidth=0, zorder=0.5)


def _label_curve(axes: Axes, curve: Curve, colour: str, *, narrow: bool) -> None:
    """Above the curve's last point, or below it."""
    last = max(curve.points, key=lambda point: point.wait_ratio)
    high, low = (last.gain if bound is None else bound for bound in (last.high, last.low))
    places = (
        Place(last.wait_ratio, high, (0, 9), "right", "bottom"),
        Place(last.wait_ratio, low, (0, -9), "right", "top"),
    )
    name = f"{curve.candidate}{chr(10) if narrow else ' '}over {curve.baseline}"
    put(axes, name, places, color=colour, weight="bold")


def _paint_claim(axes: Axes, claim: CrossingFigures, furthest: float, *, narrow: bool) -> None:
    axes.axhline(claim.gain, color=CLAIM, linewidth=1.5, linestyle=(0, (4, 3)))
    if claim.band is None or claim.band[0] >= furthest:
        return
    low, high = claim.band[0], min(claim.band[1], furthest)
    axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
    axes.annotate(
        "the published\nset-up lies in\nthis band" if narrow else "the published set-up\nlies in this band",
        (low, 1),
        (6, -6),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=MUTED,
    )


def _label_claim(axes: Axes, claim: CrossingFigures) -> None:
    """On its line, at either end."""
    start, end = axes.get_xlim()
    places = (
        Place(end, claim.gain, (-2, 5), "right", "bottom"),
        Place(end, claim.gain, (-2, -5), "right", "top"),
        Place(start, claim.gain, (6, 5), "left", "bottom"),
        Place(start, claim.gain, (6, -5), "left", "top"),
    )
    put(axes, f"published {numbers.target(claim.gain)}", places, color=CLAIM)


def _paint_crossing(axes: Axes, claim: CrossingFigures) -> None:
    if claim.wait_ratio is None:
        return
    bottom = axes.get_ylim()[0]
    axes.plot([claim.wait_ratio] * 2, [bottom, claim.gain], color=CLAIM, linewidth=1)
    if claim.low is not None or claim.high is not None:
        _paint_bounds(axes, claim)
    axes.plot([claim.wait_ratio], [claim.gain], "D", color=CLAIM, markersize=8)


def _paint_bounds(axes: Axes, claim: CrossingFigures) -> None:
    """From the lower to the upper bound; one that is not known is an arrow away from the crossing."""
    style: Any = {"color": CLAIM, "linewidth": 5, "solid_capstyle": "butt"}
    assert claim.wait_ratio is not None
    left, right = axes.get_xlim()
    for bound, arrow, step in ((claim.low, "<", -OPEN_END), (claim.high, ">", OPEN_END)):
        end = claim.wait_ratio + step * (right - left) if bound is None else min(max(bound, left), right)
        axes.plot([claim.wait_ratio, end], [claim.gain] * 2, **style)
        if bound is None or not left <= bound <= right:
            axes.plot([end], [claim.gain], arrow, color=CLAIM, markersize=11)


def _label_crossing(axes: Axes, claim: CrossingFigures, *, narrow: bool) -> None:
    """Beside the crossing on either side of it, else along its line, where the axes have room."""
    if claim.wait_ratio is None:
        return
    bottom, top = axes.get_ylim()
    x, y = claim.wait_ratio, claim.gain
    places = (
        Place(x, y, (6, -10), "left", "top"),
        Place(x, y, (-10, 12), "right", "bottom"),
        Place(x, y, (-10, -12), "right", "top"),
        Place(x, y, (10, 24), "left", "bottom"),
        Place(x, bottom, (8, 6), "left", "bottom"),
        Place(x, bottom, (-8, 6), "right", "bottom"),
        Place(x, top, (8, -6), "left", "top"),
        Place(x, top, (-8, -6), "right", "top"),
    )
    added = "" if narrow else "added "
    here = f"\n{numbers.ms(claim.rtt_ms)} {added}here" if claim.rtt_ms is not None else ""
    put(axes, f"wait ratio {numbers.ratio(x)}{here}", places, color=CLAIM, weight="bold")


def _paint_round_trips(axes: Axes, curve: Curve, *, narrow: bool) -> None:
    """The same axis in this machine's milliseconds, at the places that were measured."""
    above = axes.secondary_xaxis("top")
    points = sorted(curve.points, key=lambda point: point.wait_ratio)
    room = NARROW_LABEL_ROOM if narrow else LABEL_ROOM
    labels = _shared_labels(points, apart=room * axes.get_xlim()[1])
    above.set_xticks([point.wait_ratio for point in points], labels=labels)
    above.set_xlabel("ms added to each round trip, here", labelpad=7)
    above.spines["top"].set_visible(False)


def _shared_labels(points: Sequence[CurvePoint], *, apart: float) -> list[str]:
    """A label for each point; those too near to be read share one, on the middle of them."""
    labels = [""] * len(points)
    start = 0
    for end in range(1, len(points) + 1):
        if end < len(points) and points[end].wait_ratio - points[end - 1].wait_ratio < apart:
            continue
        trips = sorted(point.rtt_ms for point in points[start:end])
        names = dict.fromkeys([numbers.plain(trips[0]), numbers.plain(trips[-1])])
        labels[(start + end - 1) // 2] = "–".join(names)
        start = end
    return labels


def _description(curves: list[Curve], claim: CrossingFigures | None) -> str:
    lines = []
    for curve in curves:
        points = ", ".join(
            f"{numbers.gain(point.gain)} at {numbers.ratio(point.wait_ratio)}" for point in curve.points
        )
        lines.append(f"{curve.candidate} over {curve.baseline}: {points}.")
    return " ".join([*lines, *([words.crossing(claim)] if claim else [])])
