"""What a cell is measured under: users, rate, round trip, pool, workers. The one place that knows these.

A dimension is a field of `Condition`, with an entry in `DIMENSIONS` for its words and for what another value
of it needs; where a plan may give several values, it is a field of `ConditionTable` too. Keys, headings, the
order of a trial and the files ask here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gainbench.plan.frozen import Frozen
from gainbench.plan.units import plain, several

RoundTripMs = Annotated[float, Field(ge=0, le=1000)]
RoundTrips = Annotated[tuple[RoundTripMs, ...], Field(min_length=1)]
Users = Annotated[int, Field(ge=1, le=10_000)]
Workers = Annotated[int, Field(ge=1, le=64)]
Rate = Annotated[float, Field(ge=1, le=1_000_000)]


class Pool(Frozen):
    """A connection pool: `size` kept open, `overflow` more that are closed when they come back."""

    size: Annotated[int, Field(ge=1, le=1000)]
    overflow: Annotated[int, Field(ge=0, le=1000)] = 0

    @property
    def label(self) -> str:
        return f"{self.size}" if not self.overflow else f"{self.size}+{self.overflow}"


SQLALCHEMY_DEFAULT_POOL = Pool(size=5, overflow=10)


def pool_from(value: Any) -> Any:
    """Read 40, "40+10" or "default" (SQLAlchemy's own) as a Pool."""
    if value == "default":
        return SQLALCHEMY_DEFAULT_POOL
    if not isinstance(value, int | str):
        return value
    size, _, overflow = str(value).partition("+")
    try:
        return Pool(size=int(size), overflow=int(overflow or 0))
    except ValueError:
        choices = "write 40, 40+10 or default, at most 1000 of each"
        raise ValueError(f"{value!r} is not a pool: {choices}") from None


def as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Condition(Frozen):
    """One value of every dimension."""

    users: Users
    rtt_ms: RoundTripMs
    pool: Pool
    workers: Workers = 1
    rate_rps: Rate | None = None  # per arm, on a schedule; None: a closed loop

    @property
    def key(self) -> str:
        """Names this condition: no two have the same."""
        return _key(self, DIMENSIONS)

    @property
    def servers(self) -> str:
        """What servers are started for: conditions that are alike in it can share them."""
        return _key(self, [one for one in DIMENSIONS if one.needs is Needs.SERVERS])

    @property
    def workload(self) -> str:
        """What users are started for, servers included: conditions that are alike in it can share both."""
        return _key(self, [one for one in DIMENSIONS if one.needs is not Needs.NOTHING])

    def but_for(self, dimension: str) -> str:
        """The same for all conditions that differ in this dimension alone."""
        return _key(self, [one for one in DIMENSIONS if one.name != dimension])

    def short(self) -> str:
        return ", ".join(one.short(self) for one in DIMENSIONS if one.tells(self))

    def full(self, found: Mapping[str, str] = MappingProxyType({})) -> str:
        """In a sentence. `found` adds, by dimension, what the run knows of it beside what was asked for."""
        return ", ".join(one.full(self, found.get(one.name, "")) for one in DIMENSIONS if one.tells(self))

    def flat(self) -> dict[str, Any]:
        """As results.json holds it among a cell's figures: a pool's overflow stands beside its size."""
        flat: dict[str, Any] = {}
        for name in Condition.model_fields:
            value = getattr(self, name)
            if isinstance(value, Pool):
                flat |= {name: value.size, "overflow": value.overflow}
            else:
                flat[name] = value
        return flat

    @classmethod
    def from_flat(cls, table: Mapping[str, Any]) -> dict[str, Any]:
        """A cell's figures as results.json holds them, with the condition in one piece again."""
        known = {name: table[name] for name in cls.model_fields if name in table}
        if "pool" in known:
            known["pool"] = {"size": table["pool"], "overflow": table.get("overflow", 0)}
        rest = {key: value for key, value in table.items() if key not in known and key != "overflow"}
        return {**rest, "condition": known}


class ConditionTable(Frozen):
    """What a plan says of several conditions at once: every combination of the values it gives."""

    users: Annotated[tuple[Users, ...], BeforeValidator(as_list), Field(min_length=1)] = (8,)
    rtt_ms: Annotated[RoundTrips, BeforeValidator(as_list)] = (0.0,)
    pool: Annotated[Pool, BeforeValidator(pool_from)] = Pool(size=40)
    workers: Workers = 1

    def conditions(self, rate_rps: float | None) -> tuple[Condition, ...]:
        """All of them; the rate is one for a whole run."""
        given = {name: as_list(getattr(self, name)) for name in ConditionTable.model_fields}
        return tuple(
            Condition(**dict(zip(given, values, strict=True)), rate_rps=rate_rps)
            for values in product(*given.values())
        )

    @staticmethod
    def of(condition: Condition) -> dict[str, Any]:
        """The table that gives this condition alone, as a plan file writes it."""
        given = {name: getattr(condition, name) for name in ConditionTable.model_fields}
        return {name: value.label if isinstance(value, Pool) else value for name, value in given.items()}


class Needs(Enum):
    """What has to be started anew for another value of a dimension."""

    SERVERS = "servers"
    USERS = "users"
    NOTHING = "nothing: it changes while all runs"


@dataclass(frozen=True)
class Dimension:
    """What is to be known of one field of a condition."""

    name: str
    needs: Needs
    key: Callable[[Condition], str | None]  # its part of a cell's key
    short: Callable[[Condition], str]
    full: Callable[[Condition, str], str]  # with what the run found of it
    tells: Callable[[Condition], bool] = lambda condition: True  # whether it is worth a word


DIMENSIONS = (
    Dimension(
        "users",
        Needs.USERS,
        key=lambda one: f"users={one.users}",
        short=lambda one: several(one.users, "user"),
        full=lambda one, found: f"{several(one.users, 'user')}{found}",
        tells=lambda one: one.rate_rps is None,  # an open loop's only bound the requests in flight
    ),
    Dimension(
        "rate_rps",
        Needs.USERS,
        key=lambda one: None if one.rate_rps is None else f"rate={one.rate_rps:g}",
        short=lambda one: "no schedule" if one.rate_rps is None else scheduled(one.rate_rps),
        full=lambda one, found: (
            f"{scheduled(one.rate_rps or 0)}{found} on a schedule, timed from the planned start"
        ),
        tells=lambda one: one.rate_rps is not None,
    ),
    Dimension(
        "rtt_ms",
        Needs.NOTHING,
        key=lambda one: f"rtt={one.rtt_ms:g}ms",
        short=lambda one: f"{plain(one.rtt_ms)} ms added" if one.rtt_ms else "no delay added",
        full=lambda one, found: (
            f"{f'{plain(one.rtt_ms)} ms' if one.rtt_ms else 'no delay'} asked{found}"
            " to be added to each database round trip"
        ),
    ),
    Dimension(
        "pool",
        Needs.SERVERS,
        key=lambda one: f"pool={one.pool.label}",
        short=lambda one: f"pool {one.pool.label}",
        full=lambda one, found: f"a pool of {one.pool.label}{found}",
    ),
    Dimension(
        "workers",
        Needs.SERVERS,
        key=lambda one: f"workers={one.workers}",
        short=lambda one: several(one.workers, "worker"),
        full=lambda one, found: f"{several(one.workers, 'worker')}{found}",
    ),
)


def scheduled(rate_rps: float) -> str:
    return f"{plain(rate_rps)} requests/s"


def differing(conditions: Collection[Condition]) -> tuple[Dimension, ...]:
    """The dimensions in which at least two of these conditions differ."""
    return tuple(one for one in DIMENSIONS if len({getattr(each, one.name) for each in conditions}) > 1)


def _key(condition: Condition, dimensions: Sequence[Dimension]) -> str:
    return "/".join(part for one in dimensions if (part := one.key(condition)) is not None)
