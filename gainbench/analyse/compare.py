"""A candidate held against a baseline in one cell: gain, interval, verdict and notes. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gainbench.analyse.arms import cpu_ms, per_trial
from gainbench.analyse.latency import latency_figures
from gainbench.analyse.turnaround import gain_without
from gainbench.plan.model import Cell, Comparison, Plan
from gainbench.stats.control import expected_gain
from gainbench.stats.crosscheck import sign_flip_p_value
from gainbench.stats.drift import TrialRatio, drift
from gainbench.stats.estimate import Gain, estimate_gain, pair_effect
from gainbench.stats.power import smallest_detectable_gain, variance_components
from gainbench.stats.verdict import judge
from gainbench.store.records import Comb
from gainbench.store.results import ComparisonFigures

NOTEWORTHY_P = 0.05

Burdens = Mapping[int, float]
"""CPU seconds that a control burnt for each request, by trial."""


@dataclass(frozen=True)
class TrialCombs:
    """The log ratios of one trial's combs, when they were measured, and the trial's mean."""

    trial: int
    seconds: float
    log_ratios: tuple[float, ...]
    mean: float


def trial_ratios(comparison: Comparison, kept: Sequence[Comb]) -> list[TrialCombs]:
    """Each trial's mean log ratio: of the combs in which both arms answered, or by way of the other arms."""
    pair = comparison.candidate, comparison.baseline
    found = (trial for trial in per_trial(kept, lambda combs: _trial(pair, combs)) if trial is not None)
    return list(found)


def _trial(pair: tuple[str, str], combs: Sequence[Comb]) -> TrialCombs | None:
    ratios = tuple(ratio for comb in combs if (ratio := log_ratio(pair, comb)) is not None)
    mean = sum(ratios) / len(ratios) if ratios else _joined(pair, combs)
    if mean is None:
        return None
    return TrialCombs(combs[0].trial, combs[0].started, ratios, mean)


def log_ratio(pair: tuple[str, str], comb: Comb) -> float | None:
    """Of the first arm over the second, in one comb."""
    first, second = (comb.throughput_rps(arm) for arm in pair)
    return math.log(first / second) if first and second else None


def _joined(pair: tuple[str, str], combs: Sequence[Comb]) -> float | None:
    """For arms that had no comb together: least squares over all pairs of the trial."""
    logs = [
        {arm: math.log(rate) for arm in comb.arms if (rate := comb.throughput_rps(arm))} for comb in combs
    ]
    return pair_effect(logs, *pair)


def comparison_figures(
    plan: Plan,
    comparison: Comparison,
    cell: Cell,
    kept: Sequence[Comb],
    *,
    collapsed: bool,
    valid: bool,
    pilot: int | None,
    burdens: Burdens = MappingProxyType({}),
) -> ComparisonFigures:
    """Everything a report says of this comparison; no gain where an arm collapsed."""
    trials = [] if collapsed else trial_ratios(comparison, kept)
    means = [trial.mean for trial in trials]
    gain = estimate_gain(means, pilot=pilot) if means else None
    parts = variance_components([trial.log_ratios for trial in trials])
    moved = drift([TrialRatio(trial.seconds, trial.mean) for trial in trials])
    verdict = judge(means, collapsed=collapsed, valid=valid, margin=plan.margin, pilot=pilot)
    hindrance = _hindrance(plan, comparison, cell)
    expected = None if hindrance else _expected(plan, comparison, kept, burdens)
    return ComparisonFigures(
        baseline=comparison.baseline,
        candidate=comparison.candidate,
        gain=gain.gain if gain else None,
        low=gain.low if gain else None,
        high=gain.high if gain else None,
        confidence=0.95,
        half_width=gain.half_width if gain else None,
        headline=comparison.headline,
        trials=len(trials),
        blocks=sum(len(trial.log_ratios) for trial in trials),
        trial_gains=tuple(estimate_gain([mean]).gain for mean in means),
        verdict=verdict.value,
        smallest_detectable=smallest_detectable_gain(means),
        sign_flip_p=sign_flip_p_value(means, seed=plan.seed),
        sd_within=parts.within_sd,
        sd_between=parts.between_sd,
        drift_per_minute=moved.per_minute if moved else None,
        expected_gain=expected.gain if expected else None,
        gain_without_turnaround=None
        if plan.rate is not None or collapsed
        else gain_without(kept, comparison.baseline, comparison.candidate, cell.users),
        latency=()
        if plan.rate is None
        else latency_figures(comparison, kept, collapsed=collapsed, valid=valid, margin=plan.margin),
        notes=tuple(_notes(gain, expected, hindrance, moved.p_value if moved else None)),
    )


def _hindrance(plan: Plan, comparison: Comparison, cell: Cell) -> str | None:
    """Why the CPU time that a control burnt does not foretell this gain; None where it does.

    It does where nothing but CPU time bounds the arms and nothing but the control tells them apart. A trial
    keeps what was burnt under its last users and servers alone.
    """
    pair = (comparison.baseline, comparison.candidate)
    if plan.control is None or plan.control.arm not in pair:
        return None
    first, second = (plan.arm(name).model_copy(update={"name": ""}) for name in pair)
    if first != second:
        return "the arms differ in more than the control; compare the arm with itself"
    if cell.rtt_ms:
        return "requests wait for the database; measure at round trip 0"
    if plan.rate is not None:
        return "an open loop serves the rate asked for"
    if len({one.workload for one in plan.cells}) > 1:
        return "what was burnt is known for one condition of a trial only; measure a single one"
    return None


def _expected(plan: Plan, comparison: Comparison, kept: Sequence[Comb], burdens: Burdens) -> Gain | None:
    """What a control must show: the other arm's CPU time per request, and what was burnt on top of it."""
    control = plan.control
    if control is None or control.arm not in (comparison.baseline, comparison.candidate):
        return None
    is_baseline_slowed = control.arm == comparison.baseline
    other = comparison.candidate if is_baseline_slowed else comparison.baseline
    costs = per_trial(kept, lambda combs: (combs[0].trial, cpu_ms(combs, other)))
    pairs = [(cost, cost + burdens[trial] * 1000) for trial, cost in costs if cost and trial in burdens]
    if is_baseline_slowed:
        pairs = [(slowed, free) for free, slowed in pairs]
    return expected_gain(pairs) if pairs else None


def _notes(
    gain: Gain | None, expected: Gain | None, hindrance: str | None, drift_p: float | None
) -> list[str]:
    notes = []
    if gain is not None and gain.low is None:
        notes.append("a single trial shows no spread: there is no interval")
    if drift_p is not None and drift_p < NOTEWORTHY_P:
        notes.append("the ratio drifted during the run; the interleaved order cancels a steady drift")
    if gain is not None and expected is not None:
        inside = "holds" if gain.contains(expected.gain) else "misses"
        notes.append(
            f"control: the interval {inside} the {expected.gain:+.1%} expected from the CPU measured"
        )
    if gain is not None and hindrance is not None:
        notes.append(f"control: no gain can be expected here, as {hindrance}")
    return notes
