"""Plan file and flags become one Plan. Checks that need several parts at once live here, all together."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError
from gainbench.plan import file
from gainbench.plan.file import PlanFile
from gainbench.plan.model import Arm, Arrivals, Cell, Comparison, Control, Plan, Pool, Profile, Scenario, Seed

DEFAULT_PLAN = Path("bench.toml")

# Of an open loop, where users only bound the requests in flight.
FEWEST_USERS, MOST_USERS = 8, 300


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line says about the plan; None leaves the plan file's word."""

    profile: str | None = None
    scenario: str | None = None
    arms: tuple[str, ...] | None = None
    baseline: str | None = None
    users: int | None = None
    rtt_ms: tuple[float, ...] | None = None
    pool: Pool | None = None
    workers: int | None = None
    trials: int | None = None
    blocks: int | None = None
    precision: float | None = None
    budget_seconds: float | None = None
    seed: int | None = None
    database: str | None = None
    control: Control | None = None
    pin: bool | None = None
    rate: float | None = None
    arrivals: Arrivals | None = None
    slo_seconds: float | None = None


@dataclass
class _Problems:
    """Collects what is wrong, so that a user sees all of it at once."""

    found: list[str] = field(default_factory=list)

    def unknown(self, what: str, value: object, choices: Sequence[str]) -> None:
        self.found.append(f"  {what} = {value!r}: there is none of that name; choices: {', '.join(choices)}")

    def add(self, text: str) -> None:
        self.found.append(f"  {text}")

    def raise_any(self, origin: str) -> None:
        if self.found:
            raise ConfigurationError(f"{origin} cannot be measured:\n" + "\n".join(self.found))


def load_plan(path: Path = DEFAULT_PLAN, flags: Flags | None = None) -> Plan:
    """Read a plan file and apply flags to it."""
    return build(file.read(path), flags or Flags(), folder=path.resolve().parent, name=path.stem)


def two_commands(first: str, second: str, locustfile: Path) -> PlanFile:
    """The plan of `--a CMD --b CMD --locustfile F`: a stranger's two servers, no plan file."""
    return file.parse(
        {
            "database": {"server": "none"},
            "arms": {"a": {"command": ["sh", "-c", first]}, "b": {"command": ["sh", "-c", second]}},
            "scenarios": {locustfile.stem: {"locustfile": str(locustfile)}},
        },
        "--a, --b and --locustfile",
    )


def build(plan_file: PlanFile, flags: Flags, *, folder: Path, name: str) -> Plan:
    """Join plan file and flags into the Plan, or raise one error that lists everything wrong."""
    problems = _Problems()
    profile = _profile(plan_file, flags, problems)
    arms = _arms(plan_file, flags, folder, problems)
    comparisons = _comparisons(plan_file, flags, arms, problems)
    cells = _cells(plan_file, flags, profile, problems)
    if profile.headline_only:
        cells = tuple(cell for cell in cells if cell.headline)
        if flags.arms is None and comparisons:
            arms, comparisons = _headline_pair(arms, comparisons)
    _check_database(plan_file, flags, arms, cells, problems)
    control = flags.control or plan_file.control
    _check_control(control, arms, problems)
    problems.raise_any(name)
    run = plan_file.run
    rate = flags.rate or run.rate
    return Plan(
        name=run.name or name,
        folder=folder,
        arms=arms,
        scenarios=tuple(_resolve(scenario, folder) for scenario in plan_file.scenarios.values()),
        seeds=tuple(_seed(seed, folder) for seed in plan_file.seeds.values()),
        database=_database(plan_file, flags),
        profile=profile,
        cells=cells,
        comparisons=comparisons,
        # A claim speaks of throughput, and an open loop's throughput is the rate asked for.
        claim=plan_file.claim if rate is None and _claim_applies(plan_file, arms) else None,
        control=control,
        parity=plan_file.parity,
        seed=run.seed if flags.seed is None else flags.seed,
        pin=run.pin if flags.pin is None else flags.pin,
        thread_tokens=run.thread_tokens,
        pool_timeout=run.pool_timeout,
        margin=run.margin,
        rate=rate,
        arrivals=flags.arrivals or run.arrivals,
        slo=flags.slo_seconds or run.slo,
        allow_targets=plan_file.allow_targets,
    )


def against_itself(plan: Plan, arm: Arm, *, trials: int, blocks: int) -> Plan:
    """The null: one arm twice, as two process groups, in the headline cell alone."""
    twin = arm.model_copy(update={"name": f"{arm.name}#2"})
    profile = plan.profile.model_copy(
        update={
            "name": "null",
            "trials": trials,
            "blocks": blocks,
            "headline_blocks": blocks,
            "precision": None,
        }
    )
    return plan.model_copy(
        update={
            "name": "null",
            "arms": (arm, twin),
            "comparisons": (Comparison(baseline=arm.name, candidate=twin.name, headline=True),),
            "cells": (plan.headline_cell,),
            "profile": profile,
            "claim": None,
        }
    )


def _profile(plan_file: PlanFile, flags: Flags, problems: _Problems) -> Profile:
    name = flags.profile or plan_file.run.profile
    profile = file.profile_named(name, plan_file.profiles)
    if profile is None:
        problems.unknown("profile", name, sorted({*file.PROFILES, *plan_file.profiles}))
        profile = file.PROFILES["standard"]
    said: dict[str, Any] = {
        "trials": flags.trials,
        "precision": flags.precision,
        "budget": flags.budget_seconds,
        "blocks": flags.blocks,
        "headline_blocks": flags.blocks,
    }
    return profile.model_copy(update={key: value for key, value in said.items() if value is not None})


def _arms(plan_file: PlanFile, flags: Flags, folder: Path, problems: _Problems) -> tuple[Arm, ...]:
    names = flags.arms or tuple(plan_file.arms)
    seen: Counter[str] = Counter()
    arms = []
    for name in names:
        if name not in plan_file.arms:
            problems.unknown("arms", name, list(plan_file.arms))
            continue
        seen[name] += 1
        own_name = name if seen[name] == 1 else f"{name}#{seen[name]}"
        arm = plan_file.arms[name]
        python = folder / arm.python if arm.python else None
        arms.append(arm.model_copy(update={"name": own_name, "cwd": folder / arm.cwd, "python": python}))
        if arm.seed is not None and arm.seed not in plan_file.seeds:
            problems.unknown(f"arms.{name}.seed", arm.seed, list(plan_file.seeds))
    return tuple(arms)


def _comparisons(
    plan_file: PlanFile, flags: Flags, arms: Sequence[Arm], problems: _Problems
) -> tuple[Comparison, ...]:
    """Every pair of arms, each against the one that comes first; the claim's pair is the headline."""
    names = [arm.name for arm in arms]
    claim = plan_file.claim
    if flags.baseline is not None and flags.baseline not in names:
        problems.unknown("--baseline", flags.baseline, names)
    wanted = flags.baseline or plan_file.run.baseline or (claim.baseline if claim else None)
    if wanted in names:
        names.remove(wanted)
        names.insert(0, wanted)
    if len(names) < 2:
        return ()
    candidate = claim.candidate if claim and claim.candidate in names[1:] else names[-1]
    names.remove(candidate)
    names.append(candidate)
    pairs = list(combinations(names, 2))
    return tuple(
        Comparison(baseline=first, candidate=second, headline=(first, second) == (names[0], candidate))
        for first, second in pairs
    )


def _headline_pair(
    arms: tuple[Arm, ...], comparisons: tuple[Comparison, ...]
) -> tuple[tuple[Arm, ...], tuple[Comparison, ...]]:
    headline = next(comparison for comparison in comparisons if comparison.headline)
    kept = tuple(arm for arm in arms if arm.name in (headline.baseline, headline.candidate))
    return kept, (headline,)


def _cells(plan_file: PlanFile, flags: Flags, profile: Profile, problems: _Problems) -> tuple[Cell, ...]:
    """Every cell once, exactly one of them the headline."""
    tables = plan_file.cells or tuple(file.CellTable(scenario=name) for name in plan_file.scenarios)
    for number, table in enumerate(tables):
        if table.scenario not in plan_file.scenarios:
            problems.unknown(f"cells[{number}].scenario", table.scenario, list(plan_file.scenarios))
    if flags.scenario is not None:
        if flags.scenario not in plan_file.scenarios:
            problems.unknown("--scenario", flags.scenario, list(plan_file.scenarios))
        wanted = [table for table in tables if table.scenario == flags.scenario] or tables[:1]
        tables = tuple(table.model_copy(update={"scenario": flags.scenario}) for table in wanted)
    cells: dict[str, Cell] = {}
    for table in tables:
        for cell in _cells_of(table, flags, profile):
            known = cells.get(cell.key)
            cells[cell.key] = cell if known is None or cell.headline else known
    return _one_headline(tuple(cells.values()))


def _cells_of(table: file.CellTable, flags: Flags, profile: Profile) -> list[Cell]:
    users = _users(table, flags)
    rtt_ms = flags.rtt_ms or _common(table.rtt_ms, profile.rtt_ms)
    return [
        Cell(
            scenario=table.scenario,
            users=count,
            rtt_ms=rtt,
            pool=flags.pool or table.pool,
            workers=flags.workers or table.workers,
            headline=rtt == table.headline_rtt_ms and count == users[0],
        )
        for count, rtt in product(users, rtt_ms)
    ]


def _users(table: file.CellTable, flags: Flags) -> tuple[int, ...]:
    """A plan's users are a closed loop's, unless the plan itself names the rate."""
    if flags.users is not None:
        return (flags.users,)
    return table.users if flags.rate is None else (users_for(flags.rate),)


def users_for(rate: float) -> int:
    """Enough users to keep up a rate while a request takes two seconds, within a generator's limits."""
    return min(max(math.ceil(2 * rate), FEWEST_USERS), MOST_USERS)


def _common(rtt_ms: tuple[float, ...], wanted: tuple[float, ...] | None) -> tuple[float, ...]:
    """A profile thins out a curve; it never leaves a table without a point."""
    return tuple(rtt for rtt in rtt_ms if wanted is None or rtt in wanted) or rtt_ms[:1]


def _one_headline(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    chosen = next((cell.key for cell in cells if cell.headline), cells[0].key)
    return tuple(cell.model_copy(update={"headline": cell.key == chosen}) for cell in cells)


def _database(plan_file: PlanFile, flags: Flags) -> Any:
    database = plan_file.database
    return database.model_copy(update={"server": flags.database}) if flags.database else database


def _check_database(
    plan_file: PlanFile, flags: Flags, arms: Sequence[Arm], cells: Sequence[Cell], problems: _Problems
) -> None:
    server = _database(plan_file, flags).server
    if server not in ("private", "none") and not server.startswith(("mysql://", "mysql+pymysql://")):
        problems.add(
            f"database.server = {server!r}: write private, none or a URL such as mysql://user:password@host:3306/"
        )
    if server == "none":
        added = sorted({cell.rtt_ms for cell in cells if cell.rtt_ms})
        if added:
            problems.add(
                f"rtt_ms = {added}: without a database of ours there is no round trip to lengthen; use 0"
            )
        for arm in arms:
            if arm.seed is not None:
                problems.add(
                    f"arms.{arm.name}.seed = {arm.seed!r}: database.server is none, so nothing can be seeded"
                )


def _check_control(control: Control | None, arms: Sequence[Arm], problems: _Problems) -> None:
    if control is None:
        return
    kinds = {arm.name: arm.kind for arm in arms}
    if control.arm not in kinds:
        problems.unknown("control.arm", control.arm, list(kinds))
    elif kinds[control.arm] != "app":
        problems.add(f"control.arm = {control.arm!r}: only an `app` arm can be slowed down from outside")


def _claim_applies(plan_file: PlanFile, arms: Sequence[Arm]) -> bool:
    claim, names = plan_file.claim, [arm.name for arm in arms]
    return claim is not None and claim.baseline in names and claim.candidate in names


def _resolve(scenario: Scenario, folder: Path) -> Scenario:
    return scenario.model_copy(update={"locustfile": folder / scenario.locustfile})


def _seed(seed: Seed, folder: Path) -> Seed:
    return seed.model_copy(update={"cwd": folder / seed.cwd})
