"""The raw record of a run: what was counted, never what was concluded. One line of ``blocks.jsonl`` each.

Every field is a count, a duration or a reading; each statistic can be recomputed from these alone. Unknown is
None. Times named ``started`` are seconds since the run began.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["warm-up", "guard", "window"]


class Record(BaseModel):
    """A value read from or written to the run directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StatementTraffic(Record):
    """What the proxy saw of one kind of statement."""

    trips: int
    wait_seconds: float


class MachineReading(Record):
    """What the cores and the harness's own processes did during a window."""

    arms_cores_seconds: float | None
    arms_steal_seconds: float | None
    load_cores_seconds: float | None
    load_steal_seconds: float | None
    load_idle_seconds: float | None
    generator_cpu_seconds: float
    busiest_generator_cpu_seconds: float | None = None  # of one process, where several carry the load
    database_cpu_seconds: float | None
    proxy_cpu_seconds: float | None
    proxy_late_ms: float | None  # median lateness of a chunk behind its due moment, one direction


class ArmReading(Record):
    """What the loaded arm's process tree used during a window."""

    cpu_seconds: float | None
    switches: int | None  # how often one of its threads was put on a core
    run_queue_seconds: float | None
    memory_bytes: int | None
    connections: int | None


class Outside(Record):
    """Requests of one arm that completed outside any counted window: warm-up, guards, late ones."""

    phase: Literal["warm-up", "guard"]
    arm: str
    started: float
    seconds: float
    successes: int
    failures: Mapping[str, int]


class PlannedStarts(Record):
    """How an open loop's window kept its schedule. A start is late from 5 ms behind its plan on."""

    planned: int
    unanswered: int  # seconds after the window's end; in the latencies with their age by then
    late_for_users: int  # no user was free
    late_for_generator: int  # a user was free, but the generator was behind
    longest_late_seconds: float


class Window(Record):
    """A stretch of time in which just one arm was loaded, and everything that was counted in it."""

    arm: str
    started: float
    seconds: float
    reading_seconds: float | None = None  # between the two readings of CPU time, trips and machine
    successes: int
    failures: Mapping[str, int]
    latency: str | None  # HDR histogram of the successes, microseconds, base64 V2
    in_flight_at_open: int
    in_flight_at_close: int
    in_flight_seconds: float
    gap_seconds: float
    lag_seconds: float
    starts: PlannedStarts | None = None  # of an open loop; its latencies run from the planned start
    incomplete: str | None = None  # a load generator was lost or late: the block is dropped
    task_exceptions: Mapping[str, int] = {}  # of all users: a Locust file that raises
    arm_reading: ArmReading
    machine: MachineReading
    traffic: Mapping[str, StatementTraffic] | None
    idle_cpu_seconds: Mapping[str, float]  # of the arms that were not loaded

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def throughput_rps(self) -> float:
        return self.successes / self.seconds

    @property
    def trips(self) -> int | None:
        return None if self.traffic is None else sum(kind.trips for kind in self.traffic.values())


class Block(Record):
    """Each arm's two windows in one cell, in mirrored order; the smallest piece that holds a ratio."""

    kind: Literal["block"] = "block"
    trial: int
    number: int
    cell: str
    windows: tuple[Window, ...]
    outside: tuple[Outside, ...] = ()
    dropped: str | None = None

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(window.arm for window in self.windows)

    def of(self, arm: str) -> tuple[Window, ...]:
        return tuple(window for window in self.windows if window.arm == arm)


class RoundTrips(Record):
    """The achieved round trip to the database, probed through the proxy."""

    cell: str
    p50_ms: float
    p99_ms: float
    direct_p50_ms: float
    count: int


class Trial(Record):
    """One trial's frame: when its processes began, what the warm-up counted, the round trips it achieved."""

    kind: Literal["trial"] = "trial"
    number: int
    started: float
    seconds: float
    control_added_seconds: float | None = None
    round_trips: tuple[RoundTrips, ...] = ()
    outside: tuple[Outside, ...] = ()
    sent: Mapping[str, int] = {}


class Collapse(Record):
    """An arm that stopped serving, and what proves it."""

    kind: Literal["collapse"] = "collapse"
    trial: int
    cell: str
    arm: str
    state: Literal["collapsed", "failed"]
    started: float
    reason: str
    failures: Mapping[str, int] = {}
    in_flight: int | None = None
    open_trips: int | None = None
    connections: int | None = None
    stacks: str | None = None
    log_tail: str | None = None


class Probe(Record):
    """One step of the search for the highest rate an arm holds."""

    kind: Literal["probe"] = "probe"
    cell: str
    rate_rps: float
    window: Window
    outside: tuple[Outside, ...] = ()


class Parity(Record):
    """What the parity gate found before any timing."""

    kind: Literal["parity"] = "parity"
    arms: tuple[str, ...]
    sequences: int
    differences: int
    statements: Mapping[str, Mapping[str, int]] = {}
    skipped: str | None = None


class End(Record):
    """The run's last line: without it, the run was cut off."""

    kind: Literal["end"] = "end"
    status: Literal["complete", "interrupted", "failed"]
    reason: str | None = None
    seconds: float


Line = Block | Trial | Collapse | Probe | Parity | End
