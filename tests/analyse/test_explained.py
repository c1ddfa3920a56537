"""What a gain is made of: steps, phases that add up, kinds of code, and functions that differ."""

from pathlib import Path

import pytest

from gainbench.analyse import explained
from gainbench.analyse.summary import summarise
from gainbench.plan.model import Step
from gainbench.store.reading import load_run
from gainbench.store.records import ExplainQuestion, Flame, InsideSums, Look, StatementTraffic
from gainbench.store.results import ExplainFigures, Results
from tests import runs

MS = 1_000_000
WALL = {
    "loop/app": 70 * MS,
    "to thread/app": 30 * MS,
    "thread/app": 50 * MS,
    "thread/pool": 10 * MS,
    "thread/database": 120 * MS,
    "from thread/app": 10 * MS,
}
CPU = {"loop/app": 60 * MS, "thread/app": 40 * MS, "thread/database": 20 * MS, "thread/pool": 2 * MS}


def look(arm: str = "sync", users: int = 4, **changed: object) -> Look:
    """A hundred requests: 0.2 ms on the ways, 0.3 for a thread, 0.8 of 1.2 at the database."""
    sums = {
        "requests": 100,
        "wall": WALL,
        "cpu": CPU,
        "way_in": 12 * MS,
        "inside": sum(WALL.values()),
        "ways_back": 50,
        "way_back": 4 * MS,
        "latency": 155 * MS,
        "statements": 100,
        **changed,
    }
    comb = runs.comb(0, 0, runs.cell(users=users), 0.0, arms=(arm,))
    comb = runs.changed(
        comb,
        arm,
        load={"latency_seconds": 0.31, "completions": 100},
        traffic={
            "by_kind": {
                "select": StatementTraffic(trips=100, wait_seconds=0.08),
                "rollback": StatementTraffic(trips=100, wait_seconds=0.5),
            }
        },
    )
    return Look(arm=arm, users=users, comb=comb, sums=InsideSums.model_validate(sums))


def flame(arm: str, stacks: dict[str, int]) -> Flame:
    return Flame(arm=arm, users=8, cpu_ms=1.0, stacks=stacks)


SERVER = "run (uvicorn/server.py);app (fastapi/routing.py)"
EXECUTE = f"{SERVER};execute (sqlalchemy/engine/base.py)"
BEFORE = flame(
    "sync",
    {
        f"{EXECUTE};_read_packet (pymysql/connections.py)": 50,
        EXECUTE: 20,
        f"{SERVER};serialize_response (fastapi/routing.py);dump (json/encoder.py)": 10,
        f"{SERVER};list_tasks (apps/sync_app/cruds/tasks.py)": 10,
        SERVER: 10,
    },
)
AFTER = flame("async", {f"{EXECUTE};_read_packet (aiomysql/connection.py)": 80, EXECUTE: 20})

QUESTION = ExplainQuestion(
    steps=(
        Step(before="blocking", after="sync", says="threads"),
        Step(before="sync", after="async", says="the async driver"),
        Step(before="async", after="async-other", says="another driver", aside=True),
    ),
    missing={"async-other": "other is not installed: .venv/bin/pip install other"},
    looked_at=("sync", "async"),
    users=(4,),
)


@pytest.fixture
def steps(tmp_path: Path) -> Results:
    return summarise(load_run(runs.store(tmp_path)))


def figures(steps: Results, *looks: Look, flames: tuple[Flame, ...] = (BEFORE, AFTER)) -> ExplainFigures:
    return explained.explain_figures(QUESTION, steps, looks, flames)


def test_each_step_has_its_gain_and_one_that_cannot_be_measured_says_why(steps: Results) -> None:
    found = figures(steps)
    cell = steps.headline_cell
    assert cell is not None
    gains = {(one.baseline, one.candidate): one.gain for one in cell.comparisons}
    assert [step.gain for step in found.steps] == [gains["blocking", "sync"], gains["sync", "async"], None]
    assert found.steps[2].missing == "other is not installed: .venv/bin/pip install other"
    assert (found.before, found.after, found.gain) == ("blocking", "async", gains["blocking", "async"])


def test_the_phases_are_what_each_clock_saw_and_add_up(steps: Results) -> None:
    (found, other) = figures(steps, look()).looks
    ms = {phase.name: round(phase.ms, 6) for phase in found.phases}
    assert ms[explained.WAY_IN] == 0.12
    assert ms[explained.WAY_BACK] == 0.08
    assert ms[explained.THREAD] == 0.3
    assert ms[explained.CONNECTION] == 0.08
    assert ms[explained.DATABASE] == 0.8  # as the proxy saw it, the closing ROLLBACK left out
    assert ms[f"CPU: {explained.DRIVER}"] == 0.22
    assert ms[explained.LOOP] == pytest.approx(0.2 + 0.1 + (1.2 - 0.2 - 0.8))
    assert found.sum_ms == pytest.approx(0.12 + 2.9 + 0.08)
    assert found.latency_ms == pytest.approx(3.1)
    assert found.off == pytest.approx(0, abs=1e-9)
    assert other.latency_ms is None
    assert other.off is None


def test_a_phase_that_is_missing_is_seen_in_the_sum(steps: Results) -> None:
    lost = {key: value for key, value in WALL.items() if key != "thread/database"}
    found = figures(steps, look(wall=lost)).looks[0]
    assert found.off is not None
    assert found.off < -0.3


def test_cpu_time_is_shared_out_by_what_the_samples_show(steps: Results) -> None:
    ms = {phase.name: phase.ms for phase in figures(steps, look()).looks[0].phases}
    rest = 1.0  # of the app's own place: 0.6 on the loop, 0.4 in threads
    assert ms[f"CPU: {explained.ORM}"] == pytest.approx(rest * 20 / 50)
    assert ms[f"CPU: {explained.VALIDATION}"] == pytest.approx(rest * 10 / 50)
    assert ms[f"CPU: {explained.APP}"] == pytest.approx(rest * 10 / 50)
    assert ms[f"CPU: {explained.FRAMEWORK}"] == pytest.approx(rest * 10 / 50)


def test_without_samples_all_of_it_is_other_python(steps: Results) -> None:
    ms = {phase.name: phase.ms for phase in figures(steps, look(), flames=()).looks[0].phases}
    assert ms[f"CPU: {explained.OTHER}"] == pytest.approx(1.0)


def test_nothing_is_lost_where_all_samples_are_the_driver_s(steps: Results) -> None:
    driver = flame("sync", {f"{EXECUTE};_read_packet (pymysql/connections.py)": 50})
    found = figures(steps, look(), flames=(driver, AFTER)).looks[0]
    assert found.off == pytest.approx(0, abs=1e-9)


def test_a_profiler_that_was_refused_is_told(steps: Results) -> None:
    refused = Flame(arm="sync", users=8, cpu_ms=None, stacks={}, problem="py-spy: no rights")
    assert figures(steps, flames=(refused, AFTER)).no_flames == {"sync": "py-spy: no rights"}


@pytest.mark.parametrize(
    ("stack", "kind"),
    [
        ("a (uvicorn/server.py);b (pymysql/connections.py)", explained.DRIVER),
        ("b (pymysql/connections.py);read (socket.py)", explained.DRIVER),
        ("b (sqlalchemy/orm/session.py)", explained.ORM),
        ("serialize_response (fastapi/routing.py)", explained.VALIDATION),
        ("validate (pydantic/type_adapter.py)", explained.VALIDATION),
        ("run (anyio/_backends/_asyncio.py)", explained.FRAMEWORK),
        ("list (apps/sync_app/cruds/tasks.py)", explained.APP),
        ("<module> (something.py)", explained.OTHER),
    ],
)
def test_code_is_of_the_innermost_library(stack: str, kind: str) -> None:
    assert explained.kind_of(stack.split(";")) == kind


def test_the_functions_that_differ_most_come_first(steps: Results) -> None:
    first, second, *_ = figures(steps).functions
    assert (first.name, first.before_ms, first.after_ms) == (
        "_read_packet (aiomysql/connection.py)",
        0.0,
        pytest.approx(0.8),
    )
    assert second.name == "_read_packet (pymysql/connections.py)"
    assert first.kind == explained.DRIVER


def test_the_frames_that_all_stacks_have_in_common_are_counted() -> None:
    assert explained.common_root(["a;b;c", "a;b;d", "a;b"]) == 2
    assert explained.common_root([]) == 0
