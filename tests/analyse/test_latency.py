"""Latency at equal rates: the ratio of quantiles, trial by trial."""

import pytest

from gainbench.analyse.latency import latency_figures
from gainbench.load import histogram
from gainbench.plan.model import Comparison
from tests.runs import cell, changed, comb

PAIR = Comparison(baseline="blocking", candidate="async", headline=True)


def trial(number: int, baseline_ms: float, candidate_ms: float):
    """A comb in which every request of an arm took the same time."""
    whole = comb(number, number, cell(), 60.0 * number, arms=("blocking", "async"))
    for arm, ms in (("blocking", baseline_ms), ("async", candidate_ms)):
        whole = changed(whole, arm, load={"latency": histogram.encode([round(ms * 1000)] * 100)})
    return whole


def figures(*trials, collapsed=False, valid=True):
    return latency_figures(PAIR, trials, collapsed=collapsed, valid=valid, margin=0.03)


def test_half_the_latency_in_every_trial_is_a_change_of_minus_a_half() -> None:
    p50, p99 = figures(trial(0, 10.0, 5.0), trial(1, 8.0, 4.0), trial(2, 12.0, 6.0))
    assert (p50.quantile, p99.quantile) == (0.5, 0.99)
    assert p99.change == pytest.approx(-0.5, abs=0.001)
    assert p99.verdict == "lower latency"


def test_a_longer_latency_is_higher_and_an_equal_one_no_difference() -> None:
    assert figures(*(trial(n, 5.0, 10.0) for n in range(3)))[1].verdict == "higher latency"
    assert figures(*(trial(n, 5.0, 5.0) for n in range(3)))[1].verdict == "no difference"


def test_a_broken_rule_and_a_collapse_outrank_the_figures() -> None:
    slow = (trial(0, 5.0, 10.0), trial(1, 4.0, 8.0))
    assert figures(*slow, valid=False)[1].verdict == "invalid"
    gone = figures(*slow, collapsed=True)[1]
    assert (gone.verdict, gone.change) == ("collapsed", None)
