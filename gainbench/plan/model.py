"""The Plan: what will be measured, as frozen types that check their own values.

Knows nothing of TOML, flags, processes or Locust. Checks that need two parts of the plan at once (does the
cell's scenario exist?) live in ``checks.py``; everything a single value can tell is refused here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gainbench.plan.condition import Condition, RoundTrips
from gainbench.plan.expectation import Expectation, parse_expectation
from gainbench.plan.frozen import Frozen
from gainbench.plan.units import duration_seconds, share

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.#-]*$"

LONGEST_NAME = 60

PLACEHOLDERS = (
    "port",
    "workers",
    "python",
    "scratch",
    "db_url",
    "db_host",
    "db_port",
    "db_user",
    "db_password",
    "db_name",
    "db_product",
    "upstream",
)
"""What is filled in between braces, in commands and environments of arms."""


def _between_none_and_all(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError("a share lies between 0 and 1; write 2% or 0.02")
    return value


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a url begins with http:// or https://, such as http://127.0.0.1:8000")
    return text


def _expected(text: str) -> str:
    return parse_expectation(text).text


Expected = Annotated[str, AfterValidator(_expected)]
Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]
Seconds = Annotated[
    float, BeforeValidator(lambda v: duration_seconds(v) if isinstance(v, str) else v), Field(gt=0)
]
Share = Annotated[
    float,
    BeforeValidator(lambda v: share(v) if isinstance(v, str) else v),
    AfterValidator(_between_none_and_all),
]
Trials = Annotated[int, Field(ge=1, le=1000)]
Combs = Annotated[int, Field(ge=1, le=100)]
Arrivals = Literal["poisson", "constant"]
ColourName = Literal["vermillion", "blue", "green", "purple", "orange", "sky", "grey"]


class Arm(Frozen):
    """One server under test, named by what starts it: an ASGI `app`, a `command`, or a running `url`."""

    name: Name
    app: str | None = None
    command: tuple[str, ...] | None = None
    url: Annotated[str, AfterValidator(_address)] | None = None
    cwd: Path = Path()
    python: Path | None = None
    env: Mapping[str, str] = {}
    setup: tuple[str, ...] | None = None
    setup_timeout: Seconds = 120.0
    ready: Annotated[str, Field(pattern="^/")] | None = None
    # Three arms with two workers each take half of it where they share one slow core.
    ready_timeout: Seconds = 60.0
    seed: str | None = None
    requires: tuple[str, ...] = ()  # modules that it cannot do without, and that may be missing
    # Kinds of statements that run outside the event loop, where the others stop it; None: none stops it.
    off_loop: tuple[str, ...] | None = None
    origin: str | None = None  # what a report says it was made from: a commit, say
    twin_of: Name | None = None  # another arm, whose code this is with its handlers in threads
    colour: ColourName | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Arm":
        given = [key for key in ("app", "command", "url") if getattr(self, key)]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "has none of them"
            raise ValueError(f"an arm is named by exactly one of app, command, url; this one {found}")
        return self

    @property
    def kind(self) -> Literal["app", "command", "url"]:
        return "app" if self.app else "command" if self.command else "url"


class Scenario(Frozen):
    """A Locust user class: the file, and which class of it (all of them, when not named)."""

    name: Name
    locustfile: Path
    user: str | None = None
    args: tuple[str, ...] = ()  # for the file's own options
    tags: tuple[str, ...] = ()  # only tasks with one of them; none: all
    exclude_tags: tuple[str, ...] = ()


class Seed(Frozen):
    """The data every arm starts from: a command that writes an SQL script to its standard output."""

    name: Name
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    cwd: Path = Path()


class Database(Frozen):
    """Where the arms' data lives: a private throw-away server, an existing one by URL, or none of ours."""

    server: str = "private"
    product: str | None = None  # none named: what the URL says, or the first
    tls: bool = False


class Upstream(Frozen):
    """A service of ours beside the arms, `{upstream}` to them, which answers after this delay."""

    delay_ms: Annotated[float, Field(ge=0, le=10_000)] = 10.0


class Profile(Frozen):
    """How thoroughly to measure."""

    name: Name
    trials: Trials
    combs: Combs = 1
    headline_combs: Combs = 1
    budget: Seconds
    precision: Share | None = None
    comb: Seconds = 2.5
    rtt_ms: RoundTrips | None = None
    headline_only: bool = False  # never in a plan: its cells and arms are what is left


class Band(Frozen):
    """The claim's own surroundings, from lowest to highest, as its sources give them.

    Nothing measured here enters: a band in units of this machine would follow it wherever the curve goes.
    """

    cpu_ms: tuple[float, float]
    rtt_ms: tuple[float, float]
    database_ms: tuple[float, float]
    loop_trips: Annotated[float, Field(gt=0, le=1000)]
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> "Band":
        for key in ("cpu_ms", "rtt_ms", "database_ms"):
            low, high = getattr(self, key)
            if not 0 < low <= high:
                raise ValueError(f"{key} = [{low}, {high}]: write the lower number first, both above 0")
        return self


class Claim(Frozen):
    """A published gain, to be found on the curve."""

    gain: Annotated[float, Field(gt=-1, lt=100)]
    candidate: Name
    baseline: Name
    scenario: Name | None = None  # whose request the claim is about; None: any
    source: str | None = None
    band: Band | None = None
    at_wait_ratios: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = (0.5, 1.0)


GATE_SEQUENCES = 25


Method = Literal["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"]


class Login(Frozen):
    """A request that is sent first, as JSON or as a form. Its answer sets a cookie, or has a token."""

    path: Annotated[str, Field(pattern="^/")]
    method: Method = "POST"
    body: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    token: str | None = None  # where in the answer's JSON: "access_token", "data.token"
    header: str = "Authorization"
    scheme: str = "Bearer"  # before the token; "": nothing

    @model_validator(mode="after")
    def _one_body(self) -> "Login":
        if self.body is not None and self.form is not None:
            raise ValueError("a login has a `body`, which is sent as JSON, or a `form`, not both")
        return self


class ParityRules(Frozen):
    """What must be alike in all arms before any is timed; the operations come from their OpenAPI."""

    openapi: Annotated[str, Field(pattern="^/")] = "/openapi.json"
    include: tuple[str, ...] = ("/",)  # path prefixes
    exclude: tuple[str, ...] = ()  # of these, those that are left out
    methods: tuple[Method, ...] = ()  # none named: all
    request_headers: Mapping[str, str] = {}  # with every request: a token, say
    login: Login | None = None
    headers: tuple[str, ...] = ("content-type", "location", "cache-control")
    statements: Literal["equal", "shown"] = "equal"  # how many each arm sends: must be alike, or is only told
    gate_sequences: Annotated[int, Field(ge=0, le=10_000)] | None = None


class Cell(Condition):
    """A scenario under one condition; the arms are compared inside it."""

    scenario: Name
    headline: bool = False

    @property
    def condition(self) -> Condition:
        return Condition(**{name: getattr(self, name) for name in Condition.model_fields})

    @property
    def key(self) -> str:
        """What joins this cell's windows, figures and report entries."""
        return f"{self.scenario}/{super().key}"

    @property
    def workload(self) -> str:
        return f"{self.scenario}/{super().workload}"

    def but_for(self, dimension: str) -> str:
        return f"{self.scenario}/{super().but_for(dimension)}"


class Comparison(Frozen):
    """A candidate held against a baseline."""

    baseline: Name
    candidate: Name
    headline: bool = False


class Step(Frozen):
    """Two arms that differ in one thing. An aside is no part of the way from before to after."""

    before: Name
    after: Name
    says: str
    aside: bool = False


class Control(Frozen):
    """CPU added to one arm on purpose, as a share of what one of its requests costs."""

    arm: Name
    share: Share


class Plan(Frozen):
    """Everything a run needs to know, checked."""

    name: Name
    folder: Path
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    scenarios: tuple[Scenario, ...]
    seeds: tuple[Seed, ...] = ()
    database: Database = Database()
    upstream: Upstream | None = None
    profile: Profile
    cells: Annotated[tuple[Cell, ...], Field(min_length=1)]
    comparisons: tuple[Comparison, ...]
    claim: Claim | None = None
    control: Control | None = None
    parity: ParityRules | None = None
    seed: int = 0
    pin: bool = True
    thread_tokens: Annotated[int, Field(ge=1, le=10_000)] = 40
    pool_timeout: Seconds = 30.0
    margin: Share = 0.03
    arrivals: Arrivals = "poisson"
    slo: Seconds | None = None  # also find the highest rate each arm holds with its p99 below this
    allow_targets: tuple[str, ...] = ()
    expect: tuple[Expected, ...] = ()
    steps: tuple[Step, ...] = ()  # what `explain` makes the gain up of

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        return tuple(map(parse_expectation, self.expect))

    def arm(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    def scenario(self, name: str) -> Scenario:
        return next(scenario for scenario in self.scenarios if scenario.name == name)

    def off_loop(self, arm: str) -> tuple[str, ...] | None:
        """What does not stop this arm's event loop. A claim's baseline that says nothing waits for it all."""
        said = self.arm(arm).off_loop
        waits = self.claim is not None and self.claim.baseline == arm
        return () if said is None and waits else said

    @property
    def arm_names(self) -> tuple[str, ...]:
        return tuple(arm.name for arm in self.arms)

    @property
    def headline_cell(self) -> Cell:
        return next(cell for cell in self.cells if cell.headline)

    @property
    def headline(self) -> Comparison | None:
        return next((comparison for comparison in self.comparisons if comparison.headline), None)

    @property
    def rate(self) -> float | None:
        """Requests per second and arm on a schedule, one for all cells; None: a closed loop."""
        return self.headline_cell.rate_rps

    @property
    def gate_sequences(self) -> int:
        """How many sequences the arms answer before they are timed.

        They write and delete: unasked, nothing is sent but the load, and to a server that gainbench did not
        start only where their number is asked for.
        """
        if self.parity is None:
            return 0
        if self.parity.gate_sequences is not None:
            return self.parity.gate_sequences
        return 0 if self.strangers else GATE_SEQUENCES

    @property
    def compares_own_requests(self) -> bool:
        """Whether the answers to the load itself are compared first: where nothing else is asked for."""
        said = None if self.parity is None else self.parity.gate_sequences
        return len(self.arms) > 1 and not self.gate_sequences and said is None

    @property
    def strangers(self) -> tuple[str, ...]:
        """The arms whose servers gainbench does not start."""
        return tuple(arm.name for arm in self.arms if arm.kind == "url")

    def combs_of(self, cell: Cell) -> int:
        """How many combs one trial gives this cell."""
        return self.profile.headline_combs if cell.headline else self.profile.combs
