"""What a running command shows: where a run stands, and what null runs have seen. Renders; never prints."""

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from gainbench.experiments.bench import Progress
from gainbench.plan.units import format_duration
from gainbench.report import numbers
from gainbench.stats.estimate import pooled_gain
from gainbench.store.results import ComparisonFigures, Results


def line(progress: Progress) -> str:
    """One plain line, for a log."""
    if not progress.trial:
        return progress.stage
    parts = [f"trial {progress.trial}/{progress.trials}"]
    if progress.seconds_left is not None:
        parts.append(f"{format_duration(max(0.0, progress.seconds_left))} left")
    parts.append(_gain_so_far(progress))
    return ", ".join(part for part in parts if part)


def panel(progress: Progress) -> RenderableType:
    """A few lines that are drawn over, for a terminal."""
    if not progress.trial:
        return Text(progress.stage)
    bar = ProgressBar(total=max(progress.blocks_total, 1), completed=progress.blocks_done, width=40)
    return Group(Text(progress.stage, style="dim"), bar, Text(line(progress)))


def _gain_so_far(progress: Progress) -> str:
    gain = progress.gain
    if gain is None:
        return ""
    if gain.low is None:
        return "gain so far: one trial, no interval yet"
    return f"gain so far {numbers.gain(gain.gain)} ({numbers.interval(gain.low, gain.high)})"


def null_line(number: int, results: Results) -> str:
    """What one null run saw."""
    found = results.headline
    if found is None or found.gain is None:
        return f"null {number}: {results.run.status}, no figure"
    holds = "contains 0" if _contains_zero(found) else "misses 0"
    interval = numbers.interval(found.low, found.high)
    return f"null {number}: {numbers.gain(found.gain)} ({interval}), {holds}, {results.run.status}"


def null_summary(runs: Sequence[Results]) -> str:
    """What several null runs saw together: how often the truth was inside, and their pooled interval."""
    found = [run.headline for run in runs if run.headline is not None and run.headline.gain is not None]
    if not found:
        return "no null run gave a figure"
    inside = sum(_contains_zero(comparison) for comparison in found)
    told = f"null: {inside} of {numbers.several(len(found), 'interval')} contain 0"
    trials = [[_log(gain) for gain in comparison.trial_gains] for comparison in found]
    pooled = pooled_gain(trials)
    if pooled.half_width is None:
        return told
    return (
        f"{told}; pooled over {numbers.several(pooled.trials, 'trial')}: {numbers.gain(pooled.gain)}"
        f" ({numbers.interval(pooled.low, pooled.high)}), half-width {numbers.percent(pooled.half_width)}"
    )


def _contains_zero(found: ComparisonFigures) -> bool:
    return found.low is not None and found.high is not None and found.low <= 0 <= found.high


def _log(gain: float) -> float:
    return math.log1p(gain)
