"""What several commands take: the flags of a plan, each a row of one table, and the types of a few others."""

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from gainbench.cli.hidden import database_url
from gainbench.errors import ConfigurationError
from gainbench.plan.condition import Pool, pool_from
from gainbench.plan.expectation import parse_expectation
from gainbench.plan.file import PROFILES
from gainbench.plan.flags import Flags, spelt
from gainbench.plan.model import Arrivals, Control
from gainbench.plan.units import duration_seconds, share

PlanPath = Annotated[Path, typer.Option("--plan", metavar="FILE", help="The plan to measure.")]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run directories go.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, only the result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only the run directory, on standard output.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in a browser.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Holds the secret of master and workers; or GAINBENCH_SECRET does."),
]

REPORTS = Path("reports")
CONDITION = ("scenario", "arms", "users", "rtt_ms", "pool", "workers", "database")  # of the flags of a plan

T = TypeVar("T")


def takes_plan_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every flag of the plan; it receives them together, as `flags`."""
    return takes_flags_of_plan(command, PLAN_FLAGS)


def takes_plan_flags_of(*fields: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same with some of them, for a command to which the others mean nothing."""
    some = [flag for flag in PLAN_FLAGS if flag.field in fields]
    return functools.partial(takes_flags_of_plan, offered=some)


def takes_flags_of_plan(command: Callable[..., None], offered: Sequence["PlanFlag"]) -> Callable[..., None]:
    shared = [flag.parameter() for flag in offered]
    own = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != "flags"
    ]

    @functools.wraps(command)
    def with_flags(**given: Any) -> None:
        flags = Flags(**{flag.field: flag.value(given.pop(flag.field)) for flag in offered})
        command(flags=flags, **given)

    # Typer reads a command's options off these two.
    with_flags.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *shared]}
    return with_flags


def parsed(flag: str, text: str | None, reader: Callable[[str], T]) -> T | None:
    """A flag's value; one that cannot be read is told with the flag's name."""
    if text is None:
        return None
    try:
        return reader(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{flag} {text}: {reason}") from None
    except ValueError as error:
        raise ConfigurationError(f"{flag} {text}: {error}") from None


@dataclass(frozen=True)
class PlanFlag:
    """A flag of the plan: the field of `Flags` it fills, what Typer takes for it, and how that is read."""

    field: str
    takes: Any
    help: str
    panel: str
    reader: Callable[[Any], Any] | None = None
    metavar: str | None = None
    min: float | None = None
    max: float | None = None

    def parameter(self) -> Parameter:
        """The parameter of a command that has Typer offer this flag."""
        option = typer.Option(
            None,
            spelt(self.field),
            help=self.help,
            metavar=self.metavar,
            min=self.min,
            max=self.max,
            rich_help_panel=self.panel,
        )
        return Parameter(self.field, Parameter.KEYWORD_ONLY, default=option, annotation=self.takes | None)

    def value(self, given: Any) -> Any:
        """What the field holds when Typer was given this."""
        return given if self.reader is None else parsed(spelt(self.field), given, self.reader)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _milliseconds(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("write milliseconds, such as 0.1 or 0,0.2,0.4") from None
    if not all(0 <= value <= 1000 for value in values):
        raise ValueError("a round trip lies between 0 and 1000 ms")
    return values


def _limit_seconds(text: str) -> float:
    """A number alone is in milliseconds, as latencies are spoken of."""
    return float(text) / 1000 if text.replace(".", "", 1).isdigit() else duration_seconds(text)


def _pool(text: str) -> Pool:
    pool = pool_from(int(text) if text.isdigit() else text)
    return Pool.model_validate(pool)


def _expectations(texts: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(parse_expectation(text).text for text in texts) or None


def _control(text: str) -> Control:
    arm, _, amount = text.rpartition(":")
    if not arm:
        raise ValueError("write ARM:P%, for example sync#2:10%")
    return Control(arm=arm, share=share(amount))


MEASURED, LENGTH, PLACE = "What is measured", "How long, and how sure", "Where it runs"

# In the order of --help. How each is spelt, `plan/flags.py` says, which also names it in messages.
PLAN_FLAGS = (
    PlanFlag("profile", str, f"How thoroughly: {', '.join(PROFILES)}.", LENGTH),
    PlanFlag("scenario", str, "Measure only this scenario.", MEASURED),
    PlanFlag("arms", str, "Only these arms; A,A is a null.", MEASURED, reader=_names, metavar="A,B"),
    PlanFlag("baseline", str, "What the others are compared with.", MEASURED),
    PlanFlag("users", int, "Users per arm.", MEASURED, min=1, max=10_000),
    PlanFlag("rtt_ms", str, "Round trips to add.", MEASURED, reader=_milliseconds, metavar="MS[,MS...]"),
    PlanFlag("pool", str, "Connection pool per worker.", MEASURED, reader=_pool, metavar="N|default"),
    PlanFlag("workers", int, "Worker processes per arm.", MEASURED, min=1, max=64),
    PlanFlag("trials", int, "Trials with fresh servers.", LENGTH, min=1, max=1000),
    PlanFlag("combs", int, "Combs of each cell a trial.", LENGTH, min=1, max=100),
    PlanFlag("precision", str, "Go on until this precise.", LENGTH, reader=share, metavar="2%"),
    PlanFlag(
        "budget_seconds",
        str,
        "Stop by then, whatever is reached.",
        LENGTH,
        reader=duration_seconds,
        metavar="5m",
    ),
    PlanFlag("seed", int, "Seed of every random order.", LENGTH),
    PlanFlag(
        "database",
        str,
        "Use this database server; env:NAME takes its URL from a variable.",
        PLACE,
        reader=database_url,
        metavar="URL",
    ),
    PlanFlag(
        "control",
        str,
        "Slow this arm down on purpose, as a check.",
        MEASURED,
        reader=_control,
        metavar="ARM:P%",
    ),
    PlanFlag("pin", bool, "Leave processes free to change cores.", PLACE, reader=operator.not_),
    PlanFlag(
        "rate", float, "Open loop: R requests/s on a schedule.", MEASURED, metavar="R", min=1, max=1_000_000
    ),
    PlanFlag("arrivals", Arrivals, "How an open loop's requests are spread.", MEASURED),
    PlanFlag(
        "slo_seconds",
        str,
        "Also find the highest rate with a p99 below it.",
        MEASURED,
        reader=_limit_seconds,
        metavar="MS",
    ),
    PlanFlag(
        "expect",
        list[str],
        "Fail unless, e.g. 'low >= 10%' or 'async/sync >= 1.05'; may be given several times.",
        LENGTH,
        reader=_expectations,
        metavar="EXPR",
    ),
)
