"""The rule of who stops serving, and the names for what holds an arm back."""

import pytest

from gainbench.analyse.regimes import regime
from gainbench.analyse.starving import Serves, serves, stops
from gainbench.plan.condition import Condition, Pool
from gainbench.store.results import ArmFigures, Latency
from tests import runs


@pytest.mark.parametrize(
    ("how", "users", "connections", "threads", "expected"),
    [
        ("threads", 100, 15, 40, True),  # as it was seen to be
        ("threads", 60, 40, 40, False),
        ("threads", 100, 40, 40, True),
        ("threads", 79, 40, 40, False),
        ("event loop", 16, 15, 40, True),
        ("event loop", 15, 15, 40, False),
        ("event loop", 40, 10, 10, False),
        ("event loop", 8, 5, 10, True),
        (None, 1000, 1, 1, False),
    ],
)
def test_the_rule(how: Serves | None, users: int, connections: int, threads: int, expected: bool) -> None:
    assert stops(how, users=users, connections=connections, threads=threads) is expected


def test_a_twin_serves_in_threads_and_an_arm_whose_loop_waits_in_its_loop() -> None:
    plan = runs.plan(arms=("blocking", "sync", "async"))
    found = {arm.name: serves(arm) for arm in plan.arms}
    assert found["sync"] == "threads" or plan.arm("sync").twin_of is None
    arm = plan.arms[0].model_copy(update={"off_loop": ("rollback",), "twin_of": None})
    assert serves(arm) == "event loop"
    assert serves(arm.model_copy(update={"off_loop": None})) is None
    assert serves(arm.model_copy(update={"twin_of": "other"})) == "threads"


def figures(**known: float | str | None) -> ArmFigures:
    empty = dict.fromkeys(ArmFigures.model_fields)
    said = {
        **empty,
        "state": "ok",
        "trials_rps": (),
        "cpu_ms_trials": (),
        "errors": 0,
        "failures": {},
        "requests": 100,
        "latency_ms": Latency(p50=None, p95=None, p99=None, max=None),
        "throughput_rps": 900.0,
        "cpu_ms_per_request": 0.5,
        "wait_ms_per_request": 1.0,
        **known,
    }
    return ArmFigures.model_validate(said)


def here(users: int, pool: int = 40, workers: int = 1) -> Condition:
    return Condition(users=users, rtt_ms=1.0, pool=Pool(size=pool), workers=workers)


@pytest.mark.parametrize(
    ("known", "condition", "how", "expected"),
    [
        ({"cpu_ms_per_request": 1.0}, here(8), "threads", "CPU-bound"),
        ({"cpu_ms_per_request": 1.0}, here(8, workers=2), "threads", "waiting"),
        ({"loop_wait_ms_per_request": 0.5}, here(4), "event loop", "loop-blocked"),
        ({"loop_wait_ms_per_request": 0.1}, here(4), "event loop", "waiting"),
        ({"wait_ms_per_request": 45.0}, here(60, pool=100), "threads", "thread-capped"),
        ({"wait_ms_per_request": 45.0}, here(60, pool=40), "threads", "pool-capped"),
        ({"wait_ms_per_request": 45.0}, here(60, pool=100), None, "waiting"),
        ({"wait_ms_per_request": 45.0}, here(30, pool=40), "threads", "waiting"),
        ({"state": "collapsed", "throughput_rps": None}, here(4), "threads", "collapsed"),
        ({"throughput_rps": None}, here(4), "threads", "unknown"),
        ({"cpu_ms_per_request": None}, here(4), "threads", "unknown"),
    ],
)
def test_a_regime_is_named_from_what_was_measured(
    known: dict[str, float | str | None], condition: Condition, how: Serves | None, expected: str
) -> None:
    assert regime(figures(**known), condition, how, threads=40) == expected
