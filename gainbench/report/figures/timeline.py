"""Every window in the order it ran, one strip per arm: where drift or a noisy neighbour would show."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gainbench.report import numbers
from gainbench.report.figures.canvas import LINE, MUTED, Picture, arm_colours
from gainbench.store import StoredRun
from gainbench.store.records import Block, Window

STRIP_PX = 96


def picture(run: StoredRun) -> Picture | None:
    """None where no window was measured."""
    if not run.blocks:
        return None
    arms = run.plan.arm_names
    headline = run.plan.headline_cell.key

    def paint(figure: Figure, narrow: bool) -> None:
        strips = figure.subplots(len(arms), 1, sharex=True, squeeze=False)[:, 0]
        for axes, arm in zip(strips, arms, strict=True):
            _paint_strip(axes, run.blocks, arm, arm_colours(arms)[arm], headline)
            for trial in run.trials:
                axes.axvline(trial.started / 60, color=LINE, linewidth=1)
        breaks = "\n" if narrow else " "
        strips[-1].set_xlabel(f"minutes since the run began;{breaks}a line where a trial starts")

    dropped = sum(1 for block in run.blocks if block.dropped)
    described = (
        f"{numbers.several(sum(len(block.windows) for block in run.blocks), 'window')} of {len(arms)} arms "
        f"in {numbers.several(len(run.blocks), 'block')}, {dropped} of them dropped."
    )
    height = STRIP_PX * len(arms) + 50
    return Picture("timeline", "All windows in the order they ran", described, paint, height, height)


def _paint_strip(axes: Axes, blocks: Sequence[Block], arm: str, colour: str, headline: str) -> None:
    other = [w for block in blocks if not block.dropped and block.cell != headline for w in block.of(arm)]
    main = [w for block in blocks if not block.dropped and block.cell == headline for w in block.of(arm)]
    dropped = [window for block in blocks if block.dropped for window in block.of(arm)]
    _scatter(axes, other, marker="o", color=colour, alpha=0.35, markersize=3)
    _scatter(axes, main, marker="o", color=colour, markersize=4)
    _scatter(axes, dropped, marker="x", color=MUTED, markersize=6, markeredgewidth=1.5)
    fastest = max((window.throughput_rps for window in (*main, *other, *dropped)), default=0)
    axes.set_ylim(0, 1.15 * fastest or 1)
    axes.grid(axis="x", visible=False)
    axes.set_title(f"{arm}, requests/s", loc="left", color=colour, fontsize=12, weight="bold")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.count(round(value))))


def _scatter(axes: Axes, windows: Sequence[Window], **style: Any) -> None:
    minutes = [(window.started + window.seconds / 2) / 60 for window in windows]
    axes.plot(minutes, [window.throughput_rps for window in windows], linestyle="none", **style)
