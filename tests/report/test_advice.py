"""What follows for the reader: for each outcome a sentence that the figures support, and no other."""

from pathlib import Path

import pytest

from gainbench.report.advice import advice
from gainbench.store.results import Results
from tests.report import cases
from tests.report.cases import Case
from tests.runs import plan


def with_verdicts(results: Results, **verdicts_and_gains: tuple[str, float]) -> Results:
    """The results with another verdict and gain at the headline: candidate_over_baseline=(verdict, gain)."""
    cell = results.headline_cell
    assert cell is not None
    changed = tuple(
        found.model_copy(update=dict(zip(("verdict", "gain"), said, strict=True)))
        if (said := verdicts_and_gains.get(f"{found.candidate}_over_{found.baseline}"))
        else found
        for found in cell.comparisons
    )
    cells = tuple(
        one.model_copy(update={"comparisons": changed}) if one.headline else one for one in results.cells
    )
    return results.model_copy(update={"cells": cells})


def test_a_blocked_loop_is_told_how_much_of_the_gain_comes_without_async(full: Case) -> None:
    assert advice(full.results) == (
        "Blocked event loop: blocking stands still while it waits for the database. Declare these handlers "
        "`def` (arm sync) and get 30 of the 40 points without async. Going on to async adds +7.7 % to that."
    )


def with_twins(results: Results, **twin_of: str | None) -> Results:
    """The results of a plan that says something else of whose twin these arms are."""
    changed = {
        name: arm.model_copy(update={"twin_of": twin_of[name]}) if name in twin_of else arm
        for name, arm in results.arms.items()
    }
    return results.model_copy(update={"arms": changed})


@pytest.mark.parametrize("twin_of", [None, "async"])
def test_an_arm_that_the_plan_does_not_call_its_twin_in_threads_is_not_said_to_be(
    full: Case, twin_of: str | None
) -> None:
    assert advice(with_twins(full.results, sync=twin_of)) == (
        "Blocked event loop: blocking stands still while it waits for the database. Switch to arm sync and "
        "get 30 of the 40 points. Going on to async adds +7.7 % to that."
    )


def test_an_arm_of_another_kind_that_gains_nothing_is_not_spoken_of(full: Case) -> None:
    other = with_twins(full.results, sync=None)
    said = advice(with_verdicts(other, sync_over_blocking=("slower", -0.1)))
    assert said.startswith("Under this condition async serves 40.0 % more requests")


def test_the_twin_is_preferred_to_any_other_arm_in_between(tmp_path: Path) -> None:
    arms = ("blocking", "aiomysql", "sync", "async")
    case = cases.stored(tmp_path, plan(arms=arms))
    said = with_verdicts(case.results, aiomysql_over_blocking=("faster", 0.35))
    assert "Declare these handlers `def` (arm sync)" in advice(said)


def test_threads_that_gain_as_much_as_async_are_not_said_to_give_a_part(full: Case) -> None:
    said = advice(with_verdicts(full.results, sync_over_blocking=("faster", 0.45)))
    assert "get all of the gain, +45.0 %, without async" in said


# What is said of async over blocking, and of threads on the way, for every verdict of both.
STEP = {
    "faster": "Declare these handlers `def` (arm sync) and get 30 of the 40 points without async.",
    "slower": "sync is no step towards it here: +30.0 % (single 95 % interval +30.0 % to +30.0 %)",
    "no difference": "sync is no step towards it here: +30.0 % (single 95 % interval +30.0 % to +30.0 %)",
    "unresolved": "Part of this may come without async: sync over blocking lies between +30.0 % and +30.0 %",
    "collapsed": "sync is no step towards it here: an arm stopped serving.",
    "invalid": "",
}
INSTEAD = "Declare these handlers `def` (arm sync) instead: +30.0 % without async."
ALONE = {
    "slower": "Under this condition async costs throughput: stay with blocking.",
    "no difference": "Do not move to async for throughput: under this condition it gives none that matters.",
    "unresolved": "Measured too briefly to tell.",
}


@pytest.mark.parametrize("step", ["faster", "slower", "no difference", "unresolved", "collapsed"])
@pytest.mark.parametrize("verdict", ["faster", "slower", "no difference", "unresolved"])
def test_no_verdict_is_told_more_than_it_supports(full: Case, verdict: str, step: str) -> None:
    results = with_verdicts(full.results, async_over_blocking=(verdict, 0.4), sync_over_blocking=(step, 0.3))
    said = advice(results)
    if verdict == "faster":
        assert STEP[step] in said
        assert ("Blocked event loop" in said) is (step == "faster")
        return
    assert said.startswith(ALONE[verdict])
    assert (INSTEAD in said) is (step == "faster")
    assert "no step" not in said
    assert "may come without async" not in said


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("faster", "Going on to async adds +5.0 % to that."),
        ("slower", "Going on to async costs: +5.0 %."),
        ("no difference", "Going on to async adds nothing that matters to that."),
        ("unresolved", "What async adds to that stays open: between +6.8 % and +8.6 %: too short to tell"),
    ],
)
def test_what_async_adds_to_threads_follows_the_verdict(full: Case, verdict: str, said: str) -> None:
    assert said in advice(with_verdicts(full.results, async_over_sync=(verdict, 0.05)))


def test_users_who_rest_are_no_proof_that_arms_are_equal(full: Case) -> None:
    """A twentieth of the requests in flight that there are users: equal throughput says nothing."""
    results = with_verdicts(full.results, async_over_blocking=("no difference", 0.0))
    cell = results.headline_cell
    assert cell is not None
    idle = {name: arm.model_copy(update={"in_flight": 0.2}) for name, arm in cell.arms.items()}
    resting = results.model_copy(update={"cells": (cell.model_copy(update={"arms": idle}),)})
    assert advice(resting).startswith(
        "Both answered all that was asked of them: with users who rest 95.0 % of"
    )
    assert "Do not move" not in advice(resting)


def test_an_arm_that_left_no_stacks_has_its_log_to_say_why(tmp_path: Path) -> None:
    crashed = cases.collapsed(tmp_path, reason="its server process ended with status 3", stacks="")
    assert "Its log, in the run directory, says why" in advice(crashed.results)


def test_an_arm_whose_process_ended_is_not_cured_by_a_larger_pool(tmp_path: Path) -> None:
    killed = cases.collapsed(tmp_path, reason="its server process was ended by SIGKILL", exit_status=-9)
    said = advice(killed.results)
    assert said.startswith("blocking ended while it was measured. sync and async went on serving.")
    assert "log" in said
    assert "pool" not in said


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (("faster", 0.1), "This change adds 10.0 % of throughput under this condition."),
        (("slower", -0.04), "This change costs 4.0 % of throughput under this condition."),
        (("no difference", 0.0), "This change makes no difference to throughput that matters."),
    ],
)
def test_of_two_commits_it_is_said_what_the_change_does(
    tmp_path: Path, verdict: tuple[str, float], said: str
) -> None:
    results = cases.stored(tmp_path, plan(arms=("sync", "async"), claim=False)).results
    facts = {name: arm.model_copy(update={"origin": "main (1234)"}) for name, arm in results.arms.items()}
    changed = with_verdicts(results, async_over_sync=verdict).model_copy(update={"arms": facts})
    assert advice(changed) == said
