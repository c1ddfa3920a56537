"""From the steps, looks and samples of a run of explain to its figures. Pure.

A phase is wall time that every request of an arm spent in one way, from several clocks: the client's for the
ways in and back, the arm's own for what it waits for and computes, the proxy's for the database. CPU time is
shared out among libraries by how often samples of the arm's Python found it in them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from gainbench.products import PRODUCTS
from gainbench.store.records import ExplainQuestion, Flame, Look
from gainbench.store.results import (
    ComparisonFigures,
    ExplainFigures,
    FunctionFigures,
    Phase,
    PhaseFigures,
    Results,
    StepFigures,
)

# In the order in which a request meets them.
WAY_IN = "until the server reads it"
THREAD = "waiting for a thread"
CONNECTION = "waiting for a connection"
DATABASE = "waiting for the database"
SOMETHING = "waiting for something else"
LOOP = "waiting for the loop or the interpreter"
WAY_BACK = "on the way back"
DRIVER, ORM, VALIDATION, FRAMEWORK, APP, OTHER = (
    "driver",
    "ORM",
    "validation and serialisation",
    "framework and server",
    "the app's own code",
    "other Python",
)
KINDS = (DRIVER, ORM, VALIDATION, FRAMEWORK, APP, OTHER)
PHASES = (
    WAY_IN,
    THREAD,
    CONNECTION,
    DATABASE,
    SOMETHING,
    LOOP,
    *(f"CPU: {kind}" for kind in KINDS),
    WAY_BACK,
)

MOST_FUNCTIONS = 10

_PACKAGES: Mapping[str, str] = {
    **{driver: DRIVER for product in PRODUCTS.values() for driver in product.drivers},
    **dict.fromkeys(("sqlalchemy", "greenlet"), ORM),
    **dict.fromkeys(("pydantic", "pydantic_core", "annotated_types"), VALIDATION),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "anyio", "uvloop", "httptools", "h11"), FRAMEWORK),
    **dict.fromkeys(("asyncio", "concurrent", "threading.py", "contextlib.py", "contextvars.py"), FRAMEWORK),
}
_VALIDATING = ("serialize_response", "jsonable_encoder", "_serialize", "fastapi/encoders", "fastapi/_compat")


def explain_figures(
    question: ExplainQuestion, steps: Results, looks: Sequence[Look], flames: Sequence[Flame]
) -> ExplainFigures:
    cell = steps.headline_cell
    found = {} if cell is None else {(one.baseline, one.candidate): one for one in cell.comparisons}
    way = [step for step in question.steps if not step.aside]
    before, after = way[0].before, way[-1].after
    whole = found.get((before, after))
    by_arm = {flame.arm: flame for flame in flames}
    return ExplainFigures(
        before=before,
        after=after,
        gain=whole.gain if whole else None,
        low=whole.low if whole else None,
        high=whole.high if whole else None,
        steps=tuple(_steps(question, found)),
        looks=tuple(
            _look(arm, users, looks, by_arm.get(arm))
            for users in question.users
            for arm in question.looked_at
        ),
        functions=tuple(_functions(question.looked_at, by_arm)),
        no_flames={flame.arm: flame.problem for flame in flames if flame.problem is not None},
    )


def _steps(
    question: ExplainQuestion, found: Mapping[tuple[str, str], ComparisonFigures]
) -> Iterator[StepFigures]:
    for step in question.steps:
        lacking = next((arm for arm in (step.before, step.after) if arm in question.missing), None)
        one = found.get((step.before, step.after)) if lacking is None else None
        yield StepFigures(
            before=step.before,
            after=step.after,
            says=step.says,
            aside=step.aside,
            gain=one.gain if one else None,
            low=one.low if one else None,
            high=one.high if one else None,
            verdict=one.verdict if one else None,
            missing=None if lacking is None else question.missing[lacking],
        )


def _look(arm: str, users: int, looks: Sequence[Look], flame: Flame | None) -> PhaseFigures:
    look = next((one for one in looks if (one.arm, one.users) == (arm, users)), None)
    reading = None if look is None else look.comb.arms[arm]
    if look is None or reading is None or not look.sums.requests or not reading.load.completions:
        return PhaseFigures(arm=arm, users=users, latency_ms=None, phases=())
    return PhaseFigures(
        arm=arm,
        users=users,
        latency_ms=reading.load.latency_seconds / reading.load.completions * 1000,
        phases=tuple(Phase(name=name, ms=ms) for name, ms in _phases(look, arm, flame)),
    )


def _phases(look: Look, arm: str, flame: Flame | None) -> Iterator[tuple[str, float]]:
    sums = look.sums
    per_request = 1 / sums.requests / 1e6

    def wall(modes: Sequence[str], places: Sequence[str]) -> float:
        return per_request * sum(sums.wall.get(f"{mode}/{place}", 0) for mode in modes for place in places)

    def cpu(*places: str) -> float:
        return per_request * sum(
            sums.cpu.get(f"{mode}/{place}", 0) for mode in ("loop", "thread") for place in places
        )

    everywhere, running = ("app", "pool", "database"), ("loop", "thread")
    at_database = wall((*running, "suspended"), ("database",)) - cpu("database")
    database = min(_trip_ms(look, arm) * sums.statements / sums.requests, at_database)
    waiting = (
        wall(running, ("app",)) - cpu("app") + wall(("from thread",), everywhere) + at_database - database
    )
    shares = kind_shares(flame)
    yield WAY_IN, sums.way_in * per_request
    yield THREAD, wall(("to thread",), everywhere)
    yield CONNECTION, wall((*running, "suspended"), ("pool",)) - cpu("pool")
    yield DATABASE, database
    yield SOMETHING, wall(("suspended",), ("app",))
    yield LOOP, waiting
    yield f"CPU: {DRIVER}", cpu("database", "pool")
    # The driver has a place of its own. Where samples show nothing else, what is beside it has no name.
    rest = {kind: share for kind, share in shares.items() if kind != DRIVER} or {OTHER: 1.0}
    for kind, share in rest.items():
        yield f"CPU: {kind}", cpu("app") * share / sum(rest.values())
    yield WAY_BACK, sums.way_back / sums.ways_back / 1e6 if sums.ways_back else 0.0


def _trip_ms(look: Look, arm: str) -> float:
    """How long a statement waits for the database, by the proxy's clock; a closing ROLLBACK comes later."""
    traffic = look.comb.arms[arm].traffic
    if traffic is None:
        return 0.0
    asked = {kind: seen for kind, seen in traffic.by_kind.items() if kind != "rollback"} or traffic.by_kind
    trips = sum(seen.trips for seen in asked.values())
    return sum(seen.wait_seconds for seen in asked.values()) / trips * 1000 if trips else 0.0


def kind_shares(flame: Flame | None) -> dict[str, float]:
    """How much of the samples each kind of code has; all of it is "other" where there are none."""
    if flame is None or not flame.stacks:
        return {OTHER: 1.0}
    counts: Counter[str] = Counter()
    for stack, count in flame.stacks.items():
        counts[kind_of(stack.split(";"))] += count
    total = sum(counts.values())
    return {kind: counts[kind] / total for kind in KINDS if counts[kind]}


def kind_of(frames: Sequence[str]) -> str:
    """Of whichever library the innermost frame is that belongs to one: it called what lies inside it."""
    for frame in reversed(frames):
        found = frame_kind(frame)
        if found is not None:
            return found
    return OTHER


def frame_kind(frame: str) -> str | None:
    """`execute (sqlalchemy/engine/base.py)` is the ORM's."""
    if any(mark in frame for mark in _VALIDATING):
        return VALIDATION
    place = frame.rpartition("(")[2].rstrip(")")
    parts = place.split("/")
    known = next((_PACKAGES[part] for part in parts if part in _PACKAGES), None)
    if known is not None:
        return known
    return APP if parts[0] == "apps" else None


def own_ms(flame: Flame) -> dict[str, float]:
    """Each function's own CPU time per request: samples in which it was the innermost."""
    total = sum(flame.stacks.values())
    own: Counter[str] = Counter()
    for stack, count in flame.stacks.items():
        own[stack.rpartition(";")[2]] += count
    return {name: (flame.cpu_ms or 0.0) * count / total for name, count in own.items()} if total else {}


def _functions(arms: Sequence[str], flames: Mapping[str, Flame]) -> Iterator[FunctionFigures]:
    """Those that differ most between the first arm and the last."""
    ends = [flames.get(arms[at]) for at in (0, -1)] if arms else []
    if len(ends) < 2 or any(flame is None or not flame.stacks for flame in ends):
        return
    before, after = (own_ms(flame) for flame in ends if flame is not None)
    callers = {
        stack.rpartition(";")[2]: kind_of(stack.split(";"))
        for flame in ends
        if flame is not None
        for stack in flame.stacks
    }
    differing = sorted({*before, *after}, key=lambda name: -abs(after.get(name, 0.0) - before.get(name, 0.0)))
    for name in differing[:MOST_FUNCTIONS]:
        yield FunctionFigures(
            name=name,
            kind=callers[name],
            before_ms=before.get(name, 0.0),
            after_ms=after.get(name, 0.0),
        )


def common_root(stacks: Sequence[str]) -> int:
    """How many outermost frames all stacks have in common: they tell nothing."""
    split = [stack.split(";") for stack in stacks]
    if not split:
        return 0
    return sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, zip(*split, strict=False)))
