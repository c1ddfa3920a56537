"""Every fault that is tried, and what has to come of it. Tries nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gainbench.run.observation import DATABASE, GENERATOR, HARNESS, PROXY, SUPERVISOR
from gainbench.run.stages import Stage

Action = Literal["KILL", "TERM", "INT", "STOP", "pause"]
Moment = Literal["", "guard", "window"]  # of a comb
Accident = Literal[
    "database restarted",
    "connections cut",
    "connections black-holed",
    "database read-only",
    "output closed",
    "terminal gone",
    "another bench beside it",
    "256 open files, more allowed",
    "256 open files at most",
    "disk full",
]

ARM = "b"  # the candidate
ARM_WORKER = "b's worker"  # one of its two processes; another takes its place when it ends
LOAD_WORKER = "(load-generator 1)"
SEVERAL = ("--generators", "2")
TWO_WORKERS = ("--workers", "2")
PAUSES = (0.3, 1.5, 5.0)
COMPONENTS = (ARM, PROXY, GENERATOR, DATABASE, SUPERVISOR, HARNESS)

INVALID, LACKING, WRONG, INTERRUPTED = 3, 4, 2, 130

WORDS = {
    ARM: r"\bb\b",
    PROXY: "latency proxy",
    GENERATOR: "load generator",
    LOAD_WORKER: "generator",
    DATABASE: "database",
    SUPERVISOR: "supervisor",
}
"""What a message says that blames this component."""


@dataclass(frozen=True)
class Fault:
    """What is done to which component, and when. A pause goes on by itself."""

    component: str
    action: Action
    stage: Stage
    moment: Moment = ""
    pause_seconds: float = 0.0
    flags: tuple[str, ...] = ()
    resumes: bool = False  # of a run that was interrupted before and is gone on with

    @property
    def part(self) -> str:
        if self.component == GENERATOR and self.flags == SEVERAL:
            return "master"
        return self.component.strip("()").replace("load-generator 1", "load worker")

    @property
    def what(self) -> str:
        return f"pause {self.pause_seconds:g} s" if self.is_passing else self.action

    @property
    def when(self) -> str:
        return f"{self.moment or self.stage}{' after resuming' if self.resumes else ''}"

    @property
    def id(self) -> str:
        return _id(self.part, self.what.lower(), self.when)

    @property
    def needs_room(self) -> bool:
        """Beside another bench combs are dropped for the cores it takes: no window is left to look at."""
        return bool(self.moment) or self.flags == SEVERAL

    @property
    def is_passing(self) -> bool:
        return self.action == "pause"

    @property
    def may_collapse(self) -> str | None:
        """The arm that stops serving by it."""
        return ARM if self.component in (ARM, ARM_WORKER) and not self.is_passing else None


@dataclass(frozen=True)
class Mishap:
    """What befalls a bench from its surroundings, and when where that can be chosen."""

    accident: Accident
    stage: Stage | None = None
    moment: Moment = ""

    @property
    def part(self) -> str:
        return "surroundings"

    @property
    def what(self) -> str:
        return self.accident

    @property
    def when(self) -> str:
        return self.moment or self.stage or "all the time"

    @property
    def id(self) -> str:
        return _id(self.accident.replace(",", ""), self.when)

    @property
    def needs_room(self) -> bool:
        return bool(self.moment)


@dataclass(frozen=True)
class Allowed:
    """The exit statuses that are right, and what must be named."""

    statuses: frozenset[int]
    names: str | None = None  # a pattern
    report_statuses: frozenset[int] = frozenset()  # beside those of any report


def allowed(fault: Fault | Mishap) -> Allowed:
    """A passing fault may cost combs, or be waited for; nobody is to be blamed for one that is over."""
    if isinstance(fault, Mishap):
        return _MISHAPS[fault.accident]
    return Allowed(frozenset({0, INVALID})) if fault.is_passing else _of_lasting(fault)


def _of_lasting(fault: Fault) -> Allowed:
    statuses, named = frozenset({INVALID, LACKING}), WORDS.get(fault.component)
    if fault.component == HARNESS:
        statuses = frozenset({-9} if fault.action == "KILL" else {INTERRUPTED})
    elif fault.component == ARM:
        # One that never got ready is a mistake in the plan; one that stops serving is a result.
        statuses = frozenset({WRONG, INVALID} if fault.stage in ("start", "parity") else {0, INVALID})
    elif fault.component == ARM_WORKER:
        statuses = frozenset({0, INVALID})
    elif fault.component == LOAD_WORKER:
        statuses, named = statuses | {0}, None
    elif fault.component == SUPERVISOR and fault.action == "STOP":
        statuses, named = statuses | {0}, None  # it is woken where nothing was to be asked of it
    return Allowed(statuses, named)


_MISHAPS: dict[Accident, Allowed] = {
    "database restarted": Allowed(frozenset({0, INVALID, LACKING})),
    "connections cut": Allowed(frozenset({0, INVALID})),
    "connections black-holed": Allowed(frozenset({0, INVALID, LACKING})),
    "database read-only": Allowed(frozenset({0, INVALID, LACKING})),
    "output closed": Allowed(frozenset({0, 1, INVALID, LACKING})),
    "terminal gone": Allowed(frozenset({INTERRUPTED})),
    "another bench beside it": Allowed(frozenset({0, INVALID})),
    "256 open files, more allowed": Allowed(frozenset({0, INVALID})),
    "256 open files at most": Allowed(frozenset({LACKING}), "open files"),
    "disk full": Allowed(frozenset({LACKING}), "cannot write", frozenset({LACKING})),
}


def table() -> tuple[Fault | Mishap, ...]:
    return (*_faults(), *_of_resumed_runs(), *_of_several_processes(), *_mishaps())


def _faults() -> Iterator[Fault]:
    for component in COMPONENTS:
        for stage, moment in _moments(component):
            for action in _actions(component):
                yield Fault(component, action, stage, moment)
            for seconds in PAUSES:
                yield Fault(component, "pause", stage, moment, seconds)


def _actions(component: str) -> tuple[Action, ...]:
    """A harness that is stopped for good waits for whoever stopped it."""
    return ("KILL", "TERM", "INT") if component == HARNESS else ("KILL", "TERM", "STOP")


def _moments(component: str) -> Iterator[tuple[Stage, Moment]]:
    """When the component is there."""
    if component in (SUPERVISOR, HARNESS):
        yield "install", ""
    yield "start", ""
    yield "parity", ""
    yield "warm-up", ""
    yield "comb", "guard"
    yield "comb", "window"
    if component == HARNESS:
        yield "between trials", ""
        yield "report", ""


def _of_resumed_runs() -> Iterator[Fault]:
    for component in COMPONENTS:
        yield Fault(component, "KILL", "comb", "window", resumes=True)
        yield Fault(component, "pause", "comb", "window", 1.5, resumes=True)


def _of_several_processes() -> Iterator[Fault]:
    moments: tuple[tuple[Stage, Moment], ...] = (("warm-up", ""), ("comb", "guard"), ("comb", "window"))
    several = ((GENERATOR, SEVERAL), (LOAD_WORKER, SEVERAL), (ARM_WORKER, TWO_WORKERS))
    for component, flags in several:
        for stage, moment in moments:
            for action in ("KILL", "STOP"):
                yield Fault(component, action, stage, moment, flags=flags)
            for seconds in PAUSES:
                yield Fault(component, "pause", stage, moment, seconds, flags=flags)


def _mishaps() -> Iterator[Mishap]:
    of_the_database: tuple[Accident, ...] = (
        "database restarted",
        "connections cut",
        "connections black-holed",
        "database read-only",
    )
    for accident in of_the_database:
        yield Mishap(accident, "warm-up")
        yield Mishap(accident, "comb", "guard")
        yield Mishap(accident, "comb", "window")
    yield Mishap("terminal gone", "comb", "window")
    yield Mishap("terminal gone", "parity")
    yield Mishap("output closed")
    yield Mishap("another bench beside it")
    yield Mishap("256 open files, more allowed")
    yield Mishap("256 open files at most")
    yield Mishap("disk full")


def _id(*words: str) -> str:
    return "-".join(word.replace(" ", "-") for word in words)
