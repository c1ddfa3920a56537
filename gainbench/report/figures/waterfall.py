"""From before to after as bars that follow each other, and asides from where they start."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gainbench.report import numbers
from gainbench.report.figures.canvas import ALERT, INK, MUTED, Picture, arm_colours, gain_axis, shortened
from gainbench.store.results import ExplainFigures, StepFigures

ROW_PX, AROUND_PX = 44, 70
BAR_HEIGHT = 0.36
MOST_LETTERS, NARROW_LETTERS = 90, 44


def way(explained: ExplainFigures, arms: Sequence[str]) -> Picture | None:
    """The steps from before to after, each beginning where the last one ended."""
    steps = [step for step in explained.steps if not step.aside and step.gain is not None]
    if not steps:
        return None
    starts, at = [], 0.0
    for step in steps:
        starts.append(at)
        at = (1 + at) * (1 + (step.gain or 0.0)) - 1
    title = f"From {explained.before} to {explained.after}"
    return _picture("way", title, steps, starts, arms)


def asides(explained: ExplainFigures, arms: Sequence[str]) -> Picture | None:
    """Each from the arm that it changes."""
    steps = [step for step in explained.steps if step.aside and step.gain is not None]
    steps.sort(key=lambda step: -(step.gain or 0.0))
    if not steps:
        return None
    return _picture("asides", "What else could be done, and what it costs", steps, [0.0] * len(steps), arms)


def _picture(
    name: str, title: str, steps: Sequence[StepFigures], starts: Sequence[float], arms: Sequence[str]
) -> Picture:
    def paint(figure: Figure, narrow: bool) -> None:
        axes = figure.add_subplot()
        colours = arm_colours(arms)
        for row, (step, start) in enumerate(zip(steps, starts, strict=True)):
            _bar(axes, row, step, start, colours[step.after], narrow=narrow)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_ylim(len(steps) - 0.4, -0.75)
        low, high = _reach(steps, starts)
        axes.set_xlim(low, high)
        axes.set_yticks([])
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("throughput gained" if any(starts) else "gain in throughput")
        gain_axis(axes.xaxis)

    described = "; ".join(
        f"{step.says}: {numbers.gain(step.gain)} ({numbers.interval(step.low, step.high)})" for step in steps
    )
    height = len(steps) * ROW_PX + AROUND_PX
    return Picture(f"steps-{name}", title, described, paint, height, height)


def _bar(axes: Axes, row: int, step: StepFigures, start: float, colour: str, *, narrow: bool) -> None:
    gain = step.gain or 0.0
    end = _after(start, gain)
    is_sure = step.verdict in ("faster", "slower")
    axes.barh(
        row + 0.12,
        end - start,
        left=start,
        height=BAR_HEIGHT,
        color=colour,
        alpha=1.0 if is_sure else 0.35,
        linewidth=0,
    )
    if step.low is not None and step.high is not None:
        axes.plot(
            [_after(start, step.low), _after(start, step.high)], [row + 0.12] * 2, color=INK, linewidth=1.4
        )
    figure = numbers.gain(step.gain)
    says = shortened(step.says, NARROW_LETTERS if narrow else MOST_LETTERS)
    axes.text(
        0.0,
        row - 0.22,
        f"{says}  {figure}",
        transform=axes.get_yaxis_transform(),
        va="center",
        ha="left",
        color=ALERT if step.verdict == "slower" else INK if is_sure else MUTED,
        fontsize=10 if narrow else 12,
    )


def _after(start: float, gain: float) -> float:
    return (1 + start) * (1 + gain) - 1


def _reach(steps: Sequence[StepFigures], starts: Sequence[float]) -> tuple[float, float]:
    ends = [0.0, *starts]
    for step, start in zip(steps, starts, strict=True):
        known = [value for value in (step.gain, step.low, step.high) if value is not None]
        ends += [_after(start, value) for value in known if math.isfinite(value)]
    room = 0.06 * ((max(ends) - min(ends)) or 0.1)
    return min(ends) - room, max(ends) + room
