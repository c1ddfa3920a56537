"""Latency of the headline cell: quantile curves to p99.9 per arm, from the combs' histograms."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gainbench.load import histogram
from gainbench.report import numbers
from gainbench.report.figures.canvas import Picture, arm_colours
from gainbench.store import StoredRun

# Evenly spaced where tails live: the x axis counts nines.
NINES = [step / 10 for step in range(31)]
TICKS = {math.log10(2): "p50", 1.0: "p90", 2.0: "p99", 3.0: "p99.9"}
LINES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
APART = (2, 3, 4, 5, 6, 8)  # 7 and 9 would stand too near their neighbours to be read
LABEL_GAP = 0.075  # of the axis' height, between two labels

Quantiles = Sequence[tuple[float, float]]


def picture(run: StoredRun) -> Picture | None:
    """None where no request of the headline cell was counted."""
    curves = {arm: found for arm in run.plan.arm_names if (found := quantiles(run, arm))}
    if not curves:
        return None

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = arm_colours(run.plan.arm_names)
        for (arm, found), style in zip(curves.items(), cycle(LINES), strict=False):
            nines, latencies = zip(*found, strict=True)
            axes.plot(nines, latencies, color=colours[arm], linestyle=style)
        axes.set_yscale("log")
        axes.set_xticks(list(TICKS), list(TICKS.values()))
        axes.set_xlim(0, 3)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.plain(value)))
        axes.yaxis.set_minor_locator(LogLocator(subs=APART))
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: numbers.plain(value)) if _is_short(curves) else NullFormatter()
        )
        axes.set_ylabel("latency, ms")
        axes.set_xlabel("share of requests that are faster")
        _label_ends(axes, curves, colours)

    described = "; ".join(f"{arm}: p99 {numbers.ms(_at(found, 2.0))}" for arm, found in curves.items())
    return Picture("latency", "Latency quantiles at the headline condition", described, paint, 400, 360)


def quantiles(run: StoredRun, arm: str) -> Quantiles:
    """Latency by nines, as far as the number of requests lets the tail be known."""
    key = run.plan.headline_cell.key
    merged = histogram.merge(
        comb.arms[arm].load.latency for comb in run.compared(key) if not comb.dropped and arm in comb.arms
    )
    requests = histogram.count(merged)
    known = [nines for nines in NINES if requests * 10**-nines >= 1]
    values = histogram.quantiles_ms(merged, [1 - 10**-nines for nines in known])
    return [(nines, value) for nines, value in zip(known, values, strict=True) if value]


def _at(found: Quantiles, wanted: float) -> float | None:
    return next((value for nines, value in found if math.isclose(nines, wanted)), None)


def _is_short(curves: Mapping[str, Quantiles]) -> bool:
    """Fewer than two powers of ten to label: the ticks between them are needed."""
    values = [math.log10(value) for found in curves.values() for _, value in found]
    return math.floor(max(values)) - math.ceil(min(values)) < 1


def _label_ends(axes: Axes, curves: Mapping[str, Quantiles], colours: Mapping[str, str]) -> None:
    """Name each curve at its end, labels pushed apart where the ends meet."""
    low, high = (math.log10(value) for value in axes.get_ylim())
    floor = -math.inf
    for arm, found in sorted(curves.items(), key=lambda item: item[1][-1][1]):
        height = (math.log10(found[-1][1]) - low) / (high - low)
        floor = max(height, floor + LABEL_GAP)
        axes.annotate(
            arm,
            (1, floor),
            (6, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colours[arm],
            weight="bold",
        )
