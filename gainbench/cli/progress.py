"""What a running command shows of where it stands."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from gainbench.cli.console import err
from gainbench.plan.units import format_duration
from gainbench.report import numbers
from gainbench.run.run import Progress, Watcher

BAR_WIDTH = 40


@contextmanager
def watching(quiet: bool) -> Iterator[Watcher]:
    """A live line on a terminal, plain lines elsewhere, nothing when asked to be quiet."""
    if quiet:
        yield lambda progress: None
    elif err.is_terminal:
        with Live(console=err, transient=True, refresh_per_second=4) as live:
            yield partial(_show, live)
    else:
        yield _PlainProgress()


def _show(live: Live, progress: Progress) -> None:
    """News stays above the lines that are drawn over."""
    if progress.notice:
        live.console.print(Text(progress.notice, style="yellow"))
    else:
        live.update(_panel(progress))


class _PlainProgress:
    """One line for each stage and each trial: a log is read by people too."""

    def __init__(self) -> None:
        self._stage = ""
        self._trial = 0

    def __call__(self, progress: Progress) -> None:
        if progress.notice:
            err.print(progress.notice, markup=False, soft_wrap=True)
            return
        if progress.trial:
            is_new, self._trial = progress.trial != self._trial, progress.trial
        else:
            is_new, self._stage = progress.stage != self._stage, progress.stage
        if is_new:
            err.print(_line(progress), markup=False, soft_wrap=True)


def _line(progress: Progress) -> str:
    """One plain line, for a log."""
    if not progress.trial:
        return progress.stage
    parts = [f"trial {progress.trial}/{progress.trials}"]
    if progress.seconds_left is not None:
        parts.append(f"{format_duration(max(0.0, progress.seconds_left))} left")
    parts.append(_gain_so_far(progress))
    return ", ".join(part for part in parts if part)


def _panel(progress: Progress) -> RenderableType:
    """A few lines that are drawn over, for a terminal."""
    if not progress.trial:
        return Text(progress.stage)
    done = round(BAR_WIDTH * min(progress.combs_done / max(progress.combs_total, 1), 1.0))
    bar = Text("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * done + "\N{MIDDLE DOT}" * (BAR_WIDTH - done))
    return Group(Text(progress.stage, style="dim"), bar, Text(_line(progress)))


def _gain_so_far(progress: Progress) -> str:
    gain = progress.gain
    if gain is None:
        return ""
    if gain.low is None:
        return "gain so far: too few trials for an interval"
    return f"gain so far {numbers.gain(gain.gain)} ({numbers.interval(gain.low, gain.high)})"
