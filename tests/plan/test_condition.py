"""What a condition is made of is said in one place, and every dimension is there."""

import json

import pytest

from gainbench.plan.condition import DIMENSIONS, Condition, ConditionTable, Dimension, Pool, differing
from gainbench.plan.model import Cell

CLOSED = Condition(users=4, rtt_ms=0.1, pool=Pool(size=40))
OTHER = {"users": 5, "rtt_ms": 0.2, "pool": Pool(size=40, overflow=1), "workers": 2, "rate_rps": 150.0}


def test_every_field_is_a_dimension() -> None:
    assert {one.name for one in DIMENSIONS} == set(Condition.model_fields) == set(OTHER)


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_conditions_that_differ_in_one_dimension_have_other_keys_and_words(
    dimension: Dimension,
) -> None:
    name = dimension.name
    other = CLOSED.changed({name: OTHER[name]})
    assert other.key != CLOSED.key
    assert other.but_for(name) == CLOSED.but_for(name)
    assert other.short() != CLOSED.short()
    assert other.full() != CLOSED.full()
    (found,) = differing([CLOSED, other, CLOSED])
    assert found.name == name
    assert found.short(other) != found.short(CLOSED)


@pytest.mark.parametrize(
    ("name", "same_servers", "same_users"),
    [
        ("users", True, False),
        ("rate_rps", True, False),
        ("rtt_ms", True, True),
        ("pool", False, False),
        ("workers", False, False),
    ],
)
def test_what_conditions_can_share(name: str, same_servers: bool, same_users: bool) -> None:
    other = CLOSED.changed({name: OTHER[name]})
    assert (other.servers == CLOSED.servers) is same_servers
    assert (other.workload == CLOSED.workload) is same_users


def test_cells_of_two_scenarios_can_share_servers_but_no_users() -> None:
    read, write = (Cell(scenario=name, **dict(CLOSED)) for name in ("read", "write"))
    assert read.condition == write.condition == CLOSED
    assert read.servers == write.servers
    assert read.workload != write.workload
    assert read.but_for("rtt_ms") != write.but_for("rtt_ms")


def test_a_closed_loop_is_named_by_its_users_and_an_open_one_by_its_rate() -> None:
    assert CLOSED.key == "users=4/rtt=0.1ms/pool=40/workers=1"
    assert CLOSED.short() == "4 users, 0.1 ms added, pool 40, 1 worker"
    scheduled = CLOSED.changed({"rate_rps": 150.0, "rtt_ms": 0})
    assert scheduled.key == "users=4/rate=150/rtt=0ms/pool=40/workers=1"
    assert scheduled.short() == "150 requests/s, no delay added, pool 40, 1 worker"


def test_the_full_words_hold_what_the_run_found_beside_what_was_asked() -> None:
    assert CLOSED.full({"rtt_ms": " and 0.12 ms measured", "workers": " on 2 cores"}) == (
        "4 users, 0.1 ms asked and 0.12 ms measured to be added to each database "
        "round trip, a pool of 40, 1 worker on 2 cores"
    )


def test_a_table_gives_every_combination_and_one_condition_its_table_back() -> None:
    table = ConditionTable.model_validate({"users": [2, 4], "rtt_ms": [0, 1], "pool": "5+10"})
    found = table.conditions(None)
    assert [(one.users, one.rtt_ms) for one in found] == [(2, 0), (2, 1), (4, 0), (4, 1)]
    assert {one.pool for one in found} == {Pool(size=5, overflow=10)}
    again = ConditionTable.model_validate(json.loads(json.dumps(ConditionTable.of(found[3]))))
    assert again.conditions(None) == (found[3],)
