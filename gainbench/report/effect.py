"""What a comparison is held to: the gain in throughput or, where a schedule sets the rate, the longest waits.

An open loop's throughput is the rate asked for, so that whatever stands at the head of a report must speak of
the tail instead. Everything that shows the headline takes it from here. Knows no wording.
"""

from dataclasses import dataclass

from gainbench.stats.estimate import Gain
from gainbench.store.results import ComparisonFigures, LatencyFigures

NO_FIGURE = ("invalid", "collapsed")


@dataclass(frozen=True)
class Effect:
    """`value` and its bounds are None where a figure would mislead; `tail` is None for a throughput."""

    value: float | None
    low: float | None
    high: float | None
    half_width: float | None  # as a share of the ratio
    verdict: str
    tail: LatencyFigures | None


def effect(comparison: ComparisonFigures) -> Effect:
    """The comparison's gain, or the change of its highest quantile."""
    tail = comparison.latency[-1] if comparison.latency else None
    value = comparison.gain if tail is None else tail.change
    verdict = comparison.verdict if tail is None else tail.verdict
    if value is None or {verdict, comparison.verdict} & {*NO_FIGURE}:
        return Effect(None, None, None, None, verdict, tail)
    if tail is None:
        return Effect(value, comparison.low, comparison.high, comparison.half_width, verdict, None)
    precision = Gain(value, tail.low, tail.high, comparison.confidence, comparison.trials).half_width
    return Effect(value, tail.low, tail.high, precision, verdict, tail)
