"""What the web UI's process and the sitting say to each other: one JSON object a line, over a Unix socket.

Orders come from the browser, views go to it. Both sides import this module, so it knows neither Locust nor
the harness. A view holds numbers for the charts and finished texts for everything a person reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

INTERLEAVED = "interleaved"
LONGEST_ROUND_TRIP_MS = 100.0
LONGEST_SPAWNING_SECONDS = 30.0

Phase = Literal["ready", "spawning", "running", "stopping", "stopped"]  # Locust's own words


# Orders from the browser.


@dataclass(frozen=True)
class Start:
    """Begin a test; or, while one runs, go on with these users and this round trip."""

    users: int
    spawn_rate: float
    scenario: str
    mode: str  # INTERLEAVED, or the name of the one arm
    rtt_ms: float
    run_seconds: float | None = None
    kind: Literal["start"] = "start"


@dataclass(frozen=True)
class Stop:
    kind: Literal["stop"] = "stop"


@dataclass(frozen=True)
class SetRoundTrip:
    rtt_ms: float
    kind: Literal["round_trip"] = "round_trip"


@dataclass(frozen=True)
class Store:
    """Write the report of everything measured so far."""

    kind: Literal["store"] = "store"


Order = Start | Stop | SetRoundTrip | Store


# The view of the sitting.


@dataclass(frozen=True)
class Coloured:
    """An arm, or a part of the page, and its colours."""

    name: str
    light: str
    dark: str


@dataclass(frozen=True)
class Choices:
    """What the form offers. ``suggested`` is how a test would start, or goes on, without another word."""

    arms: tuple[Coloured, ...]
    scenarios: tuple[str, ...]
    suggested: Start
    most_users: Mapping[str, int]  # of an arm, by mode
    page: tuple[Coloured, ...]

    @property
    def modes(self) -> list[str]:
        names = [arm.name for arm in self.arms]
        return [INTERLEAVED, *names] if len(names) > 1 else names


@dataclass(frozen=True)
class Row:
    """One arm under the present condition, as texts."""

    arm: str
    throughput: str
    failures: str
    p50: str
    p95: str
    p99: str
    cpu: str
    gain: str  # over the baseline, with its interval


@dataclass(frozen=True)
class Lamp:
    """A rule of validity; `ok` is None while there is nothing to judge."""

    rule: str
    ok: bool | None
    text: str
    meaning: str


@dataclass(frozen=True)
class Entry:
    """One run of the sitting under one condition."""

    run: int
    began: str
    what: str
    combs: str
    throughputs: str
    gain: str


@dataclass(frozen=True)
class Rate:
    """A comb: when it was, under which line of the history, and how much was served."""

    seconds: float
    rps: float
    leg: int


@dataclass(frozen=True)
class GainPoint:
    """The gain as it stood after a comb."""

    leg: int
    seconds: float
    gain: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Stored:
    """Where the sitting was last stored."""

    run: str
    report: str
    combs: int


@dataclass(frozen=True)
class View:
    """Everything the pages show."""

    phase: Phase = "ready"
    activity: str = ""
    choices: Choices | None = None
    current: Start | None = None
    condition: str = ""
    next: str = ""  # what a person may do, or is waiting for
    headline: str = ""
    is_sure: bool = False  # so that the headline may stand out
    subject: str = ""
    compares: bool = True
    rows: tuple[Row, ...] = ()
    rates: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    gains: tuple[GainPoint, ...] = ()
    claim: float | None = None
    claim_text: str = ""
    lamps: tuple[Lamp, ...] = ()
    history: tuple[Entry, ...] = ()
    messages: tuple[str, ...] = ()
    combs: int = 0
    stored: Stored | None = None


_ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
_VIEW: TypeAdapter[View] = TypeAdapter(View)


def encode_order(order: Order) -> bytes:
    return _ORDER.dump_json(order) + b"\n"


def decode_order(line: bytes) -> Order:
    return _ORDER.validate_json(line)


def encode_view(view: View) -> bytes:
    return _VIEW.dump_json(view) + b"\n"


def decode_view(line: bytes) -> View:
    return _VIEW.validate_json(line)
