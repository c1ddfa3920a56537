"""Latency of the headline cell: quantile curves to p99.9 per arm, from the combs' histograms."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gainbench.load import histogram
from gainbench.plan.model import Plan
from gainbench.report import numbers
from gainbench.report.figures.canvas import DASHES, MOST_CURVES, MOST_LETTERS, Picture, arm_colours, shortened
from gainbench.store import StoredRun

# Evenly spaced where tails live: the x axis counts nines.
MEDIAN = math.log10(2)
NINES = [MEDIAN, *(step / 10 for step in range(4, 31))]
TICKS = {MEDIAN: "p50", 1.0: "p90", 2.0: "p99", 3.0: "p99.9"}
APART = (2, 3, 4, 5, 6, 8)  # 7 and 9 would stand too near their neighbours to be read
LABEL_GAP, NARROW_GAP = 0.075, 0.11  # of the axis' height, between two labels

Quantiles = Sequence[tuple[float, float]]


def picture(run: StoredRun) -> Picture | None:
    """None where no request of the headline cell was counted."""
    curves = {arm: found for arm in _shown(run.plan) if (found := quantiles(run, arm))}
    if not curves:
        return None

    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = arm_colours(run.plan.arm_names)
        for (arm, found), style in zip(curves.items(), cycle(DASHES), strict=False):
            nines, latencies = zip(*found, strict=True)
            axes.plot(nines, latencies, color=colours[arm], linestyle=style)
        axes.set_yscale("log")
        axes.set_xticks(list(TICKS), list(TICKS.values()))
        axes.set_xlim(NINES[0], NINES[-1])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.plain(value)))
        axes.yaxis.set_minor_locator(LogLocator(subs=APART))
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: numbers.plain(value)) if _is_short(curves) else NullFormatter()
        )
        axes.set_ylabel("latency, ms")
        axes.set_xlabel("share of requests that are faster")
        _label_ends(axes, curves, colours, NARROW_GAP if narrow else LABEL_GAP)

    described = "; ".join(f"{arm}: p99 {numbers.ms(_at(found, 2.0))}" for arm, found in curves.items())
    return Picture("latency", "Latency quantiles at the headline condition", described, paint, 400, 360)


def _shown(plan: Plan) -> Sequence[str]:
    """As many arms as there are colours, the headline's two among them; in the plan's order."""
    pair = () if plan.headline is None else (plan.headline.baseline, plan.headline.candidate)
    chosen = [*pair, *(arm for arm in plan.arm_names if arm not in pair)][:MOST_CURVES]
    return [arm for arm in plan.arm_names if arm in chosen]


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


def _label_ends(axes: Axes, curves: Mapping[str, Quantiles], colours: Mapping[str, str], gap: float) -> None:
    """Name each curve at its end, labels pushed apart where the ends meet, and down where they are many."""
    low, high = (math.log10(value) for value in axes.get_ylim())
    arms = sorted(curves, key=lambda arm: curves[arm][-1][1])
    heights: list[float] = []
    for arm in arms:
        height = (math.log10(curves[arm][-1][1]) - low) / (high - low)
        heights.append(max(height, heights[-1] + gap) if heights else height)
    excess = max(0.0, heights[-1] - 1)
    for arm, height in zip(arms, heights, strict=True):
        axes.annotate(
            shortened(arm, MOST_LETTERS),
            (1, height - excess),
            (6, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colours[arm],
            weight="bold",
        )
