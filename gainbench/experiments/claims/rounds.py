"""Ways of doing the same, tried in turn: how much faster one is, from the rounds' own ratios."""

import math
from collections.abc import Mapping

from gainbench.stats.estimate import Gain, estimate_gain


def speedup(seconds: Mapping[str, float], before: str, after: str) -> Gain:
    """Of `after` over `before`, by "name.round": what slows a round down slows both of its sides."""
    rounds = [name.rpartition(".")[2] for name in seconds if name.startswith(f"{before}.")]
    return estimate_gain([math.log(seconds[f"{before}.{at}"] / seconds[f"{after}.{at}"]) for at in rounds])


def surely_above(gain: Gain, margin: float) -> bool:
    return gain.low is not None and gain.low > margin


def surely_below(gain: Gain, margin: float) -> bool:
    return gain.high is not None and gain.high < margin
