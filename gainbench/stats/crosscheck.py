"""A second opinion on the interval that assumes no bell curve: the sign-flip test over trials.

If both arms were alike, each trial's log ratio could as well have had the other sign. Knows nothing of
intervals or verdicts, and never overrules them.
"""

from collections.abc import Sequence

import numpy as np
import scipy

FEWEST_TRIALS = 6
"""With 5 trials the smallest p value possible is 2/32, which could never speak against chance."""

MOST_FLIPS = 2**14


def sign_flip_p_value(log_ratios: Sequence[float], *, seed: int = 0) -> float | None:
    """Return the two-sided p value of "no difference" (Fisher 1935), or None with too few trials.

    All sign patterns are tried up to 14 trials; beyond, a seeded random sample of them.
    """
    if len(log_ratios) < FEWEST_TRIALS:
        return None
    test = scipy.stats.permutation_test(
        (np.asarray(log_ratios),),
        np.mean,
        permutation_type="samples",
        n_resamples=MOST_FLIPS,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(test.pvalue)
