"""The curve: gain over the database wait ratio, where the published gain lies on it, and where it should."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers, palette, words
from gainbench.report.figures.canvas import (
    BAND,
    CLAIM,
    INK,
    MUTED,
    PAPER,
    Picture,
    arm_colours,
    gain_axis,
    headroom,
)
from gainbench.results import ClaimFigures, Curve, CurvePoint, Results

MOST_FIT_POINTS = 60
LABEL_ROOM = 0.05  # of the axis, between two round trips' labels


def picture(results: Results) -> Picture | None:
    """None where the run has no curve."""
    curves = [curve for curve in results.curves if curve.points]
    if not curves:
        return None
    claim = results.claim
    main = next((curve for curve in curves if claim and curve.baseline == claim.baseline), curves[0])
    arms = tuple(results.cells[0].arms)

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        furthest = 1.06 * max(point.wait_ratio for curve in curves for point in curve.points)
        axes.set_xlim(0, furthest)
        headroom(axes, [value for curve in curves for value in _extent(curve)])
        axes.axhline(0, color=INK, linewidth=1)
        if claim is not None:
            _paint_claim(axes, claim, furthest)
        for curve in curves:
            _paint_curve(axes, curve, arm_colours(arms)[curve.candidate], is_main=curve is main)
            _label_curve(axes, curve, arm_colours(arms)[curve.candidate], narrow=narrow)
        if claim is not None:
            _paint_crossing(axes, claim, narrow=narrow)
        _paint_round_trips(axes, main)
        breaks = "\n" if narrow else " "
        axes.set_xlabel(f"wait ratio: time the event loop stands still{breaks}over CPU time, per request")
        axes.set_ylabel("gain in throughput")
        gain_axis(axes.yaxis)

    title = "Gain over the database wait ratio"
    return Picture("curve", title, _description(curves, claim), paint, 470, 420)


def standalone(results: Results) -> str | None:
    """The curve as an SVG file of its own, for a page that is not the report."""
    drawn = picture(results)
    return drawn.standalone(palette.variables(results.cells[0].arms)) if drawn else None


def _extent(curve: Curve) -> list[float]:
    found = [value for point in curve.points for value in (point.gain, point.low, point.high)]
    return [value for value in found if value is not None]


def _paint_curve(axes: Axes, curve: Curve, colour: str, *, is_main: bool) -> None:
    fit = curve.fit[:: max(1, len(curve.fit) // MOST_FIT_POINTS)]
    band = [(x, low, high) for x, _, low, high in fit if low is not None and high is not None]
    if band:
        xs, lows, highs = zip(*band, strict=True)
        axes.fill_between(xs, lows, highs, color=colour, alpha=0.16, linewidth=0)
    style: Any = "-" if is_main else (0, (5, 2))
    axes.plot([x for x, *_ in fit], [gain for _, gain, _, _ in fit], color=colour, linestyle=style)
    for point in curve.points:
        if point.low is not None and point.high is not None:
            axes.plot([point.wait_ratio] * 2, [point.low, point.high], color=colour, linewidth=1.5)
    axes.plot(
        [point.wait_ratio for point in curve.points],
        [point.gain for point in curve.points],
        "o",
        color=colour,
        markersize=7,
        markerfacecolor=colour if is_main else PAPER,
        markeredgewidth=1.5,
    )


def _label_curve(axes: Axes, curve: Curve, colour: str, *, narrow: bool) -> None:
    last = max(curve.points, key=lambda point: point.wait_ratio)
    axes.annotate(
        f"{curve.candidate}{chr(10) if narrow else ' '}over {curve.baseline}",
        (last.wait_ratio, last.high or last.gain),
        (0, 9),
        textcoords="offset points",
        ha="right",
        color=colour,
        weight="bold",
    )


def _paint_claim(axes: Axes, claim: ClaimFigures, furthest: float) -> None:
    axes.axhline(claim.gain, color=CLAIM, linewidth=1.5, linestyle=(0, (4, 3)))
    label = f"published {numbers.target(claim.gain)}"
    axes.annotate(label, (furthest, claim.gain), (0, 5), textcoords="offset points", ha="right", color=CLAIM)
    if claim.band is None or claim.band[0] >= furthest:
        return
    low, high = claim.band[0], min(claim.band[1], furthest)
    axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
    axes.annotate(
        "the published set-up\nlies in this band",
        (low, 1),
        (6, -6),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="top",
        color=MUTED,
    )


def _paint_crossing(axes: Axes, claim: ClaimFigures, *, narrow: bool) -> None:
    if claim.wait_ratio is None:
        return
    bottom = axes.get_ylim()[0]
    axes.plot([claim.wait_ratio] * 2, [bottom, claim.gain], color=CLAIM, linewidth=1)
    if claim.low is not None and claim.high is not None:
        axes.plot([claim.low, claim.high], [claim.gain] * 2, color=CLAIM, linewidth=5, solid_capstyle="butt")
    axes.plot([claim.wait_ratio], [claim.gain], "D", color=CLAIM, markersize=8)
    added = "" if narrow else "added "
    here = f"\n{numbers.ms(claim.rtt_ms)} {added}here" if claim.rtt_ms is not None else ""
    axes.annotate(
        f"wait ratio {numbers.ratio(claim.wait_ratio)}{here}",
        (claim.wait_ratio, claim.gain),
        (10, -12),
        textcoords="offset points",
        va="top",
        color=CLAIM,
        weight="bold",
    )


def _paint_round_trips(axes: Axes, curve: Curve) -> None:
    """The same axis in this machine's milliseconds, at the places that were measured."""
    above = axes.secondary_xaxis("top")
    points = sorted(curve.points, key=lambda point: point.wait_ratio)
    labels = _shared_labels(points, apart=LABEL_ROOM * axes.get_xlim()[1])
    above.set_xticks([point.wait_ratio for point in points], labels=labels)
    above.set_xlabel("ms added to each round trip, here")
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


def _description(curves: list[Curve], claim: ClaimFigures | None) -> str:
    lines = []
    for curve in curves:
        points = ", ".join(
            f"{numbers.gain(point.gain)} at {numbers.ratio(point.wait_ratio)}" for point in curve.points
        )
        lines.append(f"{curve.candidate} over {curve.baseline}: {points}.")
    return " ".join([*lines, *([words.claim(claim)] if claim else [])])
