"""From the runs that a forecast rests on to its figures, intervals and errors. Pure.

An interval holds what the trials scatter, of the app and of the exchange of drivers, and where forecasts were
held against cells that were measured, by how much those were off.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median, stdev

import scipy

from gainbench.analyse.arms import cpu_ms, loop_wait_ms, throughput_rps, trips
from gainbench.analyse.forecast import Exchange, Looks, Needs, Pair, Served, Sight, Style, exchange_of, served
from gainbench.analyse.turns import kept_combs
from gainbench.analyse.validity.work import ROUND_TRIPS_DIFFER
from gainbench.errors import ConfigurationError, InvalidMeasurement
from gainbench.plan.condition import Condition
from gainbench.plan.model import Cell, Plan
from gainbench.stats.estimate import FEWEST_FOR_INTERVAL
from gainbench.store.reading import StoredRun
from gainbench.store.records import Comb, Question
from gainbench.store.results import (
    CellFigures,
    CheckFigures,
    ExchangeFigures,
    ForecastFigures,
    MeasuredPair,
    NeedsFigures,
    PredictionFigures,
    Results,
)

CONFIDENCE = 0.95
BEYOND = 0.05  # a gain whose sign has to be right

Trials = tuple[int, ...]


@dataclass(frozen=True)
class SeenArm:
    """What is known of an arm, in all and by trial."""

    name: str
    looks: Looks
    needs: Needs
    by_trial: tuple[Needs, ...]


@dataclass(frozen=True)
class Exchanged:
    """What the other driver changes, in all and by trial."""

    exchange: Exchange
    by_trial: tuple[Exchange, ...]


def sight(
    run: StoredRun, cell: Cell, arm: str, trials: Trials | None = None, said: float | None = None
) -> Sight:
    """An arm under one condition, in these trials or in all. `said`: the trips of its request."""
    combs = [comb for comb in kept_combs(run.compared(cell.key)) if arm in comb.arms]
    chosen = [comb for comb in combs if trials is None or comb.trial in trials]
    rate, used_ms, waited_ms = throughput_rps(chosen, arm), cpu_ms(chosen, arm), loop_wait_ms(chosen, arm, ())
    if not rate or not used_ms:
        raise InvalidMeasurement(
            f"{arm} has no figures in {cell.key}, on which a forecast would rest",
            cure="the part's own report, below parts/, says why",
        )
    return Sight(
        users=cell.users,
        rtt_ms=cell.rtt_ms,
        rate=rate / 1000,
        cpu_ms=used_ms,
        # Where nobody sees the database, a connection may be held for all that is not CPU time.
        wait_ms=max(cell.users / rate * 1000 - used_ms, 0.0) if waited_ms is None else waited_ms,
        trips=(trips(chosen, arm) if said is None else said) or 0.0,
    )


def whole_trials(run: StoredRun, cells: Sequence[Cell], arm: str) -> list[int]:
    """Those in which the arm was seen in each of these cells."""
    found = [_trials_of(kept_combs(run.compared(cell.key)), arm) for cell in cells]
    return sorted(set.intersection(*found)) if found else []


def _trials_of(combs: Sequence[Comb], arm: str) -> set[int]:
    return {comb.trial for comb in combs if arm in comb.arms}


def seen_arm(run: StoredRun, arm: str, question: Question) -> SeenArm:
    """An arm in the cells that the forecast rests on; what else was measured is not looked at."""
    by_condition = {cell.condition.key: cell for cell in run.plan.cells}
    cells = [by_condition[condition.key] for condition in question.seen]
    trials = whole_trials(run, cells, arm)

    def looks(chosen: Trials | None) -> Looks:
        return Looks(*(sight(run, cell, arm, chosen, question.trips) for cell in cells))

    in_all = looks(None)
    needs = in_all.needs()
    by_trial = tuple(looks((trial,)).needs(needs.style) for trial in trials)  # how it serves, all trials say
    return SeenArm(arm, in_all, needs, by_trial)


def exchanged(run: StoredRun, baseline: str, candidate: str) -> Exchanged:
    """From the part with the apps in both forms: two scenarios, each by one user and by several."""
    arms = (baseline, candidate)
    both = [set(whole_trials(run, run.plan.cells, arm)) for arm in arms]
    scenarios = dict.fromkeys(cell.scenario for cell in run.plan.cells)

    def pair(scenario: str, chosen: Trials | None) -> Pair:
        cells = sorted((one for one in run.plan.cells if one.scenario == scenario), key=lambda one: one.users)
        alone, several = (
            (sight(run, cell, arms[0], chosen), sight(run, cell, arms[1], chosen)) for cell in cells
        )
        return Pair(alone, several)

    def exchange(chosen: Trials | None) -> Exchange:
        return exchange_of(*(pair(scenario, chosen) for scenario in scenarios))

    return Exchanged(exchange(None), tuple(exchange((trial,)) for trial in sorted(set.intersection(*both))))


@dataclass(frozen=True)
class Forecaster:
    """Says what one arm would gain. `gain_error` is of a check, this run's or an earlier one's."""

    arm: SeenArm
    exchanged: Exchanged
    question: Question
    gain_error: float | None = None

    def asked(self) -> Iterator[PredictionFigures]:
        for number, condition in enumerate(self.question.conditions):
            yield self._at(condition, here=number == 0)

    def checked(self, cells: Sequence[CellFigures]) -> Iterator[PredictionFigures]:
        """What was measured to check it by, beside what would have been said."""
        for cell in cells:
            measured = measured_pair(cell, self.arm.name, self.question.candidate)
            yield self._at(cell.condition, measured=measured)

    def _at(
        self, condition: Condition, *, here: bool = False, measured: MeasuredPair | None = None
    ) -> PredictionFigures:
        first, second = self._served(self.arm.needs, self.exchanged.exchange, condition)
        gain = second.rate_rps / first.rate_rps - 1 if first.rate_rps and second.rate_rps else None
        low, high = (None, None) if gain is None else self._interval(condition, math.log1p(gain))
        return PredictionFigures(
            condition=condition,
            baseline=self.arm.name,
            candidate=self.question.candidate,
            baseline_rps=first.rate_rps,
            candidate_rps=second.rate_rps,
            gain=gain,
            low=low,
            high=high,
            baseline_bound=first.bound,
            candidate_bound=second.bound,
            reason=first.reason or second.reason,
            here=here,
            measured=measured,
        )

    def _served(self, needs: Needs, exchange: Exchange, condition: Condition) -> tuple[Served, Served]:
        """With the driver it has, and with the other."""
        cores, threads = self.question.cores, self.question.threads
        both = needs, needs.with_driver(exchange)
        first, second = (served(one, condition, cores=cores, threads=threads) for one in both)
        return first, second

    def _interval(self, condition: Condition, log_gain: float) -> tuple[float | None, float | None]:
        """The scatter of the app's trials and that of the exchange's, as two sources of their own."""
        by_trial = [self._log_gain(needs, self.exchanged.exchange, condition) for needs in self.arm.by_trial]
        by_exchange = [self._log_gain(self.arm.needs, one, condition) for one in self.exchanged.by_trial]
        sources = [[one for one in source if one is not None] for source in (by_trial, by_exchange)]
        fewest = min(map(len, sources))
        if fewest < FEWEST_FOR_INTERVAL:
            return None, None
        # Few trials say little of their own scatter; how far forecasts are off, many cells have said.
        by_trials = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, fewest - 1)
        by_model = scipy.stats.norm.ppf((1 + CONFIDENCE) / 2)
        variance = sum(stdev(source) ** 2 / len(source) for source in sources)
        half = math.hypot(by_trials * math.sqrt(variance), by_model * (self.gain_error or 0.0))
        return math.expm1(log_gain - half), math.expm1(log_gain + half)

    def _log_gain(self, needs: Needs, exchange: Exchange, condition: Condition) -> float | None:
        first, second = self._served(needs, exchange, condition)
        if not first.rate_rps or not second.rate_rps:
            return None
        return math.log(second.rate_rps / first.rate_rps)


def needs_figures(arm: SeenArm) -> NeedsFigures:
    looks, needs = arm.looks, arm.needs
    near = looks.several.rtt_ms
    return NeedsFigures(
        arm=arm.name,
        serves="threads" if needs.loop is None else "event loop",
        trips=needs.trips,
        near_ms=near,
        far_ms=looks.several_far.rtt_ms,
        users=looks.several.users,
        alone_rps=looks.alone.rate * 1000,
        several_rps=looks.several.rate * 1000,
        cpu_alone_ms=needs.alone(near),
        cpu_busy_ms=needs.busy(near),
        delay_ms=needs.delay(near),
        loop_ms=None if needs.loop is None else needs.loop(near),
        misfit=looks.misfit(),
    )


def exchange_figures(run: StoredRun, baseline: str, candidate: str) -> Iterator[ExchangeFigures]:
    for cell in run.plan.cells:
        before, after = (sight(run, cell, arm) for arm in (baseline, candidate))
        yield ExchangeFigures(
            scenario=cell.scenario,
            users=cell.users,
            baseline=baseline,
            candidate=candidate,
            trips=before.trips,
            before_ms=before.demand_ms,
            after_ms=after.demand_ms,
        )


def measured_pair(cell: CellFigures, baseline: str, candidate: str) -> MeasuredPair:
    """What a run has of the pair; whichever of the two stands first in its own comparisons."""
    first, second = cell.arms[baseline].throughput_rps, cell.arms[candidate].throughput_rps
    found = next(one for one in cell.comparisons if (one.baseline, one.candidate) == (baseline, candidate))
    return MeasuredPair(
        baseline_rps=first,
        candidate_rps=second,
        gain=found.gain,
        low=found.low,
        high=found.high,
        verdict=found.verdict,
    )


def check_figures(found: Sequence[PredictionFigures]) -> CheckFigures | None:
    """Of forecasts for conditions that were measured, and on which no forecast rests."""
    errors, gains, signs = [], [], []
    cells = set()
    for one in found:
        measured = one.measured
        if measured is None or measured.verdict == "invalid":
            continue
        sides = ((one.baseline_rps, measured.baseline_rps), (one.candidate_rps, measured.candidate_rps))
        found_off = [abs(forecast / truth - 1) for forecast, truth in sides if forecast and truth]
        if not found_off:
            continue
        cells.add(one.condition.key)
        errors += found_off
        if one.gain is not None and measured.gain is not None:
            gains.append(math.log((1 + one.gain) / (1 + measured.gain)))
            signs += [(one.gain > 0) == (measured.gain > 0)] if abs(measured.gain) > BEYOND else []
    if not errors or not gains:
        return None
    return CheckFigures(
        cells=len(cells),
        figures=len(errors),
        median_error=median(errors),
        worst_error=max(errors),
        signs_right=sum(signs),
        signs=len(signs),
        gain_error=math.sqrt(sum(gain**2 for gain in gains) / len(gains)),
    )


def forecast_figures(
    question: Question, app: StoredRun, exchange: StoredRun, measured: Results
) -> ForecastFigures:
    """Of each arm that has the old driver. What of the app was not seen for it is there to check it by."""
    candidate = pair_candidate(exchange.plan)
    arms = [seen_arm(app, name, question) for name in question.arms]
    baselines = [pair_baseline(exchange.plan, arm.needs.style) for arm in arms]
    exchanges = {name: exchanged(exchange, name, candidate) for name in dict.fromkeys(baselines)}
    makers = [
        Forecaster(arm, exchanges[baseline], question) for arm, baseline in zip(arms, baselines, strict=True)
    ]
    seen = {condition.key for condition in question.seen}
    cells = [cell for cell in measured.cells if cell.condition.key not in seen]
    check = check_figures([found for maker in makers for found in maker.checked(cells)])
    gain_error = question.gain_error if check is None else check.gain_error
    makers = [replace(maker, gain_error=gain_error) for maker in makers]
    return ForecastFigures(
        candidate=question.candidate,
        scenario=question.scenario,
        needs=tuple(map(needs_figures, arms)),
        exchange=tuple(found for name in exchanges for found in exchange_figures(exchange, name, candidate)),
        predictions=(
            *(found for maker in makers for found in maker.asked()),
            *(found for maker in makers for found in maker.checked(cells)),
        ),
        check=check,
    )


def pair_candidate(plan: Plan) -> str:
    """The form of the app that has the other driver: what its plan measures against all others."""
    return plan.arm_names[-1] if plan.headline is None else plan.headline.candidate


def pair_baseline(plan: Plan, style: Style) -> str:
    """The form that serves as the app does: in threads, or with an event loop that stands still."""
    candidate = pair_candidate(plan)
    others = [arm.name for arm in plan.arms if arm.name != candidate]
    waits = {name: plan.off_loop(name) is not None for name in others}
    fitting = [name for name in others if waits[name] == (style == "loop")]
    if not fitting:
        kind = "waits for its database in the event loop" if style == "loop" else "serves in threads"
        raise ConfigurationError(
            f"the app {kind}, and no arm of the exchange's plan does",
            cure="name a plan with --exchange whose arms are such an app before and after",
        )
    return fitting[0]


def broken_rules(part: str, cells: Iterable[CellFigures]) -> Iterator[str]:
    """What of these cells cannot be believed. How two arms compare there is of no interest here."""
    for cell in cells:
        for rule in cell.validity:
            if rule.is_broken and rule.rule != ROUND_TRIPS_DIFFER:
                yield f"{part}, {cell.condition.short()}: “{rule.rule}” is broken: {rule.meaning}"
