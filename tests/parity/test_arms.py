"""The three arms are alike; a copy of one in which one thing was changed is found out, whatever it is."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gainbench.parity import shorten
from gainbench.parity.check import ParityReport
from gainbench.parity.run import check_arms, check_stack, side_by_side
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan
from gainbench.stack.database.schemas import Schemas
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import Stack, stack_up

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]
ORIGINAL = "async"
# These draw soon what shows the change. With any other seed the tests only take longer.
SEED, SEED_OF_OTHER_FIELD = 3, 0


@dataclass(frozen=True)
class Change:
    """One edit of one file of the async app."""

    name: str
    file: str
    old: str
    new: str


OTHER_STATUS = Change(
    "other-status",
    "routers/tasks.py",
    '        raise HTTPException(404, "Task not found")\n    await cruds.delete_task',
    '        raise HTTPException(410, "Task not found")\n    await cruds.delete_task',
)
OTHER_FIELD = Change(
    "other-field", "routers/dones.py", "return DoneMark(id=task_id)", "return DoneMark(id=task_id + 1)"
)
EXTRA_SELECT = Change(
    "extra-select",
    "cruds/tasks.py",
    "    await session.delete(task)\n",
    "    await session.execute(select(Task.id).where(Task.id == task.id))\n    await session.delete(task)\n",
)
CHANGES = (OTHER_STATUS, OTHER_FIELD, EXTRA_SELECT)


def changed_copy(change: Change, folder: Path) -> Path:
    shutil.copytree(ROOT / "apps", folder / "apps", ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "apps" / "async_app" / change.file
    text = file.read_text(encoding="utf-8")
    assert text.count(change.old) == 1, f"{change.file} no longer holds what {change.name} replaces"
    file.write_text(text.replace(change.old, change.new), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def time_enough_to_shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the search would be ended early, with requests left that need not be there."""
    monkeypatch.setattr(shorten, "SHORTEN_SECONDS", 200.0)


@pytest.fixture(scope="module")
def plan(database: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The default plan's arms and the changed copies, on the session's server."""
    default = load_plan(ROOT / "bench.toml", Flags(database=database.administrator.url()))
    original = default.arm(ORIGINAL)
    copies = [
        original.model_copy(
            update={
                "name": change.name,
                "cwd": changed_copy(change, tmp_path_factory.mktemp(change.name)),
            }
        )
        for change in CHANGES
    ]
    return default.model_copy(update={"arms": (*default.arms, *copies), "seed": SEED})


@pytest.fixture(scope="module")
def stack(supervisor: Supervisor, plan: Plan) -> Iterator[Stack]:
    with stack_up(supervisor, plan) as running:
        yield running


def checked(stack: Stack, plan: Plan, *names: str, sequences: int, seed: int = SEED) -> ParityReport:
    """The check of these arms alone."""
    assert stack.schemas is not None
    schemas = Schemas(
        stack.schemas.server,
        {name: stack.schemas.databases[name] for name in names},
        {name: stack.schemas.scripts[name] for name in names},
    )
    chosen = plan.model_copy(update={"arms": tuple(plan.arm(name) for name in names), "seed": seed})
    arms = {name: stack.arms[name] for name in names}
    return check_arms(arms, schemas, stack.proxy, chosen, sequences=sequences)


def test_the_three_arms_answer_alike_with_the_same_statements(stack: Stack, plan: Plan) -> None:
    report = checked(stack, plan, "blocking", "sync", "async", sequences=40)

    assert side_by_side(report).splitlines()[-1].startswith("parity: 3 arms, 40 sequences, 0 differences; ")
    assert report.alike
    sent = report.statements
    assert sent["blocking"] == sent["sync"] == sent["async"]
    assert {"select", "insert", "update", "delete", "commit", "rollback"} <= sent["sync"].keys()


def test_another_status_is_found_and_shown_by_one_request_or_two(stack: Stack, plan: Plan) -> None:
    """A task that is not there is one that never was, or one that was just deleted."""
    report = checked(stack, plan, ORIGINAL, OTHER_STATUS.name, sequences=300)

    (difference,) = report.differences
    assert difference.what.endswith("differ: status")
    assert 1 <= len(difference.requests) <= 2
    assert all(request.startswith("DELETE /tasks/") for request in difference.requests)
    assert [answers[-1].status for answers in difference.answers.values()] == [404, 410]


def test_another_field_is_found_and_shown_by_one_request(stack: Stack, plan: Plan) -> None:
    report = checked(stack, plan, ORIGINAL, OTHER_FIELD.name, sequences=300, seed=SEED_OF_OTHER_FIELD)

    (difference,) = report.differences
    assert difference.what == "the answers to request 1 differ: body at .id"
    (request,) = difference.requests
    assert request.startswith("PUT /tasks/")
    assert request.endswith("/done")


def test_one_more_select_is_found_and_shown_by_one_request(stack: Stack, plan: Plan) -> None:
    report = checked(stack, plan, ORIGINAL, EXTRA_SELECT.name, sequences=300)

    (difference,) = report.differences
    assert difference.what == "the numbers of statements differ: select"
    (request,) = difference.requests
    assert request.startswith("DELETE /tasks/")
    assert difference.statements == {
        ORIGINAL: {"select": 1, "delete": 1, "commit": 1},
        EXTRA_SELECT.name: {"select": 2, "delete": 1, "commit": 1},
    }


def test_a_whole_stack_is_checked_by_its_plan(stack: Stack, plan: Plan) -> None:
    """All six arms at once: the first difference is found whichever arm it is in."""
    (difference,) = check_stack(stack, plan, 300).differences

    assert list(difference.answers) == list(plan.arm_names)
