"""Plan file and flags become one Plan, or one error that lists everything wrong with them."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations, count
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError
from gainbench.plan import file
from gainbench.plan.checks import (
    check_cell_tables,
    check_control,
    check_database,
    check_expectations,
    check_lengths,
    check_names,
    check_placeholders,
    check_ports,
    check_upstream,
    check_workers,
)
from gainbench.plan.condition import ConditionTable
from gainbench.plan.file import PlanFile
from gainbench.plan.flags import Flags, checked
from gainbench.plan.masking import remember_secrets
from gainbench.plan.model import (
    LONGEST_NAME,
    Arm,
    Cell,
    Comparison,
    Database,
    Plan,
    Profile,
    Scenario,
    Seed,
)
from gainbench.plan.problems import Problems

DEFAULT_PLAN = Path("bench.toml")

BASE, HEAD = "base", "head"

# Of an open loop, where users only bound the requests in flight.
FEWEST_USERS, MOST_USERS = 8, 300


def load_plan(path: Path = DEFAULT_PLAN, flags: Flags | None = None) -> Plan:
    """Read a plan file and apply flags to it."""
    return build(file.read(path), flags or Flags(), folder=path.resolve().parent, name=_as_name(path.stem))


def two_commands(first: str, second: str, locustfile: Path) -> PlanFile:
    """The plan of `--a CMD --b CMD --locustfile F`: a stranger's two servers, no plan file."""
    return file.parse(
        {
            "database": {"server": "none"},
            "arms": {"a": {"command": ["sh", "-c", first]}, "b": {"command": ["sh", "-c", second]}},
            "scenarios": {_as_name(locustfile.stem): {"locustfile": str(locustfile)}},
        },
        "--a, --b and --locustfile",
    )


def _as_name(stem: str) -> str:
    """A file may be called what no run and no scenario can."""
    return re.sub(r"[^A-Za-z0-9_.#-]+", "-", stem).lstrip("_.#-")[:LONGEST_NAME] or "unnamed"


def build(plan_file: PlanFile, flags: Flags, *, folder: Path, name: str) -> Plan:
    """Join plan file and flags into the Plan, or raise one error that lists everything wrong."""
    problems = Problems()
    flags = checked(flags, problems)
    profile = _profile(plan_file, flags, problems)
    arms = _arms(plan_file, flags, folder, problems)
    check_names(plan_file, arms, problems)
    check_cell_tables(plan_file, problems)
    comparisons = _comparisons(plan_file, flags, arms, problems)
    rate = flags.rate or plan_file.run.rate
    cells = _cells(plan_file, flags, profile, rate, problems)
    if profile.headline_only:
        arms, comparisons, cells = _headline_alone(flags, arms, comparisons, cells)
        profile = profile.changed({"headline_only": False})
    database = _database(plan_file, flags)
    check_database(database, arms, cells, problems)
    check_workers(arms, cells, problems)
    check_ports(arms, problems)
    check_placeholders(arms, problems)
    check_upstream(plan_file.upstream, arms, problems)
    control = flags.control or plan_file.control
    check_control(control, arms, problems)
    run = plan_file.run
    expect = run.expect if flags.expect is None else flags.expect
    check_expectations(expect, comparisons, cells, problems)
    problems.raise_any(name)
    plan = Plan(
        name=run.name or name,
        folder=folder,
        arms=_among_themselves(arms),
        scenarios=tuple(_resolve(scenario, folder) for scenario in plan_file.scenarios.values()),
        seeds=tuple(_seed(seed, folder) for seed in plan_file.seeds.values()),
        database=database,
        upstream=plan_file.upstream,
        profile=profile,
        cells=cells,
        comparisons=comparisons,
        # A claim speaks of throughput, and an open loop's throughput is the rate asked for.
        claim=plan_file.claim if rate is None and _claim_applies(plan_file, arms, cells) else None,
        control=control,
        parity=plan_file.parity,
        seed=run.seed if flags.seed is None else flags.seed,
        pin=run.pin if flags.pin is None else flags.pin,
        thread_tokens=run.thread_tokens,
        pool_timeout=run.pool_timeout,
        margin=run.margin,
        arrivals=flags.arrivals or run.arrivals,
        slo=flags.slo_seconds or run.slo,
        allow_targets=plan_file.allow_targets,
        expect=expect,
        steps=tuple(
            step for step in plan_file.steps if {step.before, step.after} <= {arm.name for arm in arms}
        ),
    )
    remember_secrets(plan)
    return plan


def against_itself(plan: Plan, arm: Arm, *, trials: int, combs: int) -> Plan:
    """The null: one arm twice, as two process groups, in the headline cell alone."""
    twin = arm.model_copy(update={"name": f"{arm.name}#2"})
    problems = Problems()
    checked(Flags(trials=trials, combs=combs), problems)
    check_lengths((twin.name,), problems)
    check_control(plan.control, (arm, twin), problems)
    problems.raise_any("null")
    profile = plan.profile.changed(
        {
            "name": "null",
            "trials": trials,
            "combs": combs,
            "headline_combs": combs,
            "precision": None,
        }
    )
    return plan.model_copy(
        update={
            "name": "null",
            "arms": _among_themselves((arm, twin)),
            "comparisons": (Comparison(baseline=arm.name, candidate=twin.name, headline=True),),
            "cells": (plan.headline_cell,),
            "profile": profile,
            "claim": None,
            "expect": (),
        }
    )


def under_pythons(plan: Plan, arm: Arm, pythons: Mapping[str, str], expect: Sequence[str]) -> Plan:
    """One arm several times, called by its Python; `pythons` says of each what a reader should know."""
    if arm.kind == "url":
        raise ConfigurationError(f"--pythons: nothing tells which Python answers at the url of {arm.name!r}")
    return _several_times(plan, arm, pythons, expect, "--pythons")


def before_and_after(plan: Plan, arm: Arm, expect: Sequence[str]) -> Plan:
    """One arm twice, called base and head, to be taken from two commits."""
    if arm.kind == "url":
        raise ConfigurationError(f"--base-ref: nothing tells which commit answers at the url of {arm.name!r}")
    found = _several_times(plan, arm, {BASE: None, HEAD: None}, expect, "--base-ref")
    return found.model_copy(update={"parity": None})  # a commit may mean to answer otherwise: that is noted


def _several_times(
    plan: Plan, arm: Arm, origins: Mapping[str, str | None], expect: Sequence[str], flag: str
) -> Plan:
    """One arm under these names, all compared; what was expected of the plan's own arms is left out."""
    names = list(origins)
    comparisons = tuple(
        Comparison(baseline=first, candidate=second, headline=(first, second) == (names[0], names[-1]))
        for first, second in combinations(names, 2)
    )
    problems = Problems()
    check_expectations(expect, comparisons, plan.cells, problems)
    problems.raise_any(flag)
    arms = (
        arm.model_copy(update={"name": name, "origin": origin, "twin_of": None, "colour": None})
        for name, origin in origins.items()
    )
    return plan.model_copy(
        update={
            "arms": tuple(arms),
            "comparisons": comparisons,
            "claim": None,
            "control": None,
            "expect": tuple(expect),
        }
    )


def _profile(plan_file: PlanFile, flags: Flags, problems: Problems) -> Profile:
    where, name = "run.profile", plan_file.run.profile
    if flags.profile is not None:
        where, name = "--profile", flags.profile
    profile = file.profile_named(name, plan_file.profiles)
    if profile is None:
        problems.unknown(where, name, sorted({*file.PROFILES, *plan_file.profiles}))
        profile = file.PROFILES["standard"]
    said: dict[str, Any] = {
        "trials": flags.trials,
        "precision": flags.precision,
        "budget": flags.budget_seconds,
        "combs": flags.combs,
        "headline_combs": flags.combs,
    }
    return profile.changed({key: value for key, value in said.items() if value is not None})


def _arms(plan_file: PlanFile, flags: Flags, folder: Path, problems: Problems) -> tuple[Arm, ...]:
    names = tuple(plan_file.arms) if flags.arms is None else flags.arms
    for name in names:
        if name not in plan_file.arms:
            problems.unknown("--arms", name, list(plan_file.arms))
    known = [name for name in names if name in plan_file.arms]
    own_names = _told_apart(known)
    check_lengths(own_names, problems)
    return tuple(
        _arm(plan_file.arms[name], own_name, folder)
        for name, own_name in zip(known, own_names, strict=True)
        if len(own_name) <= LONGEST_NAME
    )


def _arm(arm: Arm, name: str, folder: Path) -> Arm:
    python = folder / arm.python if arm.python else None
    return arm.model_copy(update={"name": name, "cwd": folder / arm.cwd, "python": python})


def _among_themselves(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms that are measured, none of them called the twin of one that is not."""
    names = {arm.name for arm in arms}
    return tuple(arm if arm.twin_of in names else arm.model_copy(update={"twin_of": None}) for arm in arms)


def _told_apart(names: Sequence[str]) -> list[str]:
    """sync, sync#2, sync#3: a stored plan may have arms that are called so themselves."""
    own: list[str] = []
    for name in names:
        free = (twin for twin in (f"{name}#{number}" for number in count(2)) if twin not in (*names, *own))
        own.append(name if name not in own else next(free))
    return own


def _comparisons(
    plan_file: PlanFile, flags: Flags, arms: Sequence[Arm], problems: Problems
) -> tuple[Comparison, ...]:
    """Every pair of arms, each against the one that comes first; the first and the last are the headline."""
    names = [arm.name for arm in arms]
    if flags.baseline is not None and flags.baseline not in names:
        problems.unknown("--baseline", flags.baseline, names)
    if len(names) < 2:
        return ()
    run, claim = plan_file.run, plan_file.claim
    claimed = (claim.baseline, claim.candidate) if claim else (None, None)
    baseline = _first_of(names, flags.baseline, run.baseline, claimed[0]) or names[0]
    names.remove(baseline)
    candidate = _first_of(names, run.candidate, claimed[1]) or names[-1]
    names.remove(candidate)
    return tuple(
        Comparison(baseline=first, candidate=second, headline=(first, second) == (baseline, candidate))
        for first, second in combinations((baseline, *names, candidate), 2)
    )


def _first_of(names: Sequence[str], *wanted: str | None) -> str | None:
    """What is wanted most of what is there: flags choose arms that a plan file's words are not about."""
    return next((name for name in wanted if name in names), None)


def _headline_alone(
    flags: Flags, arms: tuple[Arm, ...], comparisons: tuple[Comparison, ...], cells: tuple[Cell, ...]
) -> tuple[tuple[Arm, ...], tuple[Comparison, ...], tuple[Cell, ...]]:
    """The headline's two arms in its one cell; arms and round trips named on the command line all stay."""
    headline = next(cell for cell in cells if cell.headline)
    kept = {headline.changed({"rtt_ms": rtt_ms}).key for rtt_ms in flags.rtt_ms or (headline.rtt_ms,)}
    if flags.arms is None and comparisons:
        arms, comparisons = _headline_pair(arms, comparisons)
    return arms, comparisons, tuple(cell for cell in cells if cell.key in kept)


def _headline_pair(
    arms: tuple[Arm, ...], comparisons: tuple[Comparison, ...]
) -> tuple[tuple[Arm, ...], tuple[Comparison, ...]]:
    headline = next(comparison for comparison in comparisons if comparison.headline)
    kept = tuple(arm for arm in arms if arm.name in (headline.baseline, headline.candidate))
    return kept, (headline,)


def _cells(
    plan_file: PlanFile, flags: Flags, profile: Profile, rate: float | None, problems: Problems
) -> tuple[Cell, ...]:
    """Every cell once, exactly one of them the headline."""
    tables = plan_file.cells or tuple(file.CellTable(scenario=name) for name in plan_file.scenarios)
    if flags.scenario is not None:
        if flags.scenario in plan_file.scenarios:
            wanted = [table for table in tables if table.scenario == flags.scenario] or tables[:1]
            tables = tuple(table.model_copy(update={"scenario": flags.scenario}) for table in wanted)
        else:
            problems.unknown("--scenario", flags.scenario, list(plan_file.scenarios))
    cells: dict[str, Cell] = {}
    for table in tables:
        for cell in _cells_of(table, flags, profile, rate):
            known = cells.get(cell.key)
            cells[cell.key] = cell if known is None or cell.headline else known
    return _one_headline(tuple(cells.values()))


def _cells_of(table: file.CellTable, flags: Flags, profile: Profile, rate: float | None) -> list[Cell]:
    """The table's cells, where flags outdo the table and the table the profile."""
    said: dict[str, Any] = {"rtt_ms": _common(table.rtt_ms, profile.rtt_ms)}
    if flags.rate is not None:
        # A plan's users are a closed loop's, unless the plan itself names the rate.
        said["users"] = users_for(flags.rate)
    flagged = {name: getattr(flags, name) for name in ConditionTable.model_fields}
    said |= {name: value for name, value in flagged.items() if value is not None}
    conditions = table.changed(said).conditions(rate)
    cells = [Cell(scenario=table.scenario, **dict(condition)) for condition in conditions]
    return [
        cell.model_copy(
            update={
                "headline": cell.rtt_ms == table.headline_rtt_ms
                and cell.but_for("rtt_ms") == cells[0].but_for("rtt_ms")
            }
        )
        for cell in cells
    ]


def users_for(rate: float) -> int:
    """Enough users to keep up a rate while a request takes two seconds, within a generator's limits."""
    return min(max(math.ceil(2 * rate), FEWEST_USERS), MOST_USERS)


def _common(rtt_ms: tuple[float, ...], wanted: tuple[float, ...] | None) -> tuple[float, ...]:
    """A profile thins out a curve; it never leaves a table without a point."""
    return tuple(rtt for rtt in rtt_ms if wanted is None or rtt in wanted) or rtt_ms[:1]


def _one_headline(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    chosen = next((cell.key for cell in cells if cell.headline), cells[0].key)
    return tuple(cell.model_copy(update={"headline": cell.key == chosen}) for cell in cells)


def _database(plan_file: PlanFile, flags: Flags) -> Database:
    database = plan_file.database
    return database if flags.database is None else database.changed({"server": flags.database})


def _claim_applies(plan_file: PlanFile, arms: Sequence[Arm], cells: Sequence[Cell]) -> bool:
    """A claim is about two arms, and often about one request: its band says what that request does."""
    claim, names = plan_file.claim, [arm.name for arm in arms]
    if claim is None or claim.baseline not in names or claim.candidate not in names:
        return False
    return claim.scenario in (None, next(cell.scenario for cell in cells if cell.headline))


def _resolve(scenario: Scenario, folder: Path) -> Scenario:
    return scenario.model_copy(update={"locustfile": folder / scenario.locustfile})


def _seed(seed: Seed, folder: Path) -> Seed:
    return seed.model_copy(update={"cwd": folder / seed.cwd})
