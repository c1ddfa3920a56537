"""What a sitting has measured so far, kept so that every page can be drawn from it at once.

Figures come from the same functions as a report's; only latencies are merged as they arrive, because decoding
all histograms anew after each block would take longer and longer. Starts nothing, writes nothing.
"""

import time
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gainbench.analyse import validity
from gainbench.analyse.arms import arm_figures
from gainbench.analyse.compare import trial_ratios
from gainbench.load import histogram
from gainbench.plan.model import Cell, Comparison, Plan
from gainbench.report import numbers
from gainbench.stats.estimate import Gain, estimate_gain
from gainbench.store.records import Block, Collapse, Window
from gainbench.store.results import RuleFigures
from gainbench.ui.protocol import INTERLEAVED, Entry, GainPoint, Lamp, Rate, Row, Start

SHOWN_WINDOWS = 240  # per arm
SHOWN_GAINS = 400
SHOWN_ENTRIES = 50
COLLAPSED = "collapsed"


@dataclass
class Condition:
    """All that was measured under one condition, over every run; an arm alone is another one."""

    cell: Cell
    mode: str
    blocks: list[Block] = field(default_factory=list)  # without their histograms
    latencies: dict[str, str | None] = field(default_factory=dict)
    collapses: dict[str, Collapse] = field(default_factory=dict)
    gains: deque[GainPoint] = field(default_factory=lambda: deque(maxlen=SHOWN_GAINS))

    @property
    def compared_blocks(self) -> int:
        return len(self.blocks) if self.mode == INTERLEAVED else 0

    def add(self, block: Block) -> None:
        self.blocks.append(without_histograms(block))
        if block.dropped:
            return
        for window in block.windows:
            merged = histogram.merge([self.latencies.get(window.arm), window.latency])
            self.latencies[window.arm] = merged


@dataclass
class Leg:
    """A stretch of one run of the test under one condition: a line of the history."""

    run: int
    order: Start
    cell: Cell
    began: str
    blocks: list[Block] = field(default_factory=list)

    def arms(self, plan: Plan) -> tuple[str, ...]:
        return plan.arm_names if self.order.mode == INTERLEAVED else (self.order.mode,)


@dataclass(frozen=True)
class Figures:
    """What the pages say of one condition, and of the sitting."""

    headline: str
    rows: tuple[Row, ...]
    lamps: tuple[Lamp, ...]
    gains: tuple[GainPoint, ...]
    history: tuple[Entry, ...]


class Ledger:
    """Blocks, windows and collapses of a sitting."""

    def __init__(self, plan: Plan, *, pinned: bool) -> None:
        self._plan = plan
        self._pinned = pinned
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._legs: list[Leg] = []
        self._rates: dict[str, deque[Rate]] = defaultdict(lambda: deque(maxlen=SHOWN_WINDOWS))
        self._figures: dict[tuple[str, str], Figures] = {}  # by condition, until something is added

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every one measured; the one with the most blocks, whatever they say, is the headline."""
        longest = max(
            self._conditions.values(),
            key=lambda condition: (condition.compared_blocks, len(condition.blocks)),
            default=None,
        )
        cells = {condition.cell.key: condition.cell for condition in self._conditions.values()}
        return tuple(
            cell.model_copy(update={"headline": longest is not None and key == longest.cell.key})
            for key, cell in cells.items()
        )

    @property
    def blocks(self) -> int:
        return sum(len(condition.blocks) for condition in self._conditions.values())

    def begin(self, run: int, order: Start, cell: Cell) -> None:
        """A run starts, or goes on under another condition."""
        self._figures.clear()
        self._legs.append(Leg(run, order, cell, time.strftime("%H:%M:%S")))

    def add_window(self, window: Window) -> None:
        self._rates[window.arm].append(Rate(round(window.started, 2), round(window.throughput_rps, 1)))

    def condition(self, cell: Cell) -> Condition:
        """What the latest run measures there."""
        mode = self._legs[-1].order.mode
        return self._conditions.setdefault((cell.key, mode), Condition(cell, mode))

    def add(self, cell: Cell, line: Block | Collapse) -> None:
        self._figures.clear()
        condition = self.condition(cell)
        if isinstance(line, Collapse):
            condition.collapses[line.arm] = line
            if self._headline_gain(condition) is None:
                condition.gains.clear()
            return
        condition.add(line)
        self._legs[-1].blocks.append(condition.blocks[-1])
        gain = self._headline_gain(condition)
        if gain is not None:
            last = line.windows[-1]
            at = round(last.started + last.seconds, 2)
            condition.gains.append(GainPoint(at, gain.gain, gain.low, gain.high))

    def rates(self) -> Mapping[str, tuple[Rate, ...]]:
        return {arm: tuple(self._rates[arm]) for arm in self._plan.arm_names}

    def figures(self, cell: Cell, mode: str) -> Figures:
        """Computed once for each block, however often the pages ask."""
        if (cell.key, mode) not in self._figures:
            condition = self._measured(cell, mode)
            lamps = self._lamps(cell, condition.blocks, condition.collapses)
            self._figures[cell.key, mode] = Figures(
                headline=self._headline(condition),
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
        """The latest first; a condition that was left before its first block is no part of it."""
        shown = [leg for leg in self._legs if leg.blocks or leg is self._legs[-1]]
        return tuple(self._entry(leg) for leg in reversed(shown[-SHOWN_ENTRIES:]))

    def _headline_gain(self, condition: Condition) -> Gain | None:
        comparison = self._plan.headline
        if comparison is None or _collapsed(comparison, condition):
            return None
        return _gain(comparison, _kept(condition.blocks))

    def _headline(self, condition: Condition) -> str:
        headline = self._plan.headline
        return "" if headline is None else self._gain_of(condition, headline.candidate)

    def _lamps(self, cell: Cell, blocks: Sequence[Block], gone: Container[str]) -> tuple[Lamp, ...]:
        evidence = validity.Evidence(
            cell=cell,
            arms=tuple(arm for arm in self._plan.arm_names if arm not in gone),
            blocks=tuple(blocks),
            kept=tuple(_kept(blocks)),
            pinned=self._pinned,
        )
        lamps = [_lamp(rule) for rule in validity.judge(evidence)]
        return (*lamps[:1], _steal_lamp(blocks), *lamps[1:])

    def _row(self, condition: Condition, arm: str, lamps: Sequence[Lamp]) -> Row:
        collapse = condition.collapses.get(arm)
        figures = arm_figures(arm, _kept(condition.blocks), collapse, self._plan.claim)
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
        return gain_text(_gain(comparison, _kept(condition.blocks)), lamps)

    def _entry(self, leg: Leg) -> Entry:
        arms = leg.arms(self._plan)
        rates = {arm: arm_figures(arm, _kept(leg.blocks), None, None).throughput_rps for arm in arms}
        return Entry(
            run=leg.run,
            began=leg.began,
            what=described(leg.order),
            blocks=_counted(leg.blocks),
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
        lamps = self._lamps(leg.cell, leg.blocks, condition.collapses)
        return gain_text(_gain(headline, _kept(leg.blocks)), lamps)


def without_histograms(block: Block) -> Block:
    windows = tuple(window.model_copy(update={"latency": None}) for window in block.windows)
    return block.model_copy(update={"windows": windows, "outside": ()})


def described(order: Start) -> str:
    users = numbers.several(order.users, "user")
    return f"{order.scenario}, {order.mode}, {users}, {numbers.plain(order.rtt_ms)} ms"


def _kept(blocks: Iterable[Block]) -> list[Block]:
    return [block for block in blocks if not block.dropped]


def gain_text(gain: Gain | None, lamps: Iterable[Lamp] = ()) -> str:
    """No bare ratio: an interval, or the word that there is none, and which rule is broken."""
    if gain is None:
        return numbers.UNKNOWN
    known = gain.low is not None and gain.high is not None
    interval = numbers.interval(gain.low, gain.high) if known else "no interval yet"
    broken = ", ".join(lamp.rule for lamp in lamps if lamp.ok is False)
    return f"{numbers.gain(gain.gain)} ({interval})" + (f", not to be used: {broken}" if broken else "")


def _gain(comparison: Comparison, kept: Sequence[Block]) -> Gain | None:
    means = [trial.mean for trial in trial_ratios(comparison, kept)]
    return estimate_gain(means) if means else None


def _collapsed(comparison: Comparison, condition: Condition) -> bool:
    return bool({comparison.baseline, comparison.candidate} & condition.collapses.keys())


def _counted(blocks: Sequence[Block]) -> str:
    dropped = sum(block.dropped is not None for block in blocks)
    return f"{len(blocks)} ({dropped} dropped)" if dropped else f"{len(blocks)}"


def _lamp(rule: RuleFigures) -> Lamp:
    if rule.value is None:
        return Lamp(rule.rule, None, "not known yet", rule.meaning)
    shown, limit = (
        (numbers.quantity(value, "ms") if rule.unit == "ms" else f"{numbers.percent(value)} {rule.unit}")
        for value in (rule.value, rule.limit)
    )
    meaning = rule.meaning if rule.ok else f"{rule.meaning}: {rule.cure}"
    return Lamp(rule.rule, rule.ok, f"{shown}; at most {limit}", meaning)


def _steal_lamp(blocks: Iterable[Block]) -> Lamp:
    """What other guests of the machine took from the arms' cores; a block that lost too much is dropped."""
    readings = [window.machine for block in blocks for window in block.windows]
    stolen = sum(reading.arms_steal_seconds or 0.0 for reading in readings)
    seconds = sum(reading.arms_cores_seconds or 0.0 for reading in readings)
    return _lamp(
        RuleFigures(
            rule="steal",
            ok=not seconds or stolen / seconds <= validity.MOST_STEAL,
            value=stolen / seconds if seconds else None,
            limit=validity.MOST_STEAL,
            unit="of the arms' cores",
            meaning="time that the machine's other guests took away from the arms",
            cure=validity.QUIETER,
        )
    )
