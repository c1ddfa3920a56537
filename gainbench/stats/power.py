"""What a run could have seen, where its noise comes from, and how many trials a wish for precision costs.

Works on log ratios; knows nothing of seconds or budgets beyond a number of trials.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from gainbench.stats.estimate import FEWEST_FOR_INTERVAL


@dataclass(frozen=True)
class VarianceComponents:
    """The spread of single blocks within a trial, and that of the trials' true means, in log ratios.

    ``between_sd`` is 0 where the estimate came out negative; ``between_variance`` keeps what came out.
    """

    within_sd: float | None
    between_sd: float | None
    between_variance: float | None
    trials: int
    blocks: int


def smallest_detectable_gain(
    log_ratios: Sequence[float], *, confidence: float = 0.95, power: float = 0.80
) -> float | None:
    """Return the gain that a run with these trials' spread would have called a difference with this power.

    The t statistic of a true difference follows the noncentral t distribution (Cohen 1988, chapter 2); its
    other tail, below a millionth, is left out.
    """
    if len(log_ratios) < 2:
        return None
    degrees = len(log_ratios) - 1
    critical = scipy.stats.t.ppf((1 + confidence) / 2, degrees)
    noncentrality = scipy.special.nctdtrinc(degrees, 1 - power, critical)
    standard_error = np.std(log_ratios, ddof=1) / math.sqrt(len(log_ratios))
    return math.expm1(float(noncentrality * standard_error))


def variance_components(trials: Sequence[Sequence[float]]) -> VarianceComponents:
    """Split the variance of the blocks' log ratios by one-way random effects (Searle 1971).

    Trials may differ in size. Without two trials, or without a trial of two blocks, the parts cannot be told
    apart and are None.
    """
    groups = [np.asarray(trial, dtype=float) for trial in trials if len(trial)]
    sizes = np.array([len(group) for group in groups])
    blocks = int(sizes.sum())
    if len(groups) < 2 or blocks == len(groups):
        return VarianceComponents(None, None, None, len(groups), blocks)
    means = np.array([group.mean() for group in groups])
    grand_mean = np.average(means, weights=sizes)
    squares_within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    squares_between = float((sizes * (means - grand_mean) ** 2).sum())
    within = squares_within / (blocks - len(groups))
    typical_size = (blocks - (sizes**2).sum() / blocks) / (len(groups) - 1)
    between = float((squares_between / (len(groups) - 1) - within) / typical_size)
    return VarianceComponents(
        within_sd=math.sqrt(within),
        between_sd=math.sqrt(max(between, 0.0)),
        between_variance=between,
        trials=len(groups),
        blocks=blocks,
    )


def trials_needed(
    pilot_log_ratios: Sequence[float], *, precision: float, affordable: int, confidence: float = 0.95
) -> int | None:
    """Return how many trials, pilot included, give a half-width of ``precision`` (Stein 1945).

    The precision is a fraction of the ratio. None where more trials than ``affordable`` would be needed, or
    where a pilot is too short to show its spread. A run of this length gives ``pilot`` to its estimates.
    """
    pilot = len(pilot_log_ratios)
    if pilot < FEWEST_FOR_INTERVAL:
        return None
    quantile = scipy.stats.t.ppf((1 + confidence) / 2, pilot - 1)
    exact = (quantile * np.std(pilot_log_ratios, ddof=1) / math.log1p(precision)) ** 2
    needed = max(pilot, math.ceil(exact))
    return needed if needed <= affordable else None
