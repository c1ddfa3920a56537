"""The plan file: TOML to checked tables and back. Reads one file; knows nothing of flags or of runs."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import BeforeValidator, Field, ValidationError

from gainbench.errors import ConfigurationError
from gainbench.plan.condition import ConditionTable, Rate, RoundTripMs, RoundTrips, as_list
from gainbench.plan.frozen import Frozen
from gainbench.plan.model import (
    Arm,
    Arrivals,
    Band,
    Cell,
    Claim,
    Combs,
    Control,
    Database,
    Expected,
    Name,
    ParityRules,
    Plan,
    Profile,
    Scenario,
    Seconds,
    Seed,
    Share,
    Step,
    Trials,
    Upstream,
)
from gainbench.plan.problems import worded


def _named_by_key(tables: Any) -> Any:
    """A table's key is the name of what it describes."""
    if not isinstance(tables, Mapping):
        return tables
    return {
        key: {**table, "name": key} if isinstance(table, Mapping) else table for key, table in tables.items()
    }


Named = BeforeValidator(_named_by_key)


class CellTable(ConditionTable):
    """One [[cells]] table: a scenario under every condition that the table gives."""

    scenario: Name
    headline_rtt_ms: RoundTripMs | None = None


class RunTable(Frozen):
    """Settings of the run as a whole."""

    name: Name | None = None
    profile: Name = "standard"
    seed: int = 0
    pin: bool = True
    thread_tokens: Annotated[int, Field(ge=1, le=10_000)] = 40
    pool_timeout: Seconds = 30.0
    margin: Share = 0.03
    baseline: Name | None = None  # of the headline, as is the candidate
    candidate: Name | None = None
    rate: Rate | None = None
    arrivals: Arrivals = "poisson"
    slo: Seconds | None = None
    expect: Annotated[tuple[Expected, ...], BeforeValidator(as_list)] = ()


class ProfileTable(Frozen):
    """One [profiles.NAME] table; what it leaves out comes from the built-in of that name, or `standard`."""

    name: Name
    trials: Trials | None = None
    combs: Combs | None = None
    headline_combs: Combs | None = None
    budget: Seconds | None = None
    precision: Share | None = None
    comb: Seconds | None = None
    rtt_ms: Annotated[RoundTrips, BeforeValidator(as_list)] | None = None
    headline_only: bool | None = None


class PlanFile(Frozen):
    """A whole plan file. Only arms and scenarios are required."""

    arms: Annotated[dict[Name, Arm], Named, Field(min_length=1)]
    scenarios: Annotated[dict[Name, Scenario], Named, Field(min_length=1)]
    seeds: Annotated[dict[Name, Seed], Named] = Field(default_factory=dict)
    database: Database = Database()
    upstream: Upstream | None = None
    profiles: Annotated[dict[Name, ProfileTable], Named] = Field(default_factory=dict)
    run: RunTable = RunTable()
    claim: Claim | None = None
    control: Control | None = None
    parity: ParityRules | None = None
    cells: tuple[CellTable, ...] = ()
    steps: tuple[Step, ...] = ()
    allow_targets: tuple[str, ...] = ()


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(name="smoke", trials=3, comb=1.5, budget=30.0, headline_only=True),
        Profile(name="quick", trials=5, headline_combs=3, budget=120.0, rtt_ms=(0.0, 0.1, 0.4)),
        Profile(name="standard", trials=8, combs=2, headline_combs=6, comb=2.4, budget=360.0),
        # Two arms on a runner that others share: what a pull request can wait for.
        Profile(name="ci", trials=18, headline_combs=9, comb=2.4, budget=600.0, headline_only=True),
        Profile(name="full", trials=20, combs=3, headline_combs=9, budget=1800.0, precision=0.01),
    )
}


def profile_named(name: str, tables: Mapping[str, ProfileTable]) -> Profile | None:
    """The profile of that name: the plan file's words over the built-in ones."""
    if name not in tables:
        return PROFILES.get(name)
    said = tables[name].model_dump(exclude_none=True)
    return PROFILES.get(name, PROFILES["standard"]).changed(said)


def parse(tables: Mapping[str, Any], origin: str) -> PlanFile:
    """Check a plan file's tables; every error at once, each naming key, value and choices."""
    try:
        return PlanFile.model_validate(tables)
    except ValidationError as error:
        problems = "\n".join(_explain(problem) for problem in error.errors())
        raise ConfigurationError(f"{origin} cannot be used:\n{problems}") from None


def read(path: Path) -> PlanFile:
    """Read and check the plan file at `path`."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no plan file {path}",
            cure="name one with --plan FILE, or write one with `gainbench init`",
        ) from None
    except OSError as error:
        raise ConfigurationError(f"the plan file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the plan file {path} is not valid TOML: {error}") from None
    return parse(tables, str(path))


_TABLES: Mapping[str, type[Frozen]] = {
    "arms": Arm,
    "scenarios": Scenario,
    "seeds": Seed,
    "profiles": ProfileTable,
    "cells": CellTable,
    "database": Database,
    "upstream": Upstream,
    "run": RunTable,
    "claim": Claim,
    "control": Control,
    "parity": ParityRules,
    "steps": Step,
}


def _explain(problem: Any) -> str:
    where = tuple(part for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        known = ", ".join(_keys_beside(where))
        problem = {**problem, "msg": f"unknown key; choices: {known}"}
    return f"  {worded(_dotted(where), problem)}"


def _keys_beside(where: tuple[int | str, ...]) -> list[str]:
    table = PlanFile if len(where) == 1 else _TABLES[str(where[0])]
    if where[:2] == ("claim", "band"):
        table = Band
    return sorted(key for key in table.model_fields if key != "name" or table is RunTable)


def _dotted(where: tuple[int | str, ...]) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the plan"


def _table(value: Frozen, *, drop: tuple[str, ...] = ("name",)) -> dict[str, Any]:
    dumped: dict[str, Any] = value.model_dump(mode="json", exclude_none=True, exclude=set(drop))
    return dumped


def render(plan: Plan) -> str:
    """Write the plan as the file that gives it back, for the run directory."""
    tables: dict[str, Any] = {
        "allow_targets": list(plan.allow_targets),
        "run": {
            "name": plan.name,
            "profile": plan.profile.name,
            "seed": plan.seed,
            "pin": plan.pin,
            "thread_tokens": plan.thread_tokens,
            "pool_timeout": plan.pool_timeout,
            "margin": plan.margin,
            "arrivals": plan.arrivals,
            **({} if plan.rate is None else {"rate": plan.rate}),
            **({} if plan.slo is None else {"slo": plan.slo}),
            **({"expect": list(plan.expect)} if plan.expect else {}),
            **_headline_pair(plan),
        },
        "database": _table(plan.database),
        "arms": {arm.name: _table(arm) for arm in plan.arms},
        "scenarios": {scenario.name: _table(scenario) for scenario in plan.scenarios},
        "seeds": {seed.name: _table(seed) for seed in plan.seeds},
        "profiles": {plan.profile.name: _table(plan.profile)},
        "cells": [_cell_table(cell) for cell in plan.cells],
    }
    arms = set(plan.arm_names)
    steps = [_table(step, drop=()) for step in plan.steps if {step.before, step.after} <= arms]
    if steps:  # a run of fewer arms, or of others, has none of the rest
        tables["steps"] = steps
    parts = {"upstream": plan.upstream, "claim": plan.claim, "control": plan.control, "parity": plan.parity}
    for key, part in parts.items():
        if part is not None:
            tables[key] = _table(part, drop=())
    return tomli_w.dumps(tables)


def _headline_pair(plan: Plan) -> dict[str, str]:
    """Both arms by name: the claim that chose them may be no part of the plan, nor the flags that did."""
    headline = plan.headline
    return {} if headline is None else {"baseline": headline.baseline, "candidate": headline.candidate}


def _cell_table(cell: Cell) -> dict[str, Any]:
    table: dict[str, Any] = {"scenario": cell.scenario, **ConditionTable.of(cell)}
    if cell.headline:
        table["headline_rtt_ms"] = cell.rtt_ms
    return table
