"""The plans that a forecast rests on, made of the user's and of one with apps in both forms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from gainbench.errors import ConfigurationError
from gainbench.experiments.whole import Length, part_of
from gainbench.plan.condition import Condition, Pool
from gainbench.plan.model import Arm, Cell, Comparison, Plan
from gainbench.store.records import Question

TRIALS, COMBS = 6, 2
COMB_SECONDS = 2.4
BUDGET_SECONDS = 1200.0  # of a part: a machine that makes it take longer gets fewer trials

CANDIDATE = "async"  # where the plan has no such arm
SEVERAL_USERS = 8  # at least, where there are connections for them: a core that is busy all the time
FAR_MS = 2.0  # beyond the plan's round trip
EXCHANGE_SCENARIOS = ("read-one", "write")  # of two and more than three trips

# Elsewhere: one thing changed at a time.
ROUND_TRIPS_MS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
USERS = (1, 2, 4, 8, 16, 32, 64)
POOLS = (1, 2, 5, 10, 20, 40)
WORKERS = (1, 2, 4)

# Of the cells to be checked by.
CHECK_TRIPS_MS, CHECK_USERS = (0.5, 1.0, 3.0), (1, 4, 16)
NEAR_USERS = (2, 4, 16)
NARROW_POOL, SEVERAL_WORKERS = Pool(size=8), 2


@dataclass(frozen=True)
class Parts:
    """What is asked, and what has to be measured for it, in this order."""

    question: Question
    plans: tuple[tuple[str, Plan], ...]


def parts_of(
    plan: Plan,
    exchange: Plan,
    *,
    trials: int | None,
    is_checked: bool,
    cores: int,
    gain_error: float | None,
    trips: float | None = None,
) -> Parts:
    """`plan` has the app, and `exchange` the apps in both forms."""
    if plan.database.server == "none" and trips is None:
        raise ConfigurationError(
            "the app's database is its own, so that nobody counts the round trips of a request, on which it"
            " depends what another driver changes",
            cure="say how many they are with --trips N, or let the plan's [database] stand between",
        )
    arms, candidate = _apps(plan)
    here = plan.headline_cell
    near = here.changed({"workers": 1, "headline": False})
    seen = _seen(plan, near)
    cells, forms = list(seen), list(arms)
    if is_checked:
        if candidate is None:
            raise ConfigurationError(
                "--check needs the app in both forms: the plan has no arm with the other driver",
                cure="name both with --arms, the one with the other driver last",
            )
        forms.append(candidate)
        cells += _check(plan, arms, near, cores)
    pairs = [Comparison(baseline=arm.name, candidate=forms[-1].name) for arm in arms if arm != forms[-1]]
    question = Question(
        scenario=here.scenario,
        candidate=CANDIDATE if candidate is None else candidate.name,
        arms=tuple(arm.name for arm in arms),
        seen=tuple(cell.condition for cell in seen),
        conditions=_conditions(plan),
        threads=plan.thread_tokens,
        cores=cores,
        gain_error=gain_error,
        trips=trips if plan.database.server == "none" else None,
    )
    app = _part(plan, "app", forms, cells, pairs if is_checked else (), trials or TRIALS)
    return Parts(question, (("app", app), ("exchange", _exchange(exchange, near, trials or TRIALS))))


def _apps(plan: Plan) -> tuple[tuple[Arm, ...], Arm | None]:
    """The arms to be seen alone, and the one that has the other driver already, if there is one."""
    if plan.headline is None:
        return plan.arms, None
    candidate = plan.arm(plan.headline.candidate)
    return tuple(arm for arm in plan.arms if arm != candidate), candidate


def _seen(plan: Plan, near: Cell) -> list[Cell]:
    """One user and several, each near and far. A database that is not ours is as far as it is."""
    connections = near.pool.size + near.pool.overflow
    several = max(min(max(near.users, SEVERAL_USERS), connections), 2)
    far_ms = near.rtt_ms + (FAR_MS if plan.database.server != "none" else 0.0)
    return [
        near.changed({"users": users, "rtt_ms": rtt_ms})
        for users, rtt_ms in product((1, several), (near.rtt_ms, far_ms))
    ]


def _exchange(plan: Plan, near: Cell, trials: int) -> Plan:
    known = [scenario.name for scenario in plan.scenarios]
    missing = [name for name in EXCHANGE_SCENARIOS if name not in known]
    if missing or plan.headline is None:
        raise ConfigurationError(
            f"the plan {plan.name} cannot say what exchanging the driver changes: it needs two arms, and the"
            f" scenarios {' and '.join(EXCHANGE_SCENARIOS)}"
        )
    own = plan.headline_cell.changed({"rtt_ms": near.rtt_ms, "headline": False})  # with connections enough
    cells = [
        own.changed({"scenario": name, "users": users})
        for name, users in product(EXCHANGE_SCENARIOS, (1, SEVERAL_USERS))
    ]
    return _part(plan, "exchange", plan.arms, cells, plan.comparisons, trials)


def _check(plan: Plan, arms: Sequence[Arm], near: Cell, cores: int) -> list[Cell]:
    """Cells that no forecast rests on, and that no arm stops serving in.

    They are measured in the same trials as those that it rests on: a machine's speed drifts from one quarter
    of an hour to the next by more than a forecast may be off.
    """
    trips = [near.rtt_ms + added for added in CHECK_TRIPS_MS]
    connections = near.pool.size + near.pool.overflow
    most = min(CHECK_USERS[-1], connections)
    cells = [
        *(near.changed({"users": users, "rtt_ms": rtt}) for users, rtt in product(CHECK_USERS, trips)),
        *(near.changed({"users": users}) for users in NEAR_USERS),
    ]
    cells = [cell for cell in cells if cell.users <= connections]
    if cores >= SEVERAL_WORKERS:
        cells.append(near.changed({"users": most, "rtt_ms": trips[1], "workers": SEVERAL_WORKERS}))
    if all(plan.off_loop(arm.name) is None for arm in arms):  # a loop that waits for a connection is stuck
        cells.append(near.changed({"users": 2 * NARROW_POOL.size, "rtt_ms": trips[-1], "pool": NARROW_POOL}))
    return cells


def _part(
    plan: Plan,
    name: str,
    arms: Sequence[Arm],
    cells: Iterable[Cell],
    comparisons: Sequence[Comparison],
    trials: int,
) -> Plan:
    names = {arm.name for arm in arms}
    kept = tuple(arm if arm.twin_of in names else arm.model_copy(update={"twin_of": None}) for arm in arms)
    length = Length(trials, COMBS, COMB_SECONDS, BUDGET_SECONDS)
    part = part_of(plan, name, cells, length, is_gated=bool(comparisons))
    return part.model_copy(
        update={
            "arms": kept,
            "comparisons": tuple(one.model_copy(update={"headline": False}) for one in comparisons),
            "claim": None,
        }
    )


def _conditions(plan: Plan) -> tuple[Condition, ...]:
    """Those of the plan in its headline's scenario, the headline first, and then elsewhere."""
    here = plan.headline_cell
    named = [cell.condition for cell in plan.cells if cell.scenario == here.scenario]
    elsewhere: list[dict[str, Any]] = [
        *({"rtt_ms": value} for value in ROUND_TRIPS_MS if plan.database.server != "none"),
        *({"users": value} for value in USERS),
        *({"pool": Pool(size=value)} for value in POOLS if value < here.users),  # more change nothing
        *({"workers": value} for value in WORKERS),
    ]
    changed = [here.condition.changed(said) for said in elsewhere]
    others = {one.key: one for one in (*named, *changed) if one.key != here.condition.key}
    return (here.condition, *sorted(others.values(), key=partial(_place, here.condition)))


def _place(here: Condition, one: Condition) -> tuple[float, ...]:
    """By what differs from here, and then by how much of it there is."""
    differs = (one.workers != here.workers, one.pool != here.pool, one.users != here.users)
    return (*differs, one.users, one.rtt_ms, one.pool.size + one.pool.overflow, one.workers)
