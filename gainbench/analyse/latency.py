"""Latency at equal rates: what an open loop compares, since its throughput is the rate asked for. Pure.

The unit is the trial, as for a gain: a quantile of all of an arm's combs of the trial, and the log ratio of
the two arms' quantiles.
"""

import math
from collections.abc import Sequence

from gainbench.analyse.arms import per_trial
from gainbench.load import histogram
from gainbench.plan.model import Comparison
from gainbench.stats.estimate import estimate_gain
from gainbench.stats.verdict import Verdict, judge
from gainbench.store.records import Comb
from gainbench.store.results import LatencyFigures, LatencyVerdict

QUANTILES = (0.5, 0.99)

_WORDS: dict[Verdict, LatencyVerdict] = {
    Verdict.FASTER: "higher latency",  # a ratio above 1 is a longer wait
    Verdict.SLOWER: "lower latency",
    Verdict.NO_DIFFERENCE: "no difference",
    Verdict.UNRESOLVED: "unresolved",
    Verdict.INVALID: "invalid",
    Verdict.COLLAPSED: "collapsed",
}


def latency_figures(
    comparison: Comparison, kept: Sequence[Comb], *, collapsed: bool, valid: bool, margin: float
) -> tuple[LatencyFigures, ...]:
    """The change of each quantile from baseline to candidate, with its interval and verdict."""
    return tuple(
        judged(
            quantile, [] if collapsed else log_ratios(comparison, kept, quantile), collapsed, valid, margin
        )
        for quantile in QUANTILES
    )


def log_ratios(comparison: Comparison, kept: Sequence[Comb], quantile: float) -> list[float]:
    """One for each trial in which both arms answered."""
    found = per_trial(kept, lambda combs: _log_ratio(comparison, combs, quantile))
    return [ratio for ratio in found if ratio is not None]


def _log_ratio(comparison: Comparison, combs: Sequence[Comb], quantile: float) -> float | None:
    candidate = _quantile_ms(combs, comparison.candidate, quantile)
    baseline = _quantile_ms(combs, comparison.baseline, quantile)
    return math.log(candidate / baseline) if candidate and baseline else None


def _quantile_ms(combs: Sequence[Comb], arm: str, quantile: float) -> float | None:
    merged = histogram.merge(comb.arms[arm].load.latency for comb in combs if arm in comb.arms)
    (value,) = histogram.quantiles_ms(merged, (quantile,))
    return value


def judged(
    quantile: float, ratios: list[float], collapsed: bool, valid: bool, margin: float
) -> LatencyFigures:
    """A quantile's change from the log ratios of trials."""
    change = estimate_gain(ratios) if ratios else None
    verdict = judge(ratios, collapsed=collapsed, valid=valid, margin=margin)
    return LatencyFigures(
        quantile=quantile,
        change=change.gain if change else None,
        low=change.low if change else None,
        high=change.high if change else None,
        verdict=_WORDS[verdict],
    )
