"""The arms of bench-postgresql.toml, whose statements the proxy counts; and one that sends more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gainbench.parity.run import check_stack
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.plan.model import Plan
from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import Stack, stack_up

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plan(postgresql: DatabaseServer) -> Plan:
    return load_plan(ROOT / "bench-postgresql.toml", Flags(database=postgresql.administrator.url()))


@pytest.fixture(scope="module")
def stack(supervisor: Supervisor, plan: Plan) -> Iterator[Stack]:
    with stack_up(supervisor, plan) as running:
        yield running


def test_all_arms_answer_alike_with_the_same_statements(stack: Stack, plan: Plan) -> None:
    report = check_stack(stack, plan, 40)
    assert report.alike
    first, *others = report.statements.values()
    assert all(other == first for other in others)
    assert {"begin", "select", "insert", "update", "delete", "commit", "rollback"} <= first.keys()
    assert "prepare" not in first


def test_a_statement_more_is_found_even_where_the_answers_are_alike(
    supervisor: Supervisor, plan: Plan
) -> None:
    """A pool that tries its connections before it lends them asks the database for more."""
    changed = plan.arm("async").model_copy(
        update={"name": "changed", "app": "apps.probes.async_pre_ping:app"}
    )
    two = plan.model_copy(update={"arms": (plan.arm("async"), changed), "comparisons": ()})
    with stack_up(supervisor, two) as running:
        report = check_stack(running, two, 40)
    (difference,) = report.differences
    assert "statements" in difference.what
    assert len(difference.requests) == 1
