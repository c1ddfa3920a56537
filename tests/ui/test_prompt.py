"""What the page says of where a person stands."""

from dataclasses import replace

import pytest

from gainbench.plan.model import Plan
from gainbench.ui.prompt import subject, what_next
from gainbench.ui.protocol import Start
from tests.runs import plan

IN_TURN = Start(users=4, spawn_rate=4.0, scenario="read-list", mode="interleaved", rtt_ms=0.1)
ALONE = replace(IN_TURN, mode="sync")


def of_stretches(combs: int) -> Plan:
    one = plan()
    return one.model_copy(update={"profile": one.profile.model_copy(update={"combs": combs, "comb": 2.4})})


@pytest.mark.parametrize(
    ("shown", "kept", "is_testing", "said"),
    [
        (IN_TURN, 0, False, "Press Start: a first figure after one comb of 2.4 s, an interval after 6."),
        (IN_TURN, 0, True, "Comb 1 of 6: then there is an interval."),
        (IN_TURN, 5, True, "Comb 6 of 6: then there is an interval."),
        (IN_TURN, 6, True, "6 combs so far: each one more makes the interval narrower."),
        (ALONE, 0, False, "Press Start: what sync serves, after one comb."),
        (ALONE, 3, True, ""),
    ],
)
def test_what_happens_next_is_always_said(shown: Start, kept: int, is_testing: bool, said: str) -> None:
    assert what_next(of_stretches(2), shown, kept, is_testing=is_testing) == said


def test_an_arm_alone_has_no_gain_to_speak_of() -> None:
    assert subject(plan(), ALONE) == "throughput of sync, loaded alone"
    assert subject(plan(), IN_TURN) == "async over blocking: gain in throughput so far"
