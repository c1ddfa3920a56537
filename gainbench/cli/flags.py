"""What several commands take: the flags of a plan, how each is read, and the types of a few others."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from gainbench.errors import ConfigurationError
from gainbench.plan.file import PROFILES, pool_from
from gainbench.plan.flags import Flags
from gainbench.plan.model import Arrivals, Control, Pool
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

T = TypeVar("T")


def takes_plan_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every flag of the plan; it receives them together, as `flags`."""
    shared = inspect.signature(plan_flags).parameters
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "flags"]

    @functools.wraps(command)
    def with_flags(**given: Any) -> None:
        flags = plan_flags(**{name: given.pop(name) for name in shared})
        command(flags=flags, **given)

    parameters = [*own, *shared.values()]
    with_flags.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    )
    with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_flags


def plan_flags(
    profile: Annotated[str | None, typer.Option(help=f"How thoroughly: {', '.join(PROFILES)}.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Measure only this scenario.")] = None,
    arms: Annotated[str | None, typer.Option(metavar="A,B", help="Only these arms; A,A is a null.")] = None,
    baseline: Annotated[str | None, typer.Option(help="What the others are compared with.")] = None,
    users: Annotated[int | None, typer.Option(min=1, max=10_000, help="Users per arm.")] = None,
    rtt: Annotated[str | None, typer.Option(metavar="MS[,MS...]", help="Round trips to add.")] = None,
    pool: Annotated[str | None, typer.Option(metavar="N|default", help="Connection pool per worker.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes per arm.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, max=1000, help="Trials with fresh servers.")] = None,
    blocks: Annotated[int | None, typer.Option(min=1, max=100, help="Blocks of each cell a trial.")] = None,
    precision: Annotated[str | None, typer.Option(metavar="2%", help="Go on until this precise.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="5m", help="Stop by then, whatever is reached.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random order.")] = None,
    db_url: Annotated[str | None, typer.Option(metavar="URL", help="Use this database server.")] = None,
    control: Annotated[
        str | None, typer.Option(metavar="ARM:P%", help="Slow this arm down on purpose, as a check.")
    ] = None,
    no_pin: Annotated[bool, typer.Option("--no-pin", help="Leave processes free to change cores.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(metavar="R", min=1, max=1_000_000, help="Open loop: R requests/s on a schedule."),
    ] = None,
    arrivals: Annotated[Arrivals | None, typer.Option(help="How an open loop's requests are spread.")] = None,
    slo: Annotated[
        str | None, typer.Option(metavar="MS", help="Also find the highest rate with a p99 below it.")
    ] = None,
) -> Flags:
    """What the command line says about the plan."""
    return Flags(
        profile=profile,
        scenario=scenario,
        arms=parsed("--arms", arms, _names),
        baseline=baseline,
        users=users,
        rtt_ms=parsed("--rtt", rtt, _milliseconds),
        pool=parsed("--pool", pool, _pool),
        workers=workers,
        trials=trials,
        blocks=blocks,
        precision=parsed("--precision", precision, share),
        budget_seconds=parsed("--budget", budget, duration_seconds),
        seed=seed,
        database=db_url,
        control=parsed("--control", control, _control),
        pin=False if no_pin else None,
        rate=rate,
        arrivals=arrivals,
        slo_seconds=parsed("--slo", slo, _limit_seconds),
    )


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


def _control(text: str) -> Control:
    arm, _, amount = text.rpartition(":")
    if not arm:
        raise ValueError("write ARM:P%, for example sync#2:10%")
    return Control(arm=arm, share=share(amount))
