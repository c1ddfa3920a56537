"""What the command line says about a plan, and which of it can be. Knows no plan file."""

import dataclasses
from dataclasses import dataclass

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gainbench.plan.condition import Pool, Rate, RoundTrips, Users, Workers
from gainbench.plan.model import (
    Arrivals,
    Combs,
    Control,
    Expected,
    Seconds,
    Share,
    Trials,
)
from gainbench.plan.problems import Problems, worded


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line says about the plan; None leaves the plan file's word."""

    profile: str | None = None
    scenario: str | None = None
    arms: tuple[str, ...] | None = None
    baseline: str | None = None
    users: Users | None = None
    rtt_ms: RoundTrips | None = None
    pool: Pool | None = None
    workers: Workers | None = None
    trials: Trials | None = None
    combs: Combs | None = None
    precision: Share | None = None
    budget_seconds: Seconds | None = None
    seed: int | None = None
    database: str | None = None
    control: Control | None = None
    pin: bool | None = None
    rate: Rate | None = None
    arrivals: Arrivals | None = None
    slo_seconds: Seconds | None = None
    expect: tuple[Expected, ...] | None = None


# Set from outside: a class attribute of that name would be one of the dataclass's own.
Flags.__pydantic_config__ = ConfigDict(allow_inf_nan=False)  # type: ignore[attr-defined]

_FLAGS = TypeAdapter(Flags)
_SPELT = {
    "rtt_ms": "--rtt",
    "budget_seconds": "--budget",
    "slo_seconds": "--slo",
    "database": "--db-url",
    "pin": "--no-pin",
}


def spelt(field: str) -> str:
    """A field as the command line spells it."""
    return _SPELT.get(field, f"--{field}")


def checked(flags: Flags, problems: Problems) -> Flags:
    """The flags less those that cannot be: these are problems, and the rest is looked at still."""
    try:
        _FLAGS.validate_python(vars(flags))
    except ValidationError as error:
        wrong = [(str(problem["loc"][0]), problem) for problem in error.errors()]
        for name, problem in wrong:
            problems.add(worded(spelt(name), problem))
        left = {name: value for name, value in vars(flags).items() if name not in dict(wrong)}
        return dataclasses.replace(Flags(), **left)
    return flags
