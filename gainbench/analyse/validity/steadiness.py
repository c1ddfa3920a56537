"""Rules that see what had not settled yet when it was counted, within a turn and within a trial."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

from gainbench.analyse.arms import combs_with
from gainbench.analyse.compare import log_ratio
from gainbench.analyse.validity.evidence import Evidence, known, rule, sure, worst
from gainbench.load.cycles import BINS
from gainbench.stats.settling import SURE, Change, change_across, common_change, pooled
from gainbench.store.records import Comb
from gainbench.store.results import RuleFigures

MOST_SLOPE = 0.015  # across a window
BINS_CUT = 4  # of a turn's profile
MOST_DRIFT_IN_TRIAL = 0.02


def turns_settled(evidence: Evidence) -> RuleFigures:
    """The rate since the gate opened is level across the window."""
    return rule(
        "turns not settled by",
        worst(_unsettled_by(evidence.kept, arm) for arm in evidence.arms),
        MOST_SLOPE,
        "of the rate",
        "an arm that is still getting going is measured too slow",
        "measure longer: the guard grows by itself where turns do not settle",
    )


def are_unsettled(combs: Sequence[Comb]) -> bool:
    """Whether an arm of these combs, all of one cell, still gains speed when it is counted.

    Less has to be sure than for the rule: a guard that grows for nothing costs a little time.
    """
    arms = {arm for comb in combs for arm in comb.arms}
    return any((_unsettled_by(combs, arm, confidence=0.99) or 0.0) > MOST_SLOPE for arm in arms)


def _unsettled_by(combs: Sequence[Comb], arm: str, *, confidence: float = SURE) -> float | None:
    """What of the slope is sure; None where too few combs tell."""
    slopes = known(settling(comb, arm) for comb in combs_with(arm, combs))
    return sure(pooled(slopes, confidence=confidence))


def settling(comb: Comb, arm: str) -> float | None:
    """By how much the arm's rate changes across the window, pooled over the turns of a comb.

    Its last part is left out: there, requests that the closing gate cut are counted by what others took,
    which is right for the sum, and a little low in their own place.
    """
    turn = comb.of(arm)[0]
    width = (turn.guard_seconds + turn.seconds) / BINS
    profile = comb.arms[arm].load.profile[: BINS - BINS_CUT]
    inside = [(at * width, value) for at, value in enumerate(profile) if at * width >= turn.guard_seconds]
    change = change_across([at for at, _ in inside], [value for _, value in inside])
    # As if it went on to the window's end.
    return None if change is None else change * (len(inside) + BINS_CUT - 2) / (len(inside) - 1)


def warm_up_over(evidence: Evidence) -> RuleFigures:
    """A ratio that moves while a trial goes on shows an arm that was not warm when it began."""
    changes: list[Change | None] = []
    for pair in combinations(evidence.arms, 2):
        series = [_ratios_over_time(pair, combs) for combs in evidence.trials]
        # Of a logarithm, the change itself is relative: 1 is added so that it is not divided by its mean.
        slopes = [change_across(at, [1 + ratio - fmean(ratios) for ratio in ratios]) for at, ratios in series]
        changes += [pooled(known(slopes)), common_change(series)]
    return rule(
        "ratio moved within trials by",
        worst(map(sure, changes)),
        MOST_DRIFT_IN_TRIAL,
        "of the ratio",
        "an arm that was still warming up is measured too slow",
        "let it warm up before it is ready (`ready`), or measure in longer trials",
    )


def _ratios_over_time(pair: tuple[str, str], combs: Sequence[Comb]) -> tuple[list[float], list[float]]:
    points = [(comb.started, ratio) for comb in combs if (ratio := log_ratio(pair, comb)) is not None]
    return [at for at, _ in points], [ratio for _, ratio in points]
