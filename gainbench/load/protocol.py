"""What the harness and the load generator say to each other: one JSON object a line, over a Unix socket.

Both sides import this module, so it knows neither Locust nor the harness. Times named ``at`` are readings of
the monotonic clock, which all processes of a machine share; other times are durations in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from gainbench.errors import ConfigurationError

QUIET_SECONDS = 1.0
GRACE_SECONDS = 0.05  # for a user that is on its way to the gate when it closes


class ArmNotReady(ConfigurationError):
    """The users of an arm did not get through their ``on_start``."""

    def __init__(self, arm: str, message: str, *, cure: str | None = None) -> None:
        super().__init__(message, cure=cure)
        self.arm = arm


@dataclass(frozen=True)
class ArmTarget:
    """An arm and the base URL of its server."""

    name: str
    host: str


Arrivals = Literal["constant", "poisson"]


@dataclass(frozen=True)
class Pace:
    """An open loop: each arm's requests begin at this rate while it has its turn, whatever it answers."""

    arrivals: Arrivals
    rates_rps: Mapping[str, float]


@dataclass(frozen=True)
class Workload:
    """What to load: N users for each arm, all of the same class of the same Locust file.

    Without the name of a user class, the file's classes are mixed by their weights, as Locust does.
    """

    locustfile: Path
    user: str | None
    users: int
    arms: tuple[ArmTarget, ...]
    seed: int
    watched: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # processes of arms, on this machine
    spawn_rate: float | None = None  # users per second and arm; None: all at once
    pace: Pace | None = None  # None: a closed loop; else the users are the most requests in flight
    allowed: tuple[str, ...] = ()  # hosts beside the arms' own to which the file may send
    args: tuple[str, ...] = ()  # of the file's own command line
    tags: tuple[str, ...] = ()  # none: all tasks
    exclude_tags: tuple[str, ...] = ()
    stamped: bool = False  # requests tell the server when they were sent


@dataclass(frozen=True)
class Outside:
    """Requests that were answered outside of any comb: logins, goodbyes, and what outlived a comb's end."""

    requests: int
    failures: Mapping[str, int]


@dataclass(frozen=True)
class Comb:
    """Turns to carry out, one after the other, by the generator alone.

    Each turn: open the arm's gate, let the guard pass, count for so many seconds, close it, and wait until
    nothing is in flight, at most ``drain_seconds``. An arm that has answered nothing since the comb began is
    waited for at most ``patience_seconds`` before the comb is given up. Of several generators the turns begin
    at fixed distances, ``slot_seconds``, so that all are at the same one.
    """

    order: tuple[str, ...]
    guard_seconds: float
    window_seconds: float
    drain_seconds: float
    patience_seconds: float
    slot_seconds: float | None = None

    @property
    def turn_seconds(self) -> float:
        return self.guard_seconds + self.window_seconds

    @property
    def quiet_seconds(self) -> float:
        """For users whose task goes on when the last gate has closed: their cycles then have a length."""
        return max(QUIET_SECONDS, self.drain_seconds)

    @property
    def longest_seconds(self) -> float:
        """If everything is waited for as long as it may be: so long must whoever ordered it be patient."""
        turns = len(self.order) * max(self.turn_seconds + self.drain_seconds, self.slot_seconds or 0.0)
        quiet = len(set(self.order)) * (self.quiet_seconds + GRACE_SECONDS)
        return turns + self.patience_seconds + self.drain_seconds + quiet


@dataclass(frozen=True)
class PlannedStarts:
    """How an open loop kept its schedule in the windows of a comb."""

    planned: int
    unanswered: int  # when the comb was over; in the latencies with their age by then
    late_for_users: int  # no user was free
    late_for_generator: int  # a user was free, but the generator was behind
    longest_late_seconds: float


@dataclass(frozen=True)
class TurnCounts:
    """One arm's turn: its guard, then its window. Successes and failures are shares of cycles."""

    arm: str
    opened_at: float
    guard_seconds: float
    seconds: float
    drain_seconds: float
    undrained: int  # requests that outlived the wait for them
    guard_successes: float
    successes: float
    failures: float


@dataclass(frozen=True)
class RequestCounts:
    """Of one request name; its response times as those of the arm."""

    requests: int
    failures: int
    latencies_us: bytes


@dataclass(frozen=True)
class ArmCounts:
    """One arm over a whole comb. ``cycles.ArmTally`` explains what is counted apart from what.

    ``latencies_us`` holds the response times of the successes answered in windows, unsigned 32-bit integers
    in machine order; of an open loop those of the requests planned in them, from the planned start.
    """

    requests: int
    failures: Mapping[str, int]
    received_bytes: int
    latencies_us: bytes
    completions: int
    latency_seconds: float
    in_flight_seconds: float
    covered_seconds: float
    profile: tuple[float, ...]  # successes by the time since the gate opened
    longest_seconds: float  # of a request, answered or not
    loose: int  # sent beside another request of the same user
    unsettled: int  # cycles of unknown length
    astray: int  # users that neither stood at the gate nor rested when the comb was over
    turnarounds: int
    turnaround_seconds: float  # from a response at the socket to the next request's departure
    examples: Mapping[str, str] = field(default_factory=dict)  # of failed requests, by the failure's name
    by_request: Mapping[str, RequestCounts] = field(default_factory=dict)  # of a closed loop
    starts: PlannedStarts | None = None


@dataclass(frozen=True)
class Use:
    """What the generator saw used over the turns of one arm, drains included. Unknown is None."""

    seconds: float
    generator_cpu_seconds: float
    core_seconds: float | None = None  # of the cores that the generator may run on
    core_idle_seconds: float | None = None
    watched_cpu_seconds: Mapping[str, float] = field(default_factory=dict)  # of each arm's processes
    watched_seconds: float = 0.0  # for how long: from each guard's end
    worker_cpu_seconds: tuple[float, ...] = ()  # of each process, where several carry the load


@dataclass(frozen=True)
class CombReport:
    """What a comb came to. ``stalled``: the arm that answered nothing, for which it was given up."""

    started_at: float
    ended_at: float
    turns: tuple[TurnCounts, ...]
    arms: Mapping[str, ArmCounts]
    use: Mapping[str, Use]
    outside: Mapping[str, Outside]  # since the last comb
    task_exceptions: Mapping[str, int]
    lag_seconds: float  # how late the generator was for an opening or a closing, at most
    stalled: str | None = None
    incomplete: str | None = None  # why a part of the load is missing or was late


# Requests to the generator.


@dataclass(frozen=True)
class Prepare:
    """Load the file, spawn the users, let them log in, and park them."""

    workload: Workload
    kind: Literal["prepare"] = "prepare"


@dataclass(frozen=True)
class RunComb:
    comb: Comb
    kind: Literal["run_comb"] = "run_comb"


@dataclass(frozen=True)
class TryOut:
    """Do every task of the file once for each arm, in no turn and uncounted."""

    workload: Workload
    kind: Literal["try_out"] = "try_out"


@dataclass(frozen=True)
class FinishWorkload:
    """Stop the users and report what no comb counted."""

    kind: Literal["finish_workload"] = "finish_workload"


Request = Prepare | RunComb | TryOut | FinishWorkload


# Its replies.


@dataclass(frozen=True)
class Prepared:
    kind: Literal["prepared"] = "prepared"


@dataclass(frozen=True)
class CombDone:
    report: CombReport
    kind: Literal["comb_done"] = "comb_done"


@dataclass(frozen=True)
class WorkloadFinished:
    """``sent`` counts from the start of the workload: it equals all requests of combs and outside of them."""

    outside: Mapping[str, Outside]
    sent: Mapping[str, int]
    task_exceptions: Mapping[str, int]
    ignored: tuple[str, ...] = ()  # what of the Locust file had no effect
    kind: Literal["workload_finished"] = "workload_finished"


@dataclass(frozen=True)
class Tried:
    """One request of a task, and what came back. ``shape``: keys and types of a JSON body."""

    request: str  # method and name
    status: int | None
    failure: str  # nothing where it succeeded
    kind: str  # of its content
    size: int | None
    shape: str


@dataclass(frozen=True)
class TriedArm:
    requests: tuple[Tried, ...]
    raised: tuple[str, ...]  # by tasks, with their place


@dataclass(frozen=True)
class TriedOut:
    arms: Mapping[str, TriedArm]
    ignored: tuple[str, ...] = ()
    kind: Literal["tried_out"] = "tried_out"


@dataclass(frozen=True)
class Refused:
    """Something the user can act on. ``arm`` is set when that arm's users failed to start."""

    message: str
    cure: str | None
    arm: str | None
    kind: Literal["refused"] = "refused"

    @classmethod
    def of(cls, error: ConfigurationError) -> "Refused":
        return cls(error.message, error.cure, error.arm if isinstance(error, ArmNotReady) else None)

    def error(self) -> ConfigurationError:
        if self.arm is not None:
            return ArmNotReady(self.arm, self.message, cure=self.cure)
        return ConfigurationError(self.message, cure=self.cure)


Reply = Prepared | CombDone | TriedOut | WorkloadFinished | Refused

_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Field(discriminator="kind")], config=_BYTES)


def encode_request(request: Request) -> bytes:
    return _REQUEST.dump_json(request) + b"\n"


def decode_request(line: bytes) -> Request:
    return _REQUEST.validate_json(line)


def encode_reply(reply: Reply) -> bytes:
    return _REPLY.dump_json(reply) + b"\n"


def decode_reply(line: bytes) -> Reply:
    return _REPLY.validate_json(line)
