"""What the windows say: ratios of throughput, their mean over trials, and how far to trust it.

Everything is computed on natural logarithms, where a gain and the loss that undoes it are equally far from
zero; only results are turned back into fractions. Knows numbers alone: which windows form a block, and
whether an arm has collapsed, is decided by the caller.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import scipy

FEWEST_FOR_INTERVAL = 3
"""Of two values the spread is a single difference: their t interval is often absurd, either way."""


@dataclass(frozen=True)
class Interval:
    """A mean with a confidence interval, or without one where too few values show their spread."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Gain:
    """A throughput gain as a fraction: 0.38 means 38 % more than the baseline."""

    gain: float
    low: float | None
    high: float | None
    confidence: float
    trials: int

    @property
    def half_width(self) -> float | None:
        """The precision as a fraction of the ratio: 0.02 is 1.40 give or take 2 % of 1.40."""
        if self.low is None or self.high is None:
            return None
        return math.sqrt((1 + self.high) / (1 + self.low)) - 1

    def contains(self, gain: float) -> bool:
        """Say whether the interval admits this gain; without bounds every gain is admitted."""
        return (self.low is None or self.low <= gain) and (self.high is None or gain <= self.high)


@dataclass(frozen=True)
class Throughput:
    """The typical (geometric mean) throughput of one arm over its trials."""

    rps: float
    low: float | None
    high: float | None
    confidence: float
    trials: int


def block_difference(candidate_rps: Sequence[float], baseline_rps: Sequence[float]) -> float:
    """Return the log ratio of one block, from the throughputs of each arm's windows in it."""
    return _mean_log(candidate_rps) - _mean_log(baseline_rps)


def pair_effect(combs: Sequence[Mapping[str, float]], first: str, second: str) -> float | None:
    """Return how far the first arm lies above the second, by least squares over combs of any arms.

    Each comb has a level of its own, which all arms in it share, and each arm an effect (a two-way layout
    without interaction, Scheffe 1959). None where no chain of combs joins the two.
    """
    arms = sorted({arm for comb in combs for arm in comb})
    if first not in arms or second not in arms:
        return None
    rows, values = [], []
    for place, comb in enumerate(combs):
        for arm, value in comb.items():
            row = np.zeros(len(arms) + len(combs))
            row[arms.index(arm)] = row[len(arms) + place] = 1.0
            rows.append(row)
            values.append(value)
    design = np.array(rows)
    contrast = np.zeros(len(arms) + len(combs))
    contrast[arms.index(first)], contrast[arms.index(second)] = 1.0, -1.0
    effects, *_ = np.linalg.lstsq(design, np.array(values), rcond=None)
    # It can be told from the data only where it is a combination of what was measured.
    within, *_ = np.linalg.lstsq(design.T, contrast, rcond=None)
    if not np.allclose(design.T @ within, contrast, atol=1e-8):
        return None
    return float(contrast @ effects)


def mean_interval(values: Sequence[float], *, confidence: float, pilot: int | None = None) -> Interval:
    """Return the mean of independent values with its t interval (Student 1908).

    ``pilot`` is for a run that chose its length by the spread of its first ``pilot`` values: the interval
    then rests on that spread alone (Stein 1945). The plain interval would be too narrow, since such a run
    stops early just when its spread happens to look small.
    """
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"a mean needs finite values, got {list(values)}")
    mean = math.fsum(values) / len(values)
    spread_values = values[:pilot]
    if len(spread_values) < FEWEST_FOR_INTERVAL:
        return Interval(mean, None, None)
    quantile = scipy.stats.t.ppf((1 + confidence) / 2, len(spread_values) - 1)
    half = float(quantile * np.std(spread_values, ddof=1) / math.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def estimate_gain(log_ratios: Sequence[float], *, confidence: float = 0.95, pilot: int | None = None) -> Gain:
    """Return the gain from one mean log ratio per trial; ``pilot`` as in ``mean_interval``."""
    interval = mean_interval(log_ratios, confidence=confidence, pilot=pilot)
    return Gain(
        gain=math.expm1(interval.mean),
        low=None if interval.low is None else math.expm1(interval.low),
        high=None if interval.high is None else math.expm1(interval.high),
        confidence=confidence,
        trials=len(log_ratios),
    )


def difference_of_means(
    before_rps: Sequence[float], after_rps: Sequence[float], *, confidence: float = 0.95
) -> Gain:
    """Return the gain of independent trials over other independent trials (Welch 1947, on the log scale)."""
    before, after = ([_log(rps) for rps in values] for values in (before_rps, after_rps))
    mean = math.fsum(after) / len(after) - math.fsum(before) / len(before)
    trials = min(len(before), len(after))
    if trials < FEWEST_FOR_INTERVAL:
        return Gain(math.expm1(mean), None, None, confidence, trials)
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (before, after)]
    variance = sum(parts)
    if variance == 0:
        return Gain(math.expm1(mean), math.expm1(mean), math.expm1(mean), confidence, trials)
    freedom = variance**2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (before, after), strict=True)
    )
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(variance)
    return Gain(math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half), confidence, trials)


def pooled_gain(runs: Iterable[Sequence[float]], *, confidence: float = 0.95) -> Gain:
    """Return the gain over the trials of several runs of the same comparison, as if they were one run."""
    return estimate_gain(list(chain.from_iterable(runs)), confidence=confidence)


def estimate_throughput(trials_rps: Sequence[float], *, confidence: float = 0.95) -> Throughput:
    """Return an arm's geometric mean throughput from one throughput per trial."""
    interval = mean_interval([_log(rps) for rps in trials_rps], confidence=confidence)
    return Throughput(
        rps=math.exp(interval.mean),
        low=None if interval.low is None else math.exp(interval.low),
        high=None if interval.high is None else math.exp(interval.high),
        confidence=confidence,
        trials=len(trials_rps),
    )


def repeatability(window_pairs_rps: Sequence[tuple[float, float]]) -> float | None:
    """Return the spread of a single window of an arm, as a fraction, from its two windows in each block.

    A difference of two windows varies twice as much as one window (in variance); a steady trend from the
    first to the second is not counted, since the mirrored order cancels it.
    """
    differences = [_log(first) - _log(second) for first, second in window_pairs_rps]
    if len(differences) < 2:
        return None
    return math.expm1(float(np.std(differences, ddof=1)) / math.sqrt(2))


def _mean_log(throughputs_rps: Sequence[float]) -> float:
    if not throughputs_rps:
        raise ValueError("a block needs at least one window of each arm")
    return math.fsum(_log(rps) for rps in throughputs_rps) / len(throughputs_rps)


def _log(rps: float) -> float:
    if not (rps > 0 and math.isfinite(rps)):
        raise ValueError(f"a throughput must be a positive number, got {rps}")
    return math.log(rps)
