"""The raw record of a run: what was counted, never what was concluded. One line of ``blocks.jsonl`` each.

Every field is a count, a duration or a reading; each statistic can be recomputed from these alone. Unknown is
None. Times named ``started`` are seconds since the run began.
"""

from collections.abc import Mapping
from statistics import median
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gainbench.plan.condition import Condition
from gainbench.plan.grid import Grid
from gainbench.plan.model import Step

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]

SAME_GUARD = 1.1  # no clock repeats one exactly, and one that is meant to be longer is so by half


class Record(BaseModel):
    """A value read from or written to the run directory."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StatementTraffic(Record):
    """What the proxy saw of one kind of statement."""

    trips: int
    wait_seconds: float


class Turn(Record):
    """One arm's turn in a comb: its guard, then its window. Successes and failures are shares of cycles."""

    arm: str
    started: float  # when its gate opened
    guard_seconds: Amount
    seconds: Annotated[float, Field(gt=0)]
    drain_seconds: Amount  # from the gate's closing until nothing was in flight any more
    undrained: Count = 0  # requests that outlived the wait for them
    guard_successes: Amount
    successes: Amount
    failures: Amount = 0.0


class PlannedStarts(Record):
    """How an open loop kept its schedule in a comb's windows. A start is late from 5 ms on."""

    planned: int
    unanswered: int  # when the comb was over; in the latencies with their age by then
    late_for_users: int  # no user was free
    late_for_generator: int  # a user was free, but the generator was behind
    longest_late_seconds: float


class RequestReading(Record):
    """One request name over a comb. A name that is the only one has the arm's own latencies."""

    requests: Count
    failures: Count
    latency: str | None = None


class LoadReading(Record):
    """What the load generator noted of one arm over a comb, beyond the shares in its windows."""

    requests: Count
    failures: Mapping[str, int]
    received_bytes: Count
    latency: str | None  # HDR histogram of the successes answered in windows, microseconds, base64 V2
    completions: Count  # answered in windows, and their response times by the client's clock
    latency_seconds: Amount
    in_flight_seconds: Amount  # the integral over the windows, by the gate's clock
    covered_seconds: Amount  # of the users' time in the windows, what lies in cycles
    profile: tuple[float, ...]  # successes by the time since the gate opened, in equal bins of the turn
    longest_seconds: Amount
    loose: Count = 0  # sent beside another request of the same user
    unsettled: Count = 0  # cycles of unknown length
    astray: Count = 0  # users that neither stood at the gate nor rested when the comb was over
    turnarounds: Count = 0
    turnaround_seconds: Amount = 0.0  # from a response at the socket to the next request's departure
    by_request: Mapping[str, RequestReading] = {}  # of a closed loop
    examples: Mapping[str, str] = {}  # of failed requests, by the failure's name
    starts: PlannedStarts | None = None  # of an open loop; its latencies run from the planned start


class UseReading(Record):
    """What the generator saw used over an arm's turns."""

    seconds: float
    generator_cpu_seconds: float
    busiest_generator_cpu_seconds: float | None = None  # of one process, where several carry the load
    core_seconds: float | None = None  # of the cores that the generator may run on
    core_idle_seconds: float | None = None
    idle_arms_cpu_seconds: Mapping[str, float] = {}  # of the arms that were not loaded, in `idle_seconds`
    idle_seconds: float = 0.0  # from each guard's end to the turn's


class ServerReading(Record):
    """What an arm's process tree used over a comb, from edge to edge."""

    cpu_seconds: float | None
    switches: int | None  # how often one of its threads was put on a core
    run_queue_seconds: float | None
    memory_bytes: int | None


class TrafficReading(Record):
    """What the proxy passed on for one arm over a comb."""

    by_kind: Mapping[str, StatementTraffic]
    connections: int
    chunks: int
    late_seconds: float  # signed, over all chunks, each in its direction
    longest_late_seconds: float
    longest_silence_seconds: float  # a trip waited, and the database answered none of the arm's

    @property
    def trips(self) -> int:
        return sum(kind.trips for kind in self.by_kind.values())


class ArmReading(Record):
    """Everything but its turns that is known of one arm in a comb."""

    load: LoadReading
    use: UseReading
    server: ServerReading
    traffic: TrafficReading | None


class CoreReading(Record):
    """What some cores did over a comb. ``foreign`` is what neither we nor the hypervisor used of them."""

    seconds: float
    steal_seconds: float
    idle_seconds: float
    foreign_seconds: float | None  # unknown beside servers that are not ours


class MachineReading(Record):
    """Both sets of cores over a comb; where nothing is pinned, all cores stand in the first."""

    arms_cores: CoreReading | None
    load_cores: CoreReading | None
    database_cpu_seconds: float | None
    proxy_cpu_seconds: float | None


class Outside(Record):
    """Requests of one arm that were answered outside of any comb: logins, goodbyes, late ones."""

    arm: str
    started: float
    seconds: float
    requests: int
    failures: Mapping[str, int]


def is_longer_guard(seconds: float, other_seconds: float) -> bool:
    """Whether a guard was meant to be longer than another."""
    return seconds > SAME_GUARD * other_seconds


class Comb(Record):
    """Turns of several arms in one cell, in mirrored order: the smallest piece that holds a ratio."""

    kind: Literal["comb"] = "comb"
    phase: Literal["warm-up", "comb"] = "comb"
    trial: int
    number: int
    cell: str
    started: float
    seconds: float
    turns: tuple[Turn, ...]
    arms: Mapping[str, ArmReading]
    machine: MachineReading
    outside: tuple[Outside, ...] = ()
    task_exceptions: Mapping[str, int] = {}  # of all users: a Locust file that raises
    lag_seconds: float = 0.0  # how late the generator was for an opening or a closing, at most
    reading_seconds: float | None = None  # between the two readings of CPU time, trips and machine
    incomplete: str | None = None  # a load generator was lost or late, or a process of ours was stopped
    disturbed: str | None = None  # what befell the database
    dropped: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(turn.arm for turn in self.turns)

    @property
    def guard_seconds(self) -> float:
        return median(turn.guard_seconds for turn in self.turns) if self.turns else 0.0

    def of(self, arm: str) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.arm == arm)

    def seconds_of(self, arm: str) -> float:
        return sum(turn.seconds for turn in self.of(arm))

    def throughput_rps(self, arm: str) -> float | None:
        """Successes a second in the arm's windows; None where it had none."""
        seconds = self.seconds_of(arm)
        return sum(turn.successes for turn in self.of(arm)) / seconds if seconds else None


class Trial(Record):
    """One trial's frame: when its processes began, and what its users sent in all."""

    kind: Literal["trial"] = "trial"
    number: int
    started: float
    seconds: float
    setup_seconds: float | None = None  # until the first counted comb
    control_added_seconds: float | None = None
    outside: tuple[Outside, ...] = ()
    sent: Mapping[str, int] = {}
    ignored: tuple[str, ...] = ()  # what of the Locust file had no effect


class Collapse(Record):
    """An arm that stopped serving, and what proves it."""

    kind: Literal["collapse"] = "collapse"
    trial: int
    cell: str
    arm: str
    state: Literal["collapsed", "failed"]
    started: float
    reason: str
    exit_status: int | None = None  # of the arm's process, if that has ended; minus a signal's number
    failures: Mapping[str, int] = {}
    in_flight: int | None = None
    open_trips: int | None = None
    connections: int | None = None
    stacks: str | None = None
    log_tail: str | None = None


class Probe(Record):
    """One step of the search for the highest rate an arm holds: a comb of that arm alone."""

    kind: Literal["probe"] = "probe"
    arm: str
    rate_rps: float
    comb: Comb


class Parity(Record):
    """What the parity gate found before any timing."""

    kind: Literal["parity"] = "parity"
    arms: tuple[str, ...]
    sequences: int
    differences: int
    statements: Mapping[str, Mapping[str, int]] = {}
    statements_held: bool = True  # to be equal; else they are only told
    skipped: str | None = None
    own_requests: int = 0  # of the load itself, where nothing else was sent
    own_succeeded: int = 0
    found: tuple[str, ...] = ()  # how their answers differ


Outcome = Literal["right", "refused"]


class Truth(Record):
    """A gain that is known before anything is measured, and the range in which it may lie."""

    gain: float
    low: float
    high: float


class ProvenCase(Record):
    """One case of a run of prove: what was known of it, and which run beside this record measured it."""

    kind: Literal["case"] = "case"
    id: str
    seed: int
    run: str  # a folder, relative to this record
    known: str
    truth: Truth | None
    is_planted: bool  # the truth is what the run itself planted and counted
    tolerance: float
    by_chance: bool
    allowed: tuple[Outcome, ...]
    refusal: str | None  # the message with which the measurement ended
    seconds: float


class Span(Record):
    """A request: when it was sent and when its answer had come, in seconds since the first of its kind."""

    start: float
    end: float
    name: str

    @property
    def seconds(self) -> float:
        return self.end - self.start


class TimelineRow(Record):
    name: str
    spans: tuple[Span, ...]


class Timeline(Record):
    """Requests beside each other: a bar each, a row an arm."""

    title: str
    rows: tuple[TimelineRow, ...]


class Evidence(Record):
    """What was measured for a claim: figures and words by name, and what can be drawn."""

    figures: Mapping[str, float] = {}
    texts: Mapping[str, str] = {}
    timelines: tuple[Timeline, ...] = ()


class TriedClaim(Record):
    """A claim and its evidence, or why there is none."""

    kind: Literal["claim"] = "claim"
    id: str
    evidence: Evidence | None
    refusal: str | None
    seconds: float


class Part(Record):
    """A run beside this record that the whole is made of."""

    kind: Literal["part"] = "part"
    name: str
    run: str  # a folder, relative to this record


class Question(Record):
    """What a run of predict is asked."""

    kind: Literal["question"] = "question"
    scenario: str
    candidate: str  # what the arm with the other driver is called
    arms: tuple[str, ...]  # those that have the old driver
    seen: tuple[Condition, ...]  # what a forecast rests on: alone near and far, several near and far
    conditions: tuple[Condition, ...]  # to be forecast; that of the plan's headline first
    threads: int  # that an arm's worker may use at once
    cores: int  # that the arms may run on
    gain_error: float | None  # of the last forecasts that were checked on this machine
    trips: float | None = None  # of a request, as the user says, where nobody can count them


class MapQuestion(Record):
    """What a run of map is asked."""

    kind: Literal["map"] = "map"
    grid: Grid
    pairs: tuple[tuple[str, str], ...]  # baseline and candidate
    lines: tuple[float, ...]  # gains at which the map is to have a line
    precision: float
    plan: str  # the whole of it, as a file: a map goes on with no other


class Starved(Record):
    """An arm under so many users with so few connections, and whether it still answered in the end."""

    kind: Literal["starved"] = "starved"
    arm: str
    users: int
    pool: int
    threads: int
    answered: float  # well, in the window
    stacks: str | None  # where it had stopped


class ExplainQuestion(Record):
    """What a run of explain is asked."""

    kind: Literal["explain"] = "explain"
    steps: tuple[Step, ...]
    missing: Mapping[str, str]  # arms that cannot be measured here, and what they lack
    looked_at: tuple[str, ...]  # arms whose requests are followed, from before to after
    users: tuple[int, ...]  # how many, each time


class InsideSums(Record):
    """Where the time of an arm's requests went, in nanoseconds over all of them, as seen from inside.

    By mode and place, until the answer begins. `latency` and `way_back` are the client's.
    """

    requests: int
    wall: Mapping[str, int]
    cpu: Mapping[str, int]
    way_in: int
    inside: int
    ways_back: int
    way_back: int
    latency: int
    statements: int


class Look(Record):
    """An arm alone under so many users, while it was watched from inside."""

    kind: Literal["look"] = "look"
    arm: str
    users: int
    comb: Comb
    sums: InsideSums


class Flame(Record):
    """What an arm's Python was doing when it was sampled: stacks, outermost first, and how often."""

    kind: Literal["flame"] = "flame"
    arm: str
    users: int
    cpu_ms: float | None  # of a request, meanwhile
    stacks: Mapping[str, int]
    problem: str | None = None  # why there are none


class TriedFault(Record):
    """One fault that was done to a bench, and what came of it."""

    kind: Literal["fault"] = "fault"
    id: str
    component: str
    action: str
    moment: str
    exit_status: int | None  # None: it hung, and was ended
    seconds: float  # from the fault to the end of the command
    said: str  # the last lines of what it said
    blamed: tuple[str, ...]  # arms that its record says collapsed
    kept: int  # combs
    dropped: int
    worst: float | None  # by how much the log ratio of a kept comb was off, at most
    left: tuple[str, ...]  # processes and folders
    resumed: int | None = None  # the exit status of going on with the run afterwards
    wrong: tuple[str, ...]  # what should not have come of it


class End(Record):
    """The run's last line: without it, the run was cut off."""

    kind: Literal["end"] = "end"
    status: Literal["complete", "interrupted", "failed"]
    reason: str | None = None
    seconds: float


Line = (
    Comb
    | Trial
    | Collapse
    | Probe
    | Parity
    | ProvenCase
    | Question
    | MapQuestion
    | Starved
    | ExplainQuestion
    | Look
    | Flame
    | Part
    | TriedClaim
    | TriedFault
    | End
)
