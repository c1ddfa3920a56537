"""What a sitting has measured so far, kept so that every page can be drawn from it at once.

Figures come from the same functions as a report's; only latencies are merged as they arrive, because decoding
all histograms anew after each comb would take longer and longer. Starts nothing, writes nothing.
"""

import time
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gainbench.analyse.arms import arm_figures
from gainbench.analyse.compare import trial_ratios
from gainbench.analyse.turns import kept_combs
from gainbench.analyse.validity import judge
from gainbench.analyse.validity.evidence import Evidence
from gainbench.load import histogram
from gainbench.plan.model import Cell, Comparison, Plan
from gainbench.report import limits, numbers
from gainbench.stats.estimate import Gain, estimate_gain
from gainbench.store.records import Collapse, Comb
from gainbench.store.results import RuleFigures
from gainbench.ui.protocol import INTERLEAVED, Entry, GainPoint, Lamp, Rate, Row, Start

SHOWN_RATES = 240  # per arm
SHOWN_GAINS = 400
SHOWN_ENTRIES = 50
COLLAPSED = "collapsed"


@dataclass
class Condition:
    """All that was measured under one condition, over every run; an arm alone is another one."""

    cell: Cell
    mode: str
    combs: list[Comb] = field(default_factory=list)  # without their histograms
    latencies: dict[str, str | None] = field(default_factory=dict)
    collapses: dict[str, Collapse] = field(default_factory=dict)
    gains: deque[GainPoint] = field(default_factory=lambda: deque(maxlen=SHOWN_GAINS))

    @property
    def compared_combs(self) -> int:
        return len(self.combs) if self.mode == INTERLEAVED else 0

    def add(self, comb: Comb) -> None:
        self.combs.append(without_histograms(comb))
        if comb.dropped:
            return
        for arm, reading in comb.arms.items():
            self.latencies[arm] = histogram.merge([self.latencies.get(arm), reading.load.latency])


@dataclass
class Leg:
    """A stretch of one run of the test under one condition: a line of the history."""

    run: int
    order: Start
    cell: Cell
    began: str
    combs: list[Comb] = field(default_factory=list)

    def arms(self, plan: Plan) -> tuple[str, ...]:
        return plan.arm_names if self.order.mode == INTERLEAVED else (self.order.mode,)


@dataclass(frozen=True)
class Figures:
    """What the pages say of one condition, and of the sitting."""

    headline: str
    is_sure: bool
    rows: tuple[Row, ...]
    lamps: tuple[Lamp, ...]
    gains: tuple[GainPoint, ...]
    history: tuple[Entry, ...]


class Ledger:
    """Combs and collapses of a sitting."""

    def __init__(self, plan: Plan, *, pinned: bool) -> None:
        self._plan = plan
        self._pinned = pinned
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._legs: list[Leg] = []
        self._rates: dict[str, deque[Rate]] = defaultdict(lambda: deque(maxlen=SHOWN_RATES))
        self._figures: dict[tuple[str, str], Figures] = {}  # by condition, until something is added

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every one measured; the one with the most combs, whatever they say, is the headline."""
        longest = max(
            self._conditions.values(),
            key=lambda condition: (condition.compared_combs, len(condition.combs)),
            default=None,
        )
        cells = {condition.cell.key: condition.cell for condition in self._conditions.values()}
        return tuple(
            cell.model_copy(update={"headline": longest is not None and key == longest.cell.key})
            for key, cell in cells.items()
        )

    @property
    def combs(self) -> int:
        return sum(len(condition.combs) for condition in self._conditions.values())

    def begin(self, run: int, order: Start, cell: Cell) -> None:
        """A run starts, or goes on under another condition."""
        self._figures.clear()
        self._legs.append(Leg(run, order, cell, time.strftime("%H:%M:%S")))

    def add_turns(self, comb: Comb) -> None:
        """What each arm served in a comb, one that warms up too."""
        for arm in comb.arms:
            rate = comb.throughput_rps(arm)
            if rate is not None:
                self._rates[arm].append(Rate(round(comb.started, 2), round(rate, 1), len(self._legs)))

    def condition(self, cell: Cell) -> Condition:
        """What the latest run measures there."""
        mode = self._legs[-1].order.mode
        return self._conditions.setdefault((cell.key, mode), Condition(cell, mode))

    def combs_of(self, cell: Cell, mode: str) -> Sequence[Comb]:
        """All that were measured there, over every run."""
        return self._measured(cell, mode).combs

    def add(self, cell: Cell, line: Comb | Collapse) -> None:
        self._figures.clear()
        condition = self.condition(cell)
        if isinstance(line, Collapse):
            condition.collapses[line.arm] = line
            if self._headline_gain(condition) is None:
                condition.gains.clear()
            return
        condition.add(line)
        self._legs[-1].combs.append(condition.combs[-1])
        gain = self._headline_gain(condition)
        if gain is not None:
            at = round(line.started + line.seconds, 2)
            condition.gains.append(GainPoint(len(self._legs), at, gain.gain, gain.low, gain.high))

    def rates(self) -> Mapping[str, tuple[Rate, ...]]:
        return {arm: tuple(self._rates[arm]) for arm in self._plan.arm_names}

    def figures(self, cell: Cell, mode: str) -> Figures:
        """Computed once for each comb, however often the pages ask."""
        if (cell.key, mode) not in self._figures:
            condition = self._measured(cell, mode)
            lamps = self._lamps(cell, condition.combs, condition.collapses)
            self._figures[cell.key, mode] = Figures(
                headline=self._headline(condition, mode),
                is_sure=self._is_sure(condition, lamps),
                rows=tuple(self._row(condition, arm, lamps) for arm in self._plan.arm_names),
                lamps=lamps,
                gains=tuple(condition.gains),
                history=self._history(),
            )
        return self._figures[cell.key, mode]

    def _measured(self, cell: Cell, mode: str) -> Condition:
        """Empty while nothing has been measured under it."""
        return self._conditions.get((cell.key, mode)) or Condition(cell, mode)

    def _history(self) -> tuple[Entry, ...]:
        """The latest first; a condition that was left before its first comb is no part of it."""
        shown = [leg for leg in self._legs if leg.combs or leg is self._legs[-1]]
        return tuple(self._entry(leg) for leg in reversed(shown[-SHOWN_ENTRIES:]))

    def _headline_gain(self, condition: Condition) -> Gain | None:
        comparison = self._plan.headline
        if comparison is None or _collapsed(comparison, condition):
            return None
        return _gain(comparison, _kept(condition.combs))

    def kept(self, cell: Cell, mode: str) -> int:
        """How many combs count there."""
        return len(_kept(self.combs_of(cell, mode)))

    def _headline(self, condition: Condition, mode: str) -> str:
        """The gain; of an arm alone, what it serves."""
        headline = self._plan.headline
        if mode != INTERLEAVED:
            return self._row(condition, mode, ()).throughput
        return "" if headline is None else self._gain_of(condition, headline.candidate)

    def _is_sure(self, condition: Condition, lamps: Iterable[Lamp]) -> bool:
        """Whether an interval holds the gain apart from 0, and no rule is broken."""
        gain = self._headline_gain(condition)
        if gain is None or gain.low is None or gain.high is None:
            return False
        return not gain.low <= 0 <= gain.high and not any(lamp.ok is False for lamp in lamps)

    def _lamps(self, cell: Cell, combs: Sequence[Comb], gone: Container[str]) -> tuple[Lamp, ...]:
        evidence = Evidence(
            cell=cell,
            arms=tuple(arm for arm in self._plan.arm_names if arm not in gone),
            combs=tuple(combs),
            kept=tuple(_kept(combs)),
            pinned=self._pinned,
        )
        return tuple(_lamp(rule) for rule in judge(evidence))

    def _row(self, condition: Condition, arm: str, lamps: Sequence[Lamp]) -> Row:
        collapse = condition.collapses.get(arm)
        figures = arm_figures(arm, _kept(condition.combs), collapse, self._plan.off_loop(arm))
        p50, p95, p99 = histogram.quantiles_ms(condition.latencies.get(arm), (0.5, 0.95, 0.99))
        return Row(
            arm=arm,
            throughput=collapse.state if collapse else numbers.rate(figures.throughput_rps),
            failures=numbers.count(figures.errors) if figures.requests else numbers.UNKNOWN,
            p50=numbers.ms(p50),
            p95=numbers.ms(p95),
            p99=numbers.ms(p99),
            cpu=numbers.ms(figures.cpu_ms_per_request),
            gain=self._gain_of(condition, arm, lamps),
        )

    def _gain_of(self, condition: Condition, arm: str, lamps: Iterable[Lamp] = ()) -> str:
        """Over the baseline, which itself has none."""
        headline = self._plan.headline
        if headline is None or arm == headline.baseline:
            return "baseline" if headline else numbers.UNKNOWN
        comparison = Comparison(baseline=headline.baseline, candidate=arm)
        if _collapsed(comparison, condition):
            return COLLAPSED
        return gain_text(_gain(comparison, _kept(condition.combs)), lamps)

    def _entry(self, leg: Leg) -> Entry:
        arms = leg.arms(self._plan)
        rates = {arm: arm_figures(arm, _kept(leg.combs), None, None).throughput_rps for arm in arms}
        return Entry(
            run=leg.run,
            began=leg.began,
            what=described(leg.order),
            combs=_counted(leg.combs),
            throughputs=", ".join(f"{arm} {numbers.rate(rate)}" for arm, rate in rates.items()),
            gain=self._gain_of_leg(leg),
        )

    def _gain_of_leg(self, leg: Leg) -> str:
        """No gain from under a condition that an arm does not stand, whichever run of it showed that."""
        headline = self._plan.headline
        if headline is None or not {headline.baseline, headline.candidate} <= set(leg.arms(self._plan)):
            return numbers.UNKNOWN
        condition = self._measured(leg.cell, leg.order.mode)
        if _collapsed(headline, condition):
            return COLLAPSED
        lamps = self._lamps(leg.cell, leg.combs, condition.collapses)
        return gain_text(_gain(headline, _kept(leg.combs)), lamps)


def without_histograms(comb: Comb) -> Comb:
    """What is kept of a comb for hours: the figures need no more."""
    arms = {
        arm: reading.model_copy(update={"load": reading.load.model_copy(update={"latency": None})})
        for arm, reading in comb.arms.items()
    }
    return comb.model_copy(update={"arms": arms, "outside": ()})


def described(order: Start) -> str:
    users = numbers.several(order.users, "user")
    return f"{order.scenario}, {order.mode}, {users}, {numbers.plain(order.rtt_ms)} ms"


def _kept(combs: Sequence[Comb]) -> list[Comb]:
    return list(kept_combs(combs))


def gain_text(gain: Gain | None, lamps: Iterable[Lamp] = ()) -> str:
    """No bare ratio: an interval, or the word that there is none, and which rule is broken."""
    if gain is None:
        return numbers.UNKNOWN
    known = gain.low is not None and gain.high is not None
    interval = numbers.interval(gain.low, gain.high) if known else "no interval yet"
    broken = ", ".join(lamp.rule for lamp in lamps if lamp.ok is False)
    return f"{numbers.gain(gain.gain)} ({interval})" + (f", not to be used: {broken}" if broken else "")


def _gain(comparison: Comparison, kept: Sequence[Comb]) -> Gain | None:
    means = [trial.mean for trial in trial_ratios(comparison, kept)]
    return estimate_gain(means) if means else None


def _collapsed(comparison: Comparison, condition: Condition) -> bool:
    return bool({comparison.baseline, comparison.candidate} & condition.collapses.keys())


def _counted(combs: Sequence[Comb]) -> str:
    dropped = sum(comb.dropped is not None for comb in combs)
    return f"{len(combs)} ({dropped} dropped)" if dropped else f"{len(combs)}"


def _lamp(rule: RuleFigures) -> Lamp:
    """A note beyond its limit goes neither red, for it breaks nothing, nor green."""
    if rule.value is None:
        return Lamp(rule.rule, None, "not known yet", rule.meaning)
    unit = f" {rule.unit}" if limits.is_share(rule) else ""
    bound = limits.bound(rule) if rule.at_least else f"at most {limits.bound(rule)}"
    meaning = rule.meaning if rule.ok else f"{rule.meaning}: {rule.cure}"
    is_noted = rule.is_note and not rule.ok
    remark = "; worth a look, breaks nothing" if is_noted else ""
    ok = None if is_noted else not rule.is_broken
    return Lamp(rule.rule, ok, f"{limits.value(rule)}{unit}; {bound}{remark}", meaning)
