import math

import numpy as np
import pytest

from gainbench.stats.drift import TrialRatio, drift


def test_a_ratio_that_grows_steadily_is_a_drift():
    # +0.006 in log ratio every 60 s, with a little noise that has no trend
    noise = [0.0001, -0.0002, 0.0001, 0.0001, -0.0002, 0.0001]
    trials = [TrialRatio(60 * i, 0.3 + 0.006 * i + noise[i]) for i in range(6)]
    found = drift(trials)
    assert found.per_minute == pytest.approx(math.expm1(0.006), rel=0.02)
    assert found.p_value < 1e-4


def test_two_trials_show_no_drift():
    assert drift([TrialRatio(0, 0.1), TrialRatio(60, 0.3)]) is None


def test_a_steady_ratio_is_called_a_drift_in_one_run_of_twenty():
    rng = np.random.default_rng(7)
    runs = [[TrialRatio(40 * i, rng.normal(0.3, 0.03)) for i in range(8)] for _ in range(1000)]
    called = sum(drift(run).p_value < 0.05 for run in runs)
    assert called / 1000 == pytest.approx(0.05, abs=0.02)
