"""Every comb in the order it ran, one strip per arm: where drift or a noisy neighbour would show."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gainbench.report import numbers
from gainbench.report.figures.canvas import ALERT, BEHIND_TEXT, LINE, MUTED, Picture, arm_colours
from gainbench.store import StoredRun
from gainbench.store.records import Collapse, Comb

STRIP_PX = 96

Point = tuple[float, float]
"""Minutes since the run began, and requests per second."""


def picture(run: StoredRun) -> Picture | None:
    """None where no comb was measured."""
    if not (run.combs or run.collapses):
        return None
    arms = run.plan.arm_names
    headline = run.plan.headline_cell.key

    def paint(figure: Figure, narrow: bool) -> None:
        strips = figure.subplots(len(arms), 1, sharex=True, squeeze=False)[:, 0]
        for axes, arm in zip(strips, arms, strict=True):
            _paint_strip(axes, run.combs, arm, arm_colours(arms)[arm], headline)
            for trial in run.trials:
                axes.axvline(trial.started / 60, color=LINE, linewidth=1)
            for gone in run.collapses:
                if gone.arm == arm:
                    _mark_collapse(axes, gone, is_late=gone.started > run.seconds / 2)
        breaks = "\n" if narrow else " "
        strips[-1].set_xlabel(f"minutes since the run began;{breaks}a line where a trial starts")

    dropped = sum(comb.dropped is not None for comb in run.combs)
    stopped = "".join(
        f" {gone.arm} {gone.state} after {gone.started / 60:.1f} minutes." for gone in run.collapses
    )
    described = (
        f"{numbers.several(sum(len(comb.turns) for comb in run.combs), 'turn')} of {len(arms)} arms "
        f"in {numbers.several(len(run.combs), 'comb')}, {dropped} of them dropped.{stopped}"
    )
    height = STRIP_PX * len(arms) + 50
    return Picture("timeline", "All combs in the order they ran", described, paint, height, height)


def _paint_strip(axes: Axes, combs: Sequence[Comb], arm: str, colour: str, headline: str) -> None:
    own = [comb for comb in combs if arm in comb.arms]
    other = _points([comb for comb in own if not comb.dropped and comb.cell != headline], arm)
    main = _points([comb for comb in own if not comb.dropped and comb.cell == headline], arm)
    dropped = _points([comb for comb in own if comb.dropped], arm)
    _scatter(axes, other, marker="o", color=colour, alpha=0.35, markersize=3)
    _scatter(axes, main, marker="o", color=colour, markersize=4)
    _scatter(axes, dropped, marker="x", color=MUTED, markersize=6, markeredgewidth=1.5)
    fastest = max((rate for _, rate in (*main, *other, *dropped)), default=0)
    axes.set_ylim(0, 1.15 * fastest or 1)
    axes.grid(axis="x", visible=False)
    axes.set_title(f"{arm}, requests/s", loc="left", color=colour, fontsize=12, weight="bold")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.count(round(value))))


def _mark_collapse(axes: Axes, gone: Collapse, *, is_late: bool) -> None:
    """Where the arm stopped serving; the word stands on the side that has the room."""
    at = gone.started / 60
    axes.axvline(at, color=ALERT, linewidth=2)
    axes.annotate(
        gone.state,
        (at, 0.5),
        (-5 if is_late else 5, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="center",
        color=ALERT,
        weight="bold",
        bbox=BEHIND_TEXT,
    )


def _points(combs: Sequence[Comb], arm: str) -> list[Point]:
    return [((comb.started + comb.seconds / 2) / 60, comb.throughput_rps(arm) or 0.0) for comb in combs]


def _scatter(axes: Axes, points: Sequence[Point], **style: Any) -> None:
    minutes, rates = ([point[at] for point in points] for at in (0, 1))
    axes.plot(minutes, rates, linestyle="none", **style)
