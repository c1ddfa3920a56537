"""What of an outcome is wrong, told from figures that are and are not."""

import dataclasses
from typing import Any

import pytest

from gainbench.experiments.faults.judge import Outcome, faults_of
from gainbench.experiments.faults.table import Fault, table
from gainbench.run.observation import DATABASE, HARNESS

KILLED = Fault(DATABASE, "KILL", "comb", "window")
PAUSED = Fault(DATABASE, "pause", "comb", "window", 1.5)
RIGHT = Outcome(
    is_struck=True,
    exit_status=3,
    said="the database server was ended by SIGKILL",
    blamed=(),
    kept=1,
    dropped=0,
    worst=0.01,
    left=(),
    report_status=0,
    report_said="",
    resumed=0,
)


def wrong_with(fault: Fault = KILLED, **changes: Any) -> list[str]:
    return list(faults_of(fault, dataclasses.replace(RIGHT, **changes)))


def test_an_outcome_that_had_to_come_has_nothing_wrong_with_it() -> None:
    assert wrong_with() == []
    assert wrong_with(PAUSED, exit_status=0, said="") == []
    assert wrong_with(Fault(HARNESS, "KILL", "report"), exit_status=-9, said="") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_struck": False}, "never reached"),
        ({"exit_status": None}, "still running"),
        ({"exit_status": 0}, "ended with 0"),
        ({"said": "b collapsed"}, "nothing names database"),
        ({"blamed": ("b",)}, "b is said to have collapsed"),
        ({"worst": 0.5}, "50% off"),
        ({"report_said": "Traceback (most recent call last)"}, "a traceback"),
        ({"left": ("process 7",)}, "left behind: process 7"),
        ({"report_status": 1}, "its report ended with 1"),
        ({"resumed": 1}, "going on with it ended with 1"),
    ],
)
def test_each_thing_that_must_not_come_of_it_is_said(changes: dict[str, Any], said: str) -> None:
    (only,) = wrong_with(**changes)
    assert said in only


def test_every_fault_has_an_id_of_its_own() -> None:
    ids = [fault.id for fault in table()]
    assert len(set(ids)) == len(ids) >= 200
