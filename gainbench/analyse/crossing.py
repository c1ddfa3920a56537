"""Where a published gain lies on the curve measured here. Pure.

The curve is the gain over the wait ratio L_loop / D of the claim's baseline: the time its event loop stands
still for the database, in units of the CPU time of a request. Milliseconds belong to this machine; the wait
ratio travels.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from gainbench.analyse.arms import cpu_ms, loop_wait_ms, per_trial
from gainbench.analyse.compare import trial_ratios
from gainbench.plan.model import Band, Cell, Claim, Comparison, Plan
from gainbench.stats import curve as curves
from gainbench.stats import reproduced
from gainbench.stats.estimate import estimate_gain
from gainbench.store.records import Comb
from gainbench.store.results import CrossingFigures, Curve, CurvePoint, GainAt, SetUp, Status

FIT_STEP = 8  # of the fitted line's 401 places, a figure needs no more than every eighth
FIRST_RTT_MS = 0.1  # to propose where only the cell without a delay was measured

KeptCombs = Mapping[str, Sequence[Comb]]


@dataclass(frozen=True)
class Believed:
    """What a curve may rest on: the valid cells' combs, less the cells in which one of its arms collapsed.

    `pilot` trials decided the run's length, where a wish for precision did.
    """

    combs: KeptCombs
    collapsed: Mapping[str, Set[str]]
    pilot: int | None

    def of(self, *arms: str) -> KeptCombs:
        """An arm that collapsed in a late trial has combs from before, but no gain."""
        return {
            key: combs
            for key, combs in self.combs.items()
            if not self.collapsed.get(key, frozenset()) & set(arms)
        }


@dataclass(frozen=True)
class _Sample:
    """One trial in one cell of the curve."""

    cell: Cell
    trial: int
    combs: int
    log_ratio: float
    wait_ratio: float


def curve_cells(plan: Plan) -> tuple[Cell, ...]:
    """The cells that differ from the headline cell in nothing but the round trip."""
    shared = plan.headline_cell.but_for("rtt_ms")
    return tuple(cell for cell in plan.cells if cell.but_for("rtt_ms") == shared)


def curve_of(plan: Plan, comparison: Comparison, believed: Believed) -> Curve | None:
    """The gain of one comparison along the claim's wait ratio; None where that ratio is unknown."""
    samples = _samples(plan, comparison, believed)
    rising = plan.claim is not None and comparison.baseline == plan.claim.baseline
    fitted = _fit(samples, believed.pilot, rising=rising)
    if fitted is None:
        return None
    line = list(
        zip(
            fitted.x,
            fitted.gain,
            fitted.low or [None] * len(fitted.x),
            fitted.high or [None] * len(fitted.x),
            strict=True,
        )
    )
    points = tuple(
        _point(cell, [sample for sample in samples if sample.cell == cell], believed.pilot)
        for cell in curve_cells(plan)
    )
    return Curve(
        baseline=comparison.baseline,
        candidate=comparison.candidate,
        points=tuple(point for point in points if point is not None),
        fit=tuple(line[::FIT_STEP]),
        gain_at=tuple(_gain_at(fitted, place) for place in (plan.claim.at_wait_ratios if plan.claim else ())),
    )


def crossing_figures(plan: Plan, believed: Believed, *, status: Status) -> CrossingFigures | None:
    """Find the claimed gain on the curve and hold its place against the band of the claim's set-up."""
    claim = plan.claim
    if claim is None:
        return None
    samples = _samples(plan, Comparison(baseline=claim.baseline, candidate=claim.candidate), believed)
    fitted = _fit(samples, believed.pilot, rising=True)
    if fitted is None:
        return None
    crossing = fitted.crossing(claim.gain)
    band = _band(claim.band) if claim.band else None
    judged = band if status == "valid" else None
    verdict = reproduced.judge_claim(crossing, judged) if judged else reproduced.Reproduction.UNRESOLVED
    refused = reproduced.refused_gains(fitted, judged) if judged else reproduced.Refused(None, None)
    measured = sorted({sample.cell.rtt_ms for sample in samples})
    wanting = verdict is not reproduced.Reproduction.NOT_REPRODUCED and fitted.low is not None
    return CrossingFigures(
        gain=claim.gain,
        baseline=claim.baseline,
        candidate=claim.candidate,
        verdict=verdict.value,
        wait_ratio=crossing.x,
        low=crossing.low,
        high=crossing.high,
        band=(band.low, band.high) if band else None,
        rtt_ms=_added_rtt_ms(crossing.x, samples),
        rtt_low_ms=_added_rtt_ms(crossing.low, samples),
        rtt_high_ms=_added_rtt_ms(crossing.high, samples),
        source=claim.source,
        sources=claim.band.sources if claim.band else (),
        notes=(
            *_notes(crossing, status, trials=fitted.trials),
            *(_missing(crossing, refused, judged, measured) if judged and wanting else ()),
        ),
        set_up=_set_up(claim.band) if claim.band else None,
        refused_below=refused.below,
        refused_above=refused.above,
    )


def _samples(plan: Plan, comparison: Comparison, believed: Believed) -> list[_Sample]:
    """One for each trial and cell; the claim's baseline, too, must have served there: it gives the place."""
    claim = plan.claim
    if claim is None:
        return []
    kept = believed.of(comparison.baseline, comparison.candidate, claim.baseline)
    samples = []
    for cell in curve_cells(plan):
        combs = kept.get(cell.key, ())
        baseline = {
            trial: (cpu, wait)
            for trial, cpu, wait in per_trial(combs, lambda group: _baseline_costs(plan, claim, group))
        }
        for ratio in trial_ratios(comparison, combs):
            cpu, wait = baseline[ratio.trial]
            if cpu and wait is not None:
                samples.append(_Sample(cell, ratio.trial, len(ratio.log_ratios), ratio.mean, wait / cpu))
    return samples


def _baseline_costs(
    plan: Plan, claim: Claim, combs: Sequence[Comb]
) -> tuple[int, float | None, float | None]:
    baseline, off_loop = claim.baseline, plan.off_loop(claim.baseline) or ()
    return combs[0].trial, cpu_ms(combs, baseline), loop_wait_ms(combs, baseline, off_loop)


def _fit(samples: Sequence[_Sample], pilot: int | None, *, rising: bool) -> curves.Curve | None:
    """Fit over each cell's mean wait ratio, so that all trials share the places where they were measured.

    Over the claim's baseline the gain must rise, since the wait stops that arm's loop and no other's.
    """
    places = {
        cell.key: _mean([sample.wait_ratio for sample in samples if sample.cell == cell])
        for cell in dict.fromkeys(sample.cell for sample in samples)
    }
    trials = [
        [
            curves.CurvePoint(places[sample.cell.key], sample.log_ratio, sample.combs)
            for sample in samples
            if sample.trial == trial
        ]
        for trial in sorted({sample.trial for sample in samples})
    ]
    return curves.fit_curve(trials, rising=rising, pilot=pilot)


def _point(cell: Cell, samples: Sequence[_Sample], pilot: int | None) -> CurvePoint | None:
    if not samples:
        return None
    gain = estimate_gain([sample.log_ratio for sample in samples], pilot=pilot)
    return CurvePoint(
        cell=cell.key,
        rtt_ms=cell.rtt_ms,
        wait_ratio=_mean([sample.wait_ratio for sample in samples]),
        gain=gain.gain,
        low=gain.low,
        high=gain.high,
    )


def _added_rtt_ms(wait_ratio: float | None, samples: Sequence[_Sample]) -> float | None:
    """The added round trip that gives this wait ratio here, between the cells that were measured."""
    if wait_ratio is None:
        return None
    cells = sorted(dict.fromkeys(sample.cell for sample in samples), key=lambda cell: cell.rtt_ms)
    places = [
        (_mean([sample.wait_ratio for sample in samples if sample.cell == cell]), cell.rtt_ms)
        for cell in cells
    ]
    for (x0, y0), (x1, y1) in pairwise(places):
        if x0 <= wait_ratio <= x1:
            return y0 + (y1 - y0) * (wait_ratio - x0) / (x1 - x0)
    return None


def _gain_at(fitted: curves.Curve, wait_ratio: float) -> GainAt:
    found = fitted.at(wait_ratio)
    return GainAt(
        wait_ratio=wait_ratio,
        gain=found.gain if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
    )


def _band(band: Band) -> reproduced.Band:
    return reproduced.wait_ratio_band(
        loop_trips=band.loop_trips, rtt_ms=band.rtt_ms, database_ms=band.database_ms, cpu_ms=band.cpu_ms
    )


def _set_up(band: Band) -> SetUp:
    return SetUp(
        cpu_ms=band.cpu_ms, rtt_ms=band.rtt_ms, database_ms=band.database_ms, loop_trips=band.loop_trips
    )


def _notes(crossing: curves.Crossing, status: Status, *, trials: int) -> tuple[str, ...]:
    notes = []
    if trials == 1:
        notes.append("a single trial gives no interval: more trials decide")
    if crossing.state is curves.CrossingState.BELOW:
        notes.append("the gain stays below the claim over the whole measured range")
    if crossing.state is curves.CrossingState.ABOVE:
        notes.append("the gain is above the claim already at the shortest round trip measured")
    if status == "invalid":
        notes.append("the run is invalid, so that nothing can be said of the claim")
    if status == "interrupted":
        notes.append("the run was interrupted: a part of it does not decide the claim")
    return tuple(notes)


def _missing(
    crossing: curves.Crossing, refused: reproduced.Refused, band: reproduced.Band, rtt_ms: Sequence[float]
) -> Iterator[str]:
    """Which cells would give the bounds that are unknown, and make the claim one that can be refused."""
    if crossing.low is None and rtt_ms[0] > 0:
        yield f"its lower bound is unknown: add cells below, {_flag((0.0, rtt_ms[0] / 2, *rtt_ms))}"
    elif crossing.low is None:
        cure = "" if crossing.x is None else ": more trials narrow the interval"
        yield f"its lower bound is unknown, and no cell lies below one without a delay{cure}"
    furthest = rtt_ms[-1] or FIRST_RTT_MS
    above = _flag((*rtt_ms, 2 * furthest, 4 * furthest))
    if crossing.high is None:
        yield f"its upper bound is unknown: add cells above, {above}"
    elif refused.above is None:
        yield (
            f"to refuse gains that are too high, the curve has to reach a wait ratio of {band.high:.2f}: "
            f"add cells above, {above}"
        )


def _flag(rtt_ms: Sequence[float]) -> str:
    """As it is typed: `--rtt` takes the place of the plan's round trips, so that the measured stay in it."""
    return f"--rtt {','.join(f'{rtt:g}' for rtt in rtt_ms)}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
