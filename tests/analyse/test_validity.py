"""Each rule, just inside and just outside of its limit."""

from typing import Any

import pytest

from gainbench.analyse.validity import RULES, Evidence, drop_reason, judge
from gainbench.store.records import Block, MachineReading, Window
from gainbench.store.results import RuleFigures
from tests.runs import cell, window

ARMS = ("blocking", "async")


def evidence(changed: dict[str, Any] | None = None, *, dropped: int = 0, **machine: float | None) -> Evidence:
    """Ten blocks of sound windows, `async`'s with the changes."""
    blocks = tuple(
        Block(trial=0, number=number, cell=cell().key, windows=(_sound("blocking"), changed_window))
        for number, changed_window in enumerate([_sound("async", changed or {}, **machine)] * 10)
    )
    return Evidence(cell=cell(), arms=ARMS, blocks=blocks, kept=blocks[dropped:], pinned=True)


def _sound(arm: str, changed: dict[str, Any] | None = None, **machine: float | None) -> Window:
    other = "async" if arm == "blocking" else "blocking"
    sound = window(arm, 0.0, seconds=1.0, idle_cpu_seconds={other: 0.001})
    reading = MachineReading(**{**sound.machine.model_dump(), **machine})
    return sound.model_copy(update={"machine": reading, **(changed or {})})


def verdict(rule: str, of: Evidence) -> RuleFigures:
    return next(figures for figures in judge(of) if figures.rule == rule)


def test_a_sound_cell_keeps_every_rule() -> None:
    assert [figures.rule for figures in judge(evidence()) if not figures.ok] == []


def test_every_rule_has_a_name_of_its_own_and_says_what_it_means() -> None:
    figures = judge(evidence())
    assert len({one.rule for one in figures}) == len(RULES) - 1  # a closed loop has no schedule to keep
    assert all(one.meaning and one.cure for one in figures)


@pytest.mark.parametrize(
    ("rule", "inside", "outside", "limit"),
    [
        # async's windows are half of all, so its share counts half; the others use 0.2 of a core.
        ("generator busy", {"generator_cpu_seconds": 1.1}, {"generator_cpu_seconds": 1.3}, 0.70),
        ("generator's cores busy", {"load_idle_seconds": 0.0}, {"load_idle_seconds": -0.4}, 0.90),
        ("round trips differ", {"proxy_late_ms": 0.03}, {"proxy_late_ms": 0.04}, 0.05),
    ],
)
def test_what_the_machine_did_has_limits(
    rule: str, inside: dict[str, float], outside: dict[str, float], limit: float
) -> None:
    assert verdict(rule, evidence(**inside)).ok
    broken = verdict(rule, evidence(**outside))
    assert not broken.ok
    assert broken.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("errors", {"failures": {"HTTP 500": 1}}, {"failures": {"HTTP 500": 2}}),
        ("users unaccounted for", {"in_flight_seconds": 3.7}, {"in_flight_seconds": 3.5}),
        (
            "idle arms busy",
            {"idle_cpu_seconds": {"blocking": 0.04}},
            {"idle_cpu_seconds": {"blocking": 0.06}},
        ),
        ("exceptions in tasks", {"task_exceptions": {"KeyError": 2}}, {"task_exceptions": {"KeyError": 3}}),
    ],
)
def test_what_the_arms_and_users_did_has_limits(
    rule: str, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    assert verdict(rule, evidence(inside)).ok
    assert not verdict(rule, evidence(outside)).ok


def test_a_cell_that_lost_more_than_four_blocks_in_ten_is_invalid() -> None:
    assert verdict("blocks dropped", evidence(dropped=4)).ok
    assert not verdict("blocks dropped", evidence(dropped=5)).ok


def test_what_a_system_does_not_tell_breaks_no_rule() -> None:
    unknown = verdict("round trips differ", evidence({}, proxy_late_ms=None))
    assert unknown.ok


def stolen(first: float, second: float) -> list[Window]:
    return [
        _sound("blocking", arms_cores_seconds=1.0, arms_steal_seconds=first),
        _sound("async", arms_cores_seconds=1.0, arms_steal_seconds=second),
    ]


def test_a_block_is_dropped_for_stolen_time_and_for_nothing_else() -> None:
    assert drop_reason(stolen(0.05, 0.05)) is None
    assert drop_reason(stolen(0.06, 0.06)) == "steal 6.0% > 5%"
    assert drop_reason(stolen(0.01, 0.03)) is None
    assert drop_reason(stolen(0.01, 0.04)) == "steal differs between arms by 3.0% > 2%"


def test_a_block_with_an_empty_window_holds_no_ratio() -> None:
    empty = _sound("async", {"successes": 0})
    assert drop_reason([_sound("blocking"), empty]) == "async completed nothing in a window"


def test_a_machine_that_hides_stolen_time_keeps_its_blocks() -> None:
    hidden = [_sound(arm, arms_cores_seconds=None, arms_steal_seconds=None) for arm in ARMS]
    assert drop_reason(hidden) is None


def test_a_block_with_missing_load_is_dropped_whatever_it_counted() -> None:
    partial = _sound("async", {"incomplete": "load generator 2 was lost"})
    assert drop_reason([_sound("blocking"), partial]) == "load generator 2 was lost"


def test_a_block_whose_readings_belong_to_another_time_is_dropped() -> None:
    """The harness came late to one edge: what it read there is not what the window used."""
    seconds = _sound("async").seconds
    late = _sound("async").model_copy(update={"reading_seconds": 0.8 * seconds})
    punctual = _sound("async").model_copy(update={"reading_seconds": 0.95 * seconds})
    assert drop_reason([_sound("blocking"), punctual]) is None
    assert "CPU time was read over" in str(drop_reason([_sound("blocking"), late]))


def test_of_several_load_generators_the_busiest_is_judged() -> None:
    both = evidence(generator_cpu_seconds=1.3, busiest_generator_cpu_seconds=0.7)
    assert verdict("generator busy", both).ok
