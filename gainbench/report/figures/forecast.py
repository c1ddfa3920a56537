"""Forecast throughput along the round trip, and forecast against measured where that was checked."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers
from gainbench.report.figures.canvas import BAND, INK, MUTED, Picture, arm_colours
from gainbench.report.figures.labels import Place, put
from gainbench.store.results import PredictionFigures, Results

LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
MARKERS = ("o", "s", "^", "D")
NEAR = 0.1  # to both sides of a forecast that is right


def by_round_trip(results: Results) -> Picture | None:
    """The first arm's users, pool and workers; None where only one round trip is known."""
    lines = _lines(results)
    if not lines or len(next(iter(lines.values()))) < 2:
        return None

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = arm_colours(tuple(results.arms))
        for (name, points), style in zip(lines.items(), LINES, strict=False):
            axes.plot(
                *zip(*points, strict=True), color=colours[_arm(name, results)], linestyle=style, marker="o"
            )
        axes.set_xlim(0, 1.05 * max(rtt for points in lines.values() for rtt, _ in points))
        axes.set_ylim(0, 1.15 * max(rate for points in lines.values() for _, rate in points))
        axes.set_xlabel("ms added to each round trip")
        axes.set_ylabel("requests/s, forecast")
        for name, points in lines.items():
            colour = colours[_arm(name, results)]
            places = [
                place
                for x, y in reversed(points)
                for place in (Place(x, y, (0, 9), "right", "bottom"), Place(x, y, (0, -9), "right", "top"))
            ]
            put(axes, name, places, color=colour, weight="bold")

    described = "; ".join(
        f"{name}: {', '.join(f'{numbers.rate(rate)} at {rtt:g} ms' for rtt, rate in points)}"
        for name, points in lines.items()
    )
    return Picture("forecast", "Throughput forecast along the round trip", described, paint, 400, 360)


def errors(results: Results) -> Picture | None:
    """Each throughput that was forecast, over what was measured; None where nothing was."""
    points = list(_points(results))
    if not points:
        return None
    arms = tuple(dict.fromkeys(arm for arm, _, _ in points))

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        low = 0.8 * min(min(forecast, truth) for _, forecast, truth in points)
        high = 1.25 * max(max(forecast, truth) for _, forecast, truth in points)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        ends = [low, high]
        axes.fill_between(
            ends,
            [end * (1 - NEAR) for end in ends],
            [end * (1 + NEAR) for end in ends],
            color=BAND,
            linewidth=0,
        )
        axes.plot(ends, ends, color=INK, linewidth=1)
        _scatter(axes, points, arms, results)
        ticks = [tick for tick in (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000) if low < tick < high]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, labels=[f"{tick}" for tick in ticks])
            axis.set_ticks([], minor=True)
        axes.set_xlabel("requests/s, measured")
        axes.set_ylabel("requests/s, forecast")
        axes.text(
            0.99,
            0.03,
            "shaded: within a tenth",
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            color=MUTED,
        )
        axes.legend(loc="upper left", frameon=False)

    described = "; ".join(
        f"{arm}: {numbers.rate(forecast)} forecast, {numbers.rate(truth)} measured"
        for arm, forecast, truth in points
    )
    return Picture("forecast-errors", "Forecast against measured", described, paint, 420, 360)


def _lines(results: Results) -> dict[str, list[tuple[float, float]]]:
    """By what each line is called: the arms as they are, and what each would be."""
    found: dict[str, list[tuple[float, float]]] = {}
    for arm in dict.fromkeys(one.baseline for one in _asked(results)):
        along = _along(results, arm)
        found[arm] = [(one.condition.rtt_ms, one.baseline_rps) for one in along if one.baseline_rps]
        then = [(one.condition.rtt_ms, one.candidate_rps) for one in along if one.candidate_rps]
        found[f"{along[0].candidate} for {arm}"] = then
    return {name: points for name, points in found.items() if points}


def _arm(line: str, results: Results) -> str:
    """Whose colour a line has."""
    return line if line in results.arms else tuple(results.arms)[-1]


def _asked(results: Results) -> list[PredictionFigures]:
    forecast = results.forecast
    return [] if forecast is None else [one for one in forecast.predictions if one.measured is None]


def _along(results: Results, arm: str) -> list[PredictionFigures]:
    asked = [one for one in _asked(results) if one.baseline == arm]
    like = asked[0].condition.but_for("rtt_ms")
    alike = [one for one in asked if one.condition.but_for("rtt_ms") == like]
    return sorted(alike, key=lambda one: one.condition.rtt_ms)


def _points(results: Results) -> Iterator[tuple[str, float, float]]:
    forecast = results.forecast
    for one in () if forecast is None else forecast.predictions:
        if one.measured is None:
            continue
        sides = (
            (one.baseline, one.baseline_rps, one.measured.baseline_rps),
            (f"{one.candidate} for {one.baseline}", one.candidate_rps, one.measured.candidate_rps),
        )
        yield from ((name, said, truth) for name, said, truth in sides if said and truth)


def _scatter(
    axes: Axes, points: Sequence[tuple[str, float, float]], names: Sequence[str], results: Results
) -> None:
    colours = arm_colours(tuple(results.arms))
    for name, marker in zip(names, MARKERS, strict=False):
        own = [(truth, forecast) for found, forecast, truth in points if found == name]
        colour = colours[_arm(name, results)]
        axes.plot(*zip(*own, strict=True), marker, color=colour, markersize=7, label=name)
