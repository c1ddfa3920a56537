"""A truth held against what the harness said of it. Pure.

Right: the 95 % interval admits the truth, give or take the tolerance. Refused: the harness gave no figure.
Wrong: it gave one, called it valid, and the truth is surely another; nothing is worse.
"""

import math
from collections.abc import Sequence

from gainbench.report import limits
from gainbench.stats.estimate import Gain, estimate_gain, pooled_gain
from gainbench.store.records import ProvenCase, Truth
from gainbench.store.results import CellFigures, ComparisonFigures, ProofFigures, ProofVerdict, Results

SURE = 0.999  # for what scatters by chance


def judge(case: ProvenCase, results: Results | None) -> ProofFigures:
    """``results`` is what the harness made of the case's run, if there was anything to make."""
    found = results.headline if results else None
    reason = _refusal(case, results, found)
    truth = case.truth if found is None or not case.is_planted else _planted(found)
    if reason is not None or found is None:
        return _proof(case, truth, None, "refused", reason or "")
    if case.is_planted and truth is None:
        return _proof(case, None, None, "refused", "the planted CPU time is not known")
    if truth is None:
        return _proof(case, None, found, "wrong", "a figure, where none can be right")
    bounds = tolerated(truth, case.tolerance)
    if _admits(found.gain, found.low, found.high, bounds, found.gain_without_turnaround):
        return _proof(case, truth, found, "right", "", held=True)
    surely = estimate_gain([math.log1p(gain) for gain in found.trial_gains], confidence=SURE)
    if case.by_chance and _admits(
        surely.gain, surely.low, surely.high, bounds, found.gain_without_turnaround
    ):
        note = f"the 95 % interval misses the truth, as one in twenty does; the {SURE:.1%} one holds it"
        return _proof(case, truth, found, "right", note.replace("%", " %"), held=False)
    return _proof(case, truth, found, "wrong", "the truth lies outside", held=False)


def tolerated(truth: Truth, tolerance: float) -> tuple[float, float]:
    """The truth's range, wider by a share of the ratio on both sides."""
    return (1 + truth.low) / (1 + tolerance) - 1, (1 + truth.high) * (1 + tolerance) - 1


def pooled_null(proofs: Sequence[tuple[ProofFigures, ComparisonFigures]]) -> Gain | None:
    """Everything that the nulls measured, as one run: it must hold 0, and much more narrowly than each."""
    runs = [
        [math.log1p(gain) for gain in found.trial_gains]
        for proof, found in proofs
        if proof.verdict != "refused" and proof.truth == proof.truth_low == proof.truth_high == 0
    ]
    return pooled_gain(runs) if len(runs) > 1 else None


def _admits(
    gain: float | None,
    low: float | None,
    high: float | None,
    bounds: tuple[float, float],
    without_turnaround: float | None,
) -> bool:
    """Whether the interval and the bounds have a point in common.

    The truth is that of the servers. What the generator's own time does to the gain is told beside it, from
    the clock of its sockets: as far as it goes, so does the interval.
    """
    if gain is None or low is None or high is None:
        return False
    moved = 1.0 if without_turnaround is None else (1 + without_turnaround) / (1 + gain)
    lowest, highest = (1 + low) * min(moved, 1.0) - 1, (1 + high) * max(moved, 1.0) - 1
    return lowest <= bounds[1] and bounds[0] <= highest


def _refusal(case: ProvenCase, results: Results | None, found: ComparisonFigures | None) -> str | None:
    """Why there is no figure to be judged; None where there is one."""
    if case.refusal is not None:
        return case.refusal.splitlines()[0]  # what follows shows the evidence
    if results is None or found is None or results.headline_cell is None:
        return "nothing was measured"
    if found.verdict == "collapsed":
        return next((gone.reason for gone in results.collapses), "an arm stopped serving")
    if found.verdict == "invalid" or results.run.status != "valid":
        return _broken(results.headline_cell) or "; ".join(results.notes) or results.run.status
    if found.gain is None or found.low is None:
        return "there is no interval"
    return None


def _broken(cell: CellFigures) -> str:
    return "; ".join(
        f"{rule.rule} {limits.value(rule)}, limit {limits.bound(rule)}"
        for rule in cell.validity
        if rule.is_broken
    )


def _planted(found: ComparisonFigures) -> Truth | None:
    expected = found.expected_gain
    return None if expected is None else Truth(gain=expected, low=expected, high=expected)


def _proof(
    case: ProvenCase,
    truth: Truth | None,
    found: ComparisonFigures | None,
    verdict: ProofVerdict,
    note: str,
    *,
    held: bool | None = None,
) -> ProofFigures:
    return ProofFigures(
        id=case.id,
        known=case.known,
        truth=truth.gain if truth else None,
        truth_low=truth.low if truth else None,
        truth_high=truth.high if truth else None,
        tolerance=case.tolerance,
        gain=found.gain if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        interval_held=held,
        verdict=verdict,
        allowed=case.allowed,
        note=note,
        seconds=case.seconds,
        run=case.run,
    )
