"""Two stored runs: which may be compared, and by how much each arm changed."""

from pathlib import Path
from typing import Any

import pytest

from gainbench.analyse.diff import against, diff, hindrances
from gainbench.analyse.summary import summarise
from gainbench.report import words
from gainbench.store import load_run
from gainbench.store.environment import Machine
from gainbench.store.results import Results
from tests import runs


def results(folder: Path, **more: Any) -> Results:
    return summarise(load_run(runs.store(folder, runs.plan(**more))))


def test_a_run_is_like_itself(tmp_path: Path) -> None:
    one = results(tmp_path)
    assert list(hindrances(one, one)) == []
    (cell,) = diff(one, one)
    assert [change.arm for change in cell.arms] == list(one.cells[0].arms)
    assert all(change.change.gain == pytest.approx(0) for change in cell.arms)


def test_an_arm_that_lost_a_tenth_is_told_so(tmp_path: Path) -> None:
    one = results(tmp_path)
    (cell,) = one.cells
    slower = cell.arms["async"].model_copy(
        update={"trials_rps": tuple(rate * 0.9 for rate in cell.arms["async"].trials_rps)}
    )
    other = one.model_copy(
        update={"cells": (cell.model_copy(update={"arms": {**cell.arms, "async": slower}}),)}
    )
    changes = {change.arm: change.change for change in diff(one, other)[0].arms}
    assert changes["async"].gain == pytest.approx(-0.1)
    assert changes["async"].low is not None
    assert changes["async"].low < -0.1 < changes["async"].high  # type: ignore[operator]
    assert changes["sync"].gain == pytest.approx(0)


def test_what_is_not_alike_is_said(tmp_path: Path) -> None:
    one = results(tmp_path / "1")
    elsewhere = one.environment.model_copy(
        update={"machine": Machine(cores=64), "versions": {**one.environment.versions, "python": "3.99"}}
    )
    invalid = one.run.model_copy(update={"status": "invalid"})
    other = one.model_copy(update={"environment": elsewhere, "cells": (), "run": invalid})
    said = " ".join(hindrances(one, other))
    for reason in ("different machines", "versions differ: python", "no cell in common", "second run broke"):
        assert reason in said


def test_an_arm_without_a_figure_is_left_out_with_the_reason(tmp_path: Path) -> None:
    one = results(tmp_path)
    (cell,) = one.cells
    gone = cell.arms["async"].model_copy(update={"state": "collapsed", "throughput_rps": None})
    other = one.model_copy(update={"cells": (cell.model_copy(update={"arms": {"async": gone}}),)})
    (found,) = diff(one, other)
    assert found.arms == ()
    assert "async: collapsed" in found.left_out
    assert "sync: the second run has no such arm" in found.left_out


def test_an_earlier_run_of_the_same_agrees_with_itself(tmp_path: Path) -> None:
    one = results(tmp_path)
    found = against(one, one)
    assert found is not None
    assert (found.run, found.change) == (one.run.id, pytest.approx(0))
    assert one.headline is not None
    assert found.gain == one.headline.gain
    said = words.earlier(one.model_copy(update={"earlier": found}))
    assert said is not None
    assert said.startswith(f"An earlier run of the same, {one.run.id}, saw +40.0 %")
    assert "they agree" in said


def test_an_earlier_run_that_saw_less_differs_by_that(tmp_path: Path) -> None:
    one = results(tmp_path)
    (cell,) = one.cells
    less = tuple(
        found.model_copy(update={"trial_gains": tuple((1 + gain) / 1.2 - 1 for gain in found.trial_gains)})
        for found in cell.comparisons
    )
    before = one.model_copy(update={"cells": (cell.model_copy(update={"comparisons": less}),)})
    found = against(before, one)
    assert found is not None
    assert found.change == pytest.approx(0.2)
    said = words.earlier(one.model_copy(update={"earlier": found}))
    assert said is not None
    assert "this one differs by +20.0 %" in said


def test_runs_that_may_not_be_compared_are_not_held_beside_each_other(tmp_path: Path) -> None:
    one = results(tmp_path / "1")
    elsewhere = one.environment.model_copy(update={"machine": Machine(cores=64)})
    assert against(one.model_copy(update={"environment": elsewhere}), one) is None
    assert against(one.model_copy(update={"kind": "null"}), one) is None
    assert against(results(tmp_path / "2", arms=("sync", "async"), claim=False), one) is None
