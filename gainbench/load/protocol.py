"""What the harness and the load generator say to each other: one JSON object a line, over a Unix socket.

Both sides import this module, so it knows neither Locust nor the harness. Times named ``at`` are readings of
the monotonic clock, which all processes of a machine share; other times are durations in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from gainbench.errors import ConfigurationError


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
    spawn_rate: float | None = None  # users per second and arm; None: all at once
    pace: Pace | None = None  # None: a closed loop; else the users are the most requests in flight


@dataclass(frozen=True)
class Tally:
    """Requests that ended: how many well, how many badly and why."""

    successes: int
    failures: Mapping[str, int]


@dataclass(frozen=True)
class Remainder:
    """Everything that was counted since the last report, apart from a window's own requests.

    ``sent`` counts from the start of the workload: over a whole workload it equals the sum of all windows and
    all tallies outside of them, because every request ends up in exactly one.
    """

    outside: Mapping[str, Tally]
    sent: Mapping[str, int]
    task_exceptions: Mapping[str, int]


@dataclass(frozen=True)
class PlannedStarts:
    """How an open loop's window kept its schedule."""

    planned: int
    unanswered: int  # long after the window's end; in the latencies with their age by then
    late_for_users: int  # no user was free
    late_for_generator: int  # a user was free, but the generator was behind
    longest_late_seconds: float


@dataclass(frozen=True)
class WindowCounts:
    """One counted window of one arm.

    ``in_flight_seconds`` is the integral of the number of requests in flight; ``gap_seconds`` the time users
    spent between two requests, measured apart from it. Both are clipped to the window, so together they make
    up users x seconds unless users are dead or stuck.
    """

    arm: str
    opened_at: float
    seconds: float
    lag_seconds: float  # how late the window opened or closed, the larger of the two
    successes: int
    failures: Mapping[str, int]
    in_flight_at_open: int
    in_flight_at_close: int
    in_flight_seconds: float
    gap_seconds: float
    starts: PlannedStarts | None = None  # of an open loop
    worker_cpu_seconds: tuple[float, ...] = ()  # of each load generator's process, where there are several
    incomplete: str | None = None  # why a part of the load is missing or was late


# Requests to the generator.


@dataclass(frozen=True)
class Prepare:
    """Load the file, spawn the users, let them log in, and park them."""

    workload: Workload
    kind: Literal["prepare"] = "prepare"


@dataclass(frozen=True)
class Begin:
    """It is this arm's turn. Count from the end of the guard on."""

    arm: str
    guard_seconds: float
    seconds: float
    kind: Literal["begin"] = "begin"


@dataclass(frozen=True)
class Finish:
    """Report the window once its time is over; the load goes on."""

    kind: Literal["finish"] = "finish"


@dataclass(frozen=True)
class Pause:
    """It is nobody's turn. Wait for the requests in flight."""

    drain_seconds: float
    kind: Literal["pause"] = "pause"


@dataclass(frozen=True)
class FinishWorkload:
    """Stop the users and report what no window counted."""

    kind: Literal["finish_workload"] = "finish_workload"


Request = Prepare | Begin | Finish | Pause | FinishWorkload


# Its replies.


@dataclass(frozen=True)
class Prepared:
    kind: Literal["prepared"] = "prepared"


@dataclass(frozen=True)
class WindowOpened:
    at: float
    kind: Literal["window_opened"] = "window_opened"


@dataclass(frozen=True)
class WindowClosed:
    """``latencies_us`` holds the successes' response times, unsigned 32-bit integers in machine order.

    In an open loop these are the requests planned in the window, whenever they ended, from the planned start.
    """

    window: WindowCounts
    latencies_us: bytes
    remainder: Remainder
    kind: Literal["window_closed"] = "window_closed"


@dataclass(frozen=True)
class Paused:
    drained: bool
    kind: Literal["paused"] = "paused"


@dataclass(frozen=True)
class WorkloadFinished:
    remainder: Remainder
    kind: Literal["workload_finished"] = "workload_finished"


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


Reply = Prepared | WindowOpened | WindowClosed | Paused | WorkloadFinished | Refused

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
