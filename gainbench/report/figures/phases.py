"""Where a request's time goes, as bars that are made of their phases: a row an arm, a block for each load."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gainbench.analyse import explained as phase
from gainbench.plan.model import ColourName
from gainbench.report import numbers
from gainbench.report.figures.canvas import ALERT, INK, PAPER, Picture, kind_colour, shortened
from gainbench.store.results import ExplainFigures, PhaseFigures

ROW_PX, GAP_PX, LEGEND_PX, NARROW_LEGEND_PX = 24, 56, 110, 230
BAR_HEIGHT = 0.72

# Which colour and how strong: what a core computes is one hue.
PAINT: Mapping[str, tuple[ColourName, float]] = {
    phase.WAY_IN: ("grey", 0.9),
    phase.THREAD: ("blue", 1.0),
    phase.CONNECTION: ("purple", 1.0),
    phase.DATABASE: ("sky", 0.6),
    phase.SOMETHING: ("orange", 0.6),
    phase.LOOP: ("vermillion", 0.9),
    f"CPU: {phase.DRIVER}": ("green", 1.0),
    f"CPU: {phase.ORM}": ("green", 0.82),
    f"CPU: {phase.VALIDATION}": ("green", 0.66),
    f"CPU: {phase.FRAMEWORK}": ("green", 0.5),
    f"CPU: {phase.APP}": ("green", 0.36),
    f"CPU: {phase.OTHER}": ("green", 0.22),
    phase.WAY_BACK: ("grey", 0.5),
}


def picture(explained: ExplainFigures) -> Picture | None:
    """None where no request could be followed."""
    blocks = [(users, list(looks)) for users, looks in groupby(explained.looks, key=lambda one: one.users)]
    if not any(look.latency_ms for _, looks in blocks for look in looks):
        return None
    used = [name for name in PAINT if any(_ms(look, name) > 0 for _, looks in blocks for look in looks)]

    def paint(figure: Figure, narrow: bool) -> None:
        every = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=[len(one) for _, one in blocks])[
            :, 0
        ]
        for axes, (users, looks) in zip(every, blocks, strict=True):
            _block(axes, users, looks, narrow=narrow)
        every[-1].set_xlabel("ms of a request")
        every[-1].legend(
            handles=[
                Patch(facecolor=kind_colour(PAINT[name][0]), alpha=PAINT[name][1], label=name)
                for name in used
            ],
            loc="upper center",
            bbox_to_anchor=(0.5, -0.75 if not narrow else -0.7),
            ncols=1 if narrow else 3,
            frameon=False,
            fontsize=10,
        )

    rows = sum(len(looks) for _, looks in blocks)
    height = rows * ROW_PX + len(blocks) * GAP_PX
    described = "; ".join(_said(look) for _, looks in blocks for look in looks)
    title = "Where the time of a request goes"
    return Picture("phases", title, described, paint, height + LEGEND_PX, height + NARROW_LEGEND_PX)


def _block(axes: Axes, users: int, looks: Sequence[PhaseFigures], *, narrow: bool) -> None:
    for row, look in enumerate(looks):
        left = 0.0
        for name, (colour, strength) in PAINT.items():
            ms = max(_ms(look, name), 0.0)
            axes.barh(
                row,
                ms,
                left=left,
                height=BAR_HEIGHT,
                color=kind_colour(colour),
                alpha=strength,
                edgecolor=PAPER,
                linewidth=0.5,
            )
            left += ms
        if look.latency_ms is None:
            axes.text(0, row, " stopped serving", va="center", color=ALERT)
        else:
            axes.plot([look.latency_ms] * 2, [row - 0.45, row + 0.45], color=INK, linewidth=2)
    axes.set_yticks(range(len(looks)), [shortened(look.arm, 10 if narrow else 18) for look in looks])
    axes.set_ylim(len(looks) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_title(numbers.several(users, "user"), loc="left", color=INK, fontsize=12, weight="bold")


def _ms(look: PhaseFigures, name: str) -> float:
    return next((one.ms for one in look.phases if one.name == name), 0.0)


def _said(look: PhaseFigures) -> str:
    if look.latency_ms is None:
        return f"{look.arm}, {numbers.several(look.users, 'user')}: stopped serving"
    longest = max(look.phases, key=lambda one: one.ms)
    return (
        f"{look.arm}, {numbers.several(look.users, 'user')}: {numbers.ms(look.latency_ms)}, most of it"
        f" {longest.name} ({numbers.ms(longest.ms)})"
    )
