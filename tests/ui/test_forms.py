"""What a form stands for, and what it is answered when it holds nonsense."""

from dataclasses import replace

import pytest

from gainbench.ui.choices import most_users
from gainbench.ui.forms import Refused, offer, read_start
from gainbench.ui.protocol import Choices, Coloured, Start, View
from tests.runs import cell, plan

ORDER = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)
CHOICES = Choices(
    arms=(Coloured("blocking", "#000", "#fff"), Coloured("async", "#000", "#fff")),
    scenarios=("read-list", "write"),
    suggested=ORDER,
    most_users={"interleaved": 480, "blocking": 960, "async": 960},
    page=(),
)
VIEW = View(choices=CHOICES)
FORM = {"user_count": "4", "spawn_rate": "4"}


def test_a_form_with_two_numbers_starts_what_is_suggested() -> None:
    assert read_start(FORM, VIEW) == ORDER


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("user_count", "2.5", "write a whole number"),
        ("user_count", "0", "from 1 to 480"),
        ("user_count", "481", "from 1 to 480"),
        ("spawn_rate", "0.1", "takes 40 s"),
        ("scenario", "delete", "choose one of read-list, write"),
        ("mode", "sync", "choose one of interleaved, blocking, async"),
        ("round_trip_ms", "inf", "from 0 to 100"),
        ("run_time", "soon", "write it like"),
    ],
)
def test_a_refusal_says_what_the_field_may_be(field: str, value: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_start({**FORM, field: value}, VIEW)


def running(now: Start) -> View:
    """A view of a test that runs under this condition."""
    return View(phase="running", choices=replace(CHOICES, suggested=now), current=now)


def test_while_a_test_runs_its_users_may_change_and_its_scenario_may_not() -> None:
    assert read_start({**FORM, "user_count": "8"}, running(ORDER)).users == 8
    with pytest.raises(Refused, match="already running"):
        read_start({**FORM, "scenario": "write"}, running(ORDER))


def test_editing_the_users_leaves_what_was_changed_since_the_form_was_shown() -> None:
    now = replace(ORDER, scenario="write", mode="async", rtt_ms=5.0)
    edited = read_start({**FORM, **offer(ORDER), "user_count": "8"}, running(now), offer(ORDER))
    assert edited == replace(now, users=8)


def test_a_form_that_shows_a_rounded_round_trip_does_not_round_it() -> None:
    now = replace(ORDER, rtt_ms=0.12345678)
    assert offer(now)["round_trip_ms"] == "0.123457"
    assert read_start({**FORM, **offer(now)}, running(now)).rtt_ms == 0.12345678


def test_a_field_that_was_changed_in_the_form_counts() -> None:
    now = replace(ORDER, rtt_ms=5.0)
    assert read_start({**FORM, "round_trip_ms": "2"}, running(now), offer(ORDER)).rtt_ms == 2.0


def test_one_arm_alone_may_have_the_users_of_all() -> None:
    assert read_start({**FORM, "user_count": "960", "spawn_rate": "99", "mode": "async"}, VIEW).users == 960


def test_users_are_limited_by_what_every_client_of_the_generator_can_watch() -> None:
    assert most_users(plan()) == {"interleaved": 320, "blocking": 960, "sync": 960, "async": 960}


def test_the_users_that_a_plan_names_may_be_asked_for() -> None:
    assert most_users(plan(cells=[cell(users=400)]))["interleaved"] == 400
