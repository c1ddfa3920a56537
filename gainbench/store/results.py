"""The derived figures of a run, as ``results.json`` holds them. Rebuilt from the raw record at any time.

A gain is a fraction, a duration ends in its unit, an unknown is None. Keys may be added; none
changes meaning.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from gainbench.plan.condition import Condition
from gainbench.plan.model import ColourName
from gainbench.store.environment import Environment
from gainbench.store.records import Outcome, Record, Timeline

State = Literal["ok", "collapsed", "failed"]
Status = Literal["valid", "invalid", "interrupted"]
Verdict = Literal["faster", "slower", "no difference", "unresolved", "invalid", "collapsed"]
LatencyVerdict = Literal[
    "lower latency", "higher latency", "no difference", "unresolved", "invalid", "collapsed"
]
ProofVerdict = Literal["right", "wrong", "refused"]
ClaimVerdict = Literal["confirmed", "refuted", "depends", "not shown"]
Regime = Literal[
    "CPU-bound", "loop-blocked", "thread-capped", "pool-capped", "waiting", "collapsed", "unknown"
]
Reproduction = Literal["reproduced", "not reproduced", "unresolved"]


TURNAROUND = "generator's turnaround"
"""The rule that notes where it is long: the report then says what it does to the gain."""


USERS_REST = 0.5
"""Of the users' time: where more of it passes between requests, the arms are not as busy as they can be."""


class RunFacts(Record):
    id: str
    started: str
    seconds: float
    profile: str
    seed: int
    status: Status


class Quantiles(Record):
    p50: float | None
    p99: float | None


class Latency(Record):
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class ArmFigures(Record):
    """One arm in one cell. Rates count successes; costs are per request, whether answered or failed.

    Where more requests failed than the rule of validity allows, the costs are None.
    """

    state: State
    throughput_rps: float | None
    low: float | None
    high: float | None
    trials_rps: tuple[float, ...]
    cpu_ms_per_request: float | None
    cpu_ms_trials: tuple[float, ...]
    wait_ms_per_request: float | None
    loop_wait_ms_per_request: float | None
    trips_per_request: float | None
    bytes_per_request: float | None
    switches_per_request: float | None
    run_queue_ms_per_request: float | None
    memory_mib: float | None
    requests_per_cpu_second: float | None
    in_flight: float | None  # requests, on average, while the arm was measured
    turnaround_ms: float | None  # the generator's own, from a response to the next request
    errors: int
    failures: Mapping[str, int]
    requests: int
    latency_ms: Latency


class LatencyFigures(Record):
    """A quantile of candidate over baseline at the same rate, as a fraction: -0.2 is a fifth less."""

    quantile: float
    change: float | None
    low: float | None
    high: float | None
    verdict: LatencyVerdict


class ComparisonFigures(Record):
    """A candidate held against a baseline in one cell. `gain` is None where an arm collapsed."""

    baseline: str
    candidate: str
    gain: float | None
    low: float | None
    high: float | None
    confidence: float
    half_width: float | None  # as a share of the ratio: 0.02 is +-2 % of 1.40
    headline: bool
    trials: int
    blocks: int  # combs in which both arms answered
    trial_gains: tuple[float, ...]
    verdict: Verdict
    smallest_detectable: float | None
    sign_flip_p: float | None
    sd_within: float | None  # of the log ratio, between combs of a trial
    sd_between: float | None  # of the log ratio, between trials
    drift_per_minute: float | None
    expected_gain: float | None  # of a control, from the CPU measured
    gain_without_turnaround: float | None  # the other end of what the generator's own time may do to it
    notes: tuple[str, ...]
    latency: tuple[LatencyFigures, ...] = ()  # of an open loop: there the rates are equal by construction


class RequestArm(Record):
    """One request name at one arm."""

    requests: int
    failures: int
    latency_ms: Latency


class RequestFigures(Record):
    """One request name of the Locust file. `p50` is the headline pair's change of its median."""

    name: str
    arms: Mapping[str, RequestArm]
    p50: LatencyFigures | None
    stands_out: bool  # that change is surely beyond the plan's margin


class RuleFigures(Record):
    """A validity rule, the value it saw and the limit it holds."""

    rule: str
    ok: bool
    value: float | None
    limit: float
    unit: str
    meaning: str  # why it matters
    cure: str  # what to do where it is broken
    at_least: bool = False  # the value must not be below the limit; else not above it
    is_note: bool = False  # it tells the reader something, and breaks nothing

    @property
    def is_broken(self) -> bool:
        return not self.ok and not self.is_note


class TurnFigures(Record):
    """How long the turns of a cell were, as a rule."""

    guard_ms: float
    window_ms: float
    drain_ms: float
    turns_per_comb: int
    arms_idle_ms: float  # the longest that an arm stood idle within a comb


class ControlFacts(Record):
    """An arm that was slowed on purpose, and by how much of its CPU time."""

    arm: str
    share: float


class ArmFacts(Record):
    """What the plan says of an arm that a report must know."""

    twin_of: str | None  # another arm, whose code this is with its handlers in threads
    origin: str | None = None  # which commit it is, where two of them are compared
    colour: ColourName | None


class UnderCondition(Record):
    """Figures of one condition, whose parts stand among them in the file."""

    condition: Condition

    @model_validator(mode="before")
    @classmethod
    def _with_condition(cls, table: Any) -> Any:
        flat = isinstance(table, Mapping) and "condition" not in table
        return Condition.from_flat(table) if flat else table

    @model_serializer(mode="wrap")
    def _flat(self, serialised: SerializerFunctionWrapHandler) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for key, value in serialised(self).items():
            flat |= self.condition.flat() if key == "condition" else {key: value}
        return flat


class CellFigures(UnderCondition):
    key: str
    scenario: str
    headline: bool
    rtt_measured_ms: Quantiles
    arms: Mapping[str, ArmFigures]
    comparisons: tuple[ComparisonFigures, ...]
    repeatability: Mapping[str, float | None]
    validity: tuple[RuleFigures, ...]
    combs_measured: int
    combs_dropped: int
    dropped_for: Mapping[str, int]  # how many for which reason
    turns: TurnFigures | None
    requests: tuple[RequestFigures, ...] = ()  # by how often they were sent
    settling: Mapping[str, tuple[float, ...]]  # by arm: the rate within the turn, over its mean

    def cycle_ms(self, arm: str) -> float | None:
        """From one request of a user to its next, think time included; an open loop has no such thing."""
        rate = self.arms[arm].throughput_rps
        return self.condition.users / rate * 1000 if rate and self.condition.rate_rps is None else None

    def resting_share(self) -> float | None:
        """How much of the users' time passed between their requests, at the arm that was asked least."""
        if self.condition.rate_rps is not None:
            return None
        known = [arm.in_flight for arm in self.arms.values() if arm.in_flight is not None]
        return max(1 - min(known) / self.condition.users, 0.0) if known else None

    def turnaround_share(self, arm: str) -> float | None:
        """What of an arm's cycle is the generator's own time."""
        own, cycle = self.arms[arm].turnaround_ms, self.cycle_ms(arm)
        return own / cycle if own is not None and cycle else None


class CurvePoint(Record):
    """A cell's place on the curve: measured wait ratio and gain, with interval."""

    cell: str
    rtt_ms: float
    wait_ratio: float
    gain: float
    low: float | None
    high: float | None


class GainAt(Record):
    """The gain at a wait ratio named in the plan; unknown outside the measured range."""

    wait_ratio: float
    gain: float | None
    low: float | None
    high: float | None


class Curve(Record):
    """The gain of one comparison along the wait ratio, with the fitted line and its band."""

    baseline: str
    candidate: str
    points: tuple[CurvePoint, ...]
    fit: tuple[tuple[float, float, float | None, float | None], ...]  # wait ratio, gain, low, high
    gain_at: tuple[GainAt, ...] = ()


class SetUp(Record):
    """What the plan says of the published set-up, lowest and highest: the band's wait ratios come from it."""

    cpu_ms: tuple[float, float]
    rtt_ms: tuple[float, float]
    database_ms: tuple[float, float]
    loop_trips: float


class CrossingFigures(Record):
    """Where the claimed gain lies on the curve measured here. `wait_ratio` None: it was not crossed."""

    gain: float
    baseline: str
    candidate: str
    verdict: Reproduction
    wait_ratio: float | None
    low: float | None
    high: float | None
    band: tuple[float, float] | None
    rtt_ms: float | None
    rtt_low_ms: float | None
    rtt_high_ms: float | None
    source: str | None
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    set_up: SetUp | None = None
    # Published gains beyond these would not have been reproduced here; None: the curve could refuse none.
    refused_below: float | None = None
    refused_above: float | None = None


class CollapseFigures(Record):
    """An arm that stopped serving, summed up; the stacks are in the raw record and in `logs/`."""

    cell: str
    arm: str
    state: Literal["collapsed", "failed"]
    trials: int
    after_seconds: float  # into the run, the first time
    reason: str
    exit_status: int | None  # of its process, if that has ended; minus a signal's number
    stacks: str | None


class HeldRate(Record):
    """The highest rate an arm held with its p99 from the planned start below the limit, as a bracket."""

    arm: str
    limit_ms: float
    held_rps: float | None
    missed_rps: float | None
    generator_bound: bool  # the generator lagged at the last rate not held: the arm may hold more
    probes: int


class ProofFigures(Record):
    """A truth known in advance beside what the harness said of it.

    `truth` is None where no figure can be right. `low` and `high` are the 95 % interval of the gain.
    """

    id: str
    known: str
    truth: float | None
    truth_low: float | None
    truth_high: float | None
    tolerance: float
    gain: float | None
    low: float | None
    high: float | None
    interval_held: bool | None  # whether the interval admits the truth
    verdict: ProofVerdict
    allowed: tuple[Outcome, ...]
    note: str
    seconds: float
    run: str  # the folder of the case's own run

    @property
    def is_allowed(self) -> bool:
        return self.verdict in self.allowed


class ExpectationFigures(Record):
    """What was expected of a comparison, and the figure that it was held against.

    With a `request`, `gain` is the change of that request's median latency.
    """

    text: str
    cell: str
    baseline: str
    candidate: str
    figure: Literal["gain", "low", "high"]
    value: float | None
    verdict: Verdict | LatencyVerdict
    is_met: bool
    request: str | None = None


class NeedsFigures(Record):
    """What a forecast knows of an arm: what a request takes, by one user alone and by several at once."""

    arm: str
    serves: Literal["threads", "event loop"]
    trips: float
    near_ms: float  # the round trips with which it was seen
    far_ms: float
    users: int  # how many several are
    alone_rps: float
    several_rps: float
    cpu_alone_ms: float
    cpu_busy_ms: float
    delay_ms: float  # neither CPU time nor a queue, with the nearer round trip
    loop_ms: float | None  # how long the event loop is busy with a request, or stands still for it
    misfit: float  # by which share the model is off where the app was seen, at most


class ExchangeFigures(Record):
    """What the other driver changes in one request of the apps that exist in both forms."""

    scenario: str
    users: int
    baseline: str
    candidate: str
    trips: float
    before_ms: float
    after_ms: float


class MeasuredPair(Record):
    """What was measured of a pair where it had been forecast."""

    baseline_rps: float | None
    candidate_rps: float | None
    gain: float | None
    low: float | None
    high: float | None
    verdict: Verdict


class PredictionFigures(UnderCondition):
    """A forecast under one condition. `gain` is None where no model covers it, and `reason` says why.

    A `bound` is what allows an arm no more; None: its users only wait.
    """

    baseline: str
    candidate: str
    baseline_rps: float | None
    candidate_rps: float | None
    gain: float | None
    low: float | None
    high: float | None
    baseline_bound: str | None
    candidate_bound: str | None
    reason: str | None
    here: bool  # as the plan's headline has it
    measured: MeasuredPair | None = None


class CheckFigures(Record):
    """How far forecasts of cells not seen were off, as a share of what was measured there."""

    cells: int
    figures: int  # throughputs
    median_error: float
    worst_error: float
    signs_right: int
    signs: int  # of gains beyond five points
    gain_error: float  # a standard deviation, of the ratio


class ForecastFigures(Record):
    """What another driver would give, from the arms alone that still have the old one."""

    candidate: str
    scenario: str
    needs: tuple[NeedsFigures, ...]
    exchange: tuple[ExchangeFigures, ...]
    predictions: tuple[PredictionFigures, ...]
    check: CheckFigures | None

    @property
    def here(self) -> tuple[PredictionFigures, ...]:
        return tuple(found for found in self.predictions if found.here)


class EarlierFigures(Record):
    """What an earlier run saw of the same comparison, and by how much this one's ratio differs from it."""

    run: str
    gain: float
    low: float | None
    high: float | None
    change: float
    change_low: float | None
    change_high: float | None


class ClaimFigures(Record):
    """A claim of the ledger, and what came of it. `told`: what was measured, in words."""

    id: str
    says: str
    claimed: str
    measured: float | None
    low: float | None
    high: float | None
    told: str
    verdict: ClaimVerdict
    why: str
    command: str
    timelines: tuple[Timeline, ...]
    seconds: float


class AxisFigures(Record):
    """One of the two things that change on a map."""

    name: str
    title: str
    values: tuple[str, ...]


class MapCell(Record):
    """One place of a map. `gain` is None where there is no figure; `broken`: the rule that is."""

    column: int
    row: int
    cell: str
    state: Literal["measured", "unresolved", "invalid", "collapsed", "not measured"]
    gain: float | None
    low: float | None
    high: float | None
    half_width: float | None  # as a share of the ratio
    trials: int
    baseline_regime: Regime
    candidate_regime: Regime
    broken: str | None = None


class MapPair(Record):
    """A comparison all over the map."""

    baseline: str
    candidate: str
    cells: tuple[MapCell, ...]

    def at(self, column: int, row: int) -> MapCell:
        return next(cell for cell in self.cells if (cell.column, cell.row) == (column, row))


class StarvingFigures(Record):
    """Users and connections, what the rule says of an arm there, and what it did."""

    arm: str
    serves: Literal["threads", "event loop"] | None
    users: int
    pool: int
    threads: int
    forecast: bool  # that it stops
    stopped: bool
    stacks: str | None


class MapFigures(Record):
    """Where a gain begins and ends."""

    scenario: str
    columns: AxisFigures
    rows: AxisFigures
    lines: tuple[float, ...]  # gains to be drawn as lines
    precision: float  # a wider interval is unresolved, as a share of the ratio
    pairs: tuple[MapPair, ...]
    starving: tuple[StarvingFigures, ...]

    @property
    def rule_right(self) -> int:
        return sum(one.forecast == one.stopped for one in self.starving)


class StepFigures(Record):
    """One thing changed, and what it is worth. `missing`: what an arm lacks to be measured here."""

    before: str
    after: str
    says: str
    aside: bool
    gain: float | None
    low: float | None
    high: float | None
    verdict: Verdict | None
    missing: str | None


class Phase(Record):
    name: str
    ms: float


class PhaseFigures(Record):
    """Where the time of one request goes, at one arm under so many users."""

    arm: str
    users: int
    latency_ms: float | None  # None: it stopped serving
    phases: tuple[Phase, ...]

    @property
    def sum_ms(self) -> float:
        return sum(phase.ms for phase in self.phases)

    @property
    def off(self) -> float | None:
        """By which share of the latency the phases do not add up to it."""
        return self.sum_ms / self.latency_ms - 1 if self.latency_ms else None


class FunctionFigures(Record):
    """A function's own CPU time per request, at the first arm looked at and at the last."""

    name: str
    kind: str
    before_ms: float
    after_ms: float


class ExplainFigures(Record):
    """What a gain is made of."""

    before: str
    after: str
    gain: float | None
    low: float | None
    high: float | None
    steps: tuple[StepFigures, ...]
    looks: tuple[PhaseFigures, ...]
    functions: tuple[FunctionFigures, ...]
    no_flames: Mapping[str, str]  # arms without, and why


class PooledFigures(Record):
    """Several runs of one truth taken together."""

    gain: float
    low: float | None
    high: float | None
    trials: int


class Results(Record):
    """Everything a report shows, and everything ``results.json`` holds."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    kind: Literal["bench", "map", "explain", "claims", "prove", "null", "predict", "ui"]
    run: RunFacts
    environment: Environment
    arms: Mapping[str, ArmFacts]
    cells: tuple[CellFigures, ...]
    curves: tuple[Curve, ...]
    collapses: tuple[CollapseFigures, ...]
    notes: tuple[str, ...]
    control: ControlFacts | None = None
    crossing: CrossingFigures | None = Field(alias="claim")  # of the published gain with the curve
    earlier: EarlierFigures | None = None
    held_rates: tuple[HeldRate, ...] = ()
    expectations: tuple[ExpectationFigures, ...] = ()
    proofs: tuple[ProofFigures, ...] = ()
    forecast: ForecastFigures | None = None
    claims: tuple[ClaimFigures, ...] = ()
    map: MapFigures | None = None
    explained: ExplainFigures | None = None
    nulls: PooledFigures | None = None  # of a run of prove: all of its nulls together

    @property
    def headline_cell(self) -> CellFigures | None:
        return next((cell for cell in self.cells if cell.headline), None)

    @property
    def headline(self) -> ComparisonFigures | None:
        cell = self.headline_cell
        return next((c for c in cell.comparisons if c.headline), None) if cell else None
