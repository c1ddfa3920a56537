"""The head of a report is as loud as the run is sure."""

from pathlib import Path
from typing import Any

import pytest

from gainbench.report import headline, numbers, words
from gainbench.report.advice import advice
from gainbench.report.headline import Said
from gainbench.store.results import ControlFacts, Results
from tests.report import cases
from tests.report.cases import Case


def said_of(results: Results) -> Said:
    answer = headline.answer(results)
    assert answer is not None
    return answer.said


def changed(results: Results, **changes: Any) -> Results:
    """The results with another headline comparison."""
    cell, found = results.headline_cell, results.headline
    assert cell is not None
    compared = tuple(one.model_copy(update=changes) if one == found else one for one in cell.comparisons)
    cells = tuple(
        one.model_copy(update={"comparisons": compared}) if one.headline else one for one in results.cells
    )
    return results.model_copy(update={"cells": cells})


def test_a_collapse_is_the_advice_and_gives_no_figure(tmp_path: Path) -> None:
    results = cases.collapsed(tmp_path).results
    said = said_of(results)
    assert (said.figure, said.value, said.tone) == ("blocking collapsed", None, "alert")
    assert said.verdict == "blocking collapsed 3 s into the run, in 1 trial: no answer for 3 s"
    assert list(words.banners(results)) == []
    assert advice(results).startswith(
        "blocking stopped serving 4 users with a pool of 40. sync and async went on serving."
    )
    assert words.certainty(results) is None


def test_an_invalid_run_shows_the_rule_instead_of_the_figure(tmp_path: Path) -> None:
    results = cases.invalid(tmp_path).results
    said = said_of(results)
    assert (said.figure, said.value, said.tone, said.interval) == ("invalid", None, "alert", None)
    assert results.headline is not None
    assert words.line(results.headline) == "the measurement broke a rule and gives no figure"
    ((heading, text),) = words.banners(results)
    assert heading == "Invalid"
    assert "errors: 0.3 % of the requests, limit 0.1 %" in text
    assert "look at the failures and at the log of the arm that answered so" in advice(results)


def test_an_interrupted_run_whose_headline_broke_a_rule_says_both(tmp_path: Path) -> None:
    results = cases.invalid(tmp_path).results
    cut_off = results.model_copy(update={"run": results.run.model_copy(update={"status": "interrupted"})})
    assert [heading for heading, _ in words.banners(cut_off)] == ["Interrupted", "Invalid"]


def test_an_interrupted_run_says_so_before_any_figure(tmp_path: Path) -> None:
    ((heading, text),) = words.banners(cases.interrupted(tmp_path).results)
    assert heading == "Interrupted"
    assert text.startswith("The run ended early, after 2 min 38 s.")


def test_an_arm_alone_is_not_compared_with_anything(tmp_path: Path) -> None:
    results = cases.one_arm(tmp_path).results
    answer = headline.answer(results)
    assert answer is not None
    assert (answer.said.figure, answer.said.value, answer.said.tone) == (numbers.rate(1300), None, "quiet")
    assert answer.said.verdict == "sync alone: nothing was compared"
    assert answer.subject.startswith("throughput of sync, read-list, 4 users")
    assert advice(results) == "Nothing was compared: name two arms to see a gain."


def test_an_unresolved_gain_is_muted_and_has_no_figure(full: Case) -> None:
    said = said_of(changed(full.results, verdict="unresolved", gain=-0.1, low=-0.52, high=0.36))
    assert (said.figure, said.value, said.tone) == ("not resolved", None, "quiet")
    assert said.interval == "between −52.0 % and +36.0 %"
    assert said.verdict == "too short to tell async from blocking"


def test_a_single_trial_has_no_big_number(tmp_path: Path) -> None:
    said = said_of(cases.one_trial(tmp_path).results)
    assert (said.figure, said.value, said.tone) == ("no interval", None, "quiet")
    assert said.verdict == "too little was measured: 1 trial, which saw +0.0 %"


def test_a_gain_that_is_sure_is_the_figure(full: Case) -> None:
    said = said_of(full.results)
    assert (said.figure, said.tone, said.interval) == (
        "+40.0 %",
        "figure",
        "95 % interval +38.8 % to +41.2 %",
    )


@pytest.mark.parametrize(
    ("low", "high", "figure", "tone", "advised"),
    [
        (-0.34, -0.19, "recovered", "quiet", "The harness finds what was planted"),
        (-0.20, -0.10, "not recovered", "alert", "The harness did not see what was planted"),
        (-0.40, 0.10, "not resolved", "quiet", "holds what was planted, and 0 as well"),
        (None, None, "not resolved", "quiet", "Fewer than three trials"),
    ],
)
def test_a_control_is_held_against_what_was_planted(
    tmp_path: Path, low: float | None, high: float | None, figure: str, tone: str, advised: str
) -> None:
    planted = changed(cases.null(tmp_path).results, expected_gain=-0.23, gain=-0.27, low=low, high=high)
    results = planted.model_copy(update={"control": ControlFacts(arm="sync#2", share=0.3)})
    said = said_of(results)
    assert (said.figure, said.value, said.tone) == (figure, None, tone)
    assert said.verdict == "Control: sync#2 slowed by 30.0 %: expected −23.0 %, seen −27.0 %"
    assert advised in advice(results)


def test_a_control_of_which_nothing_can_be_expected_is_said_to_be_one(tmp_path: Path) -> None:
    results = cases.control(tmp_path).results
    said = said_of(results)
    assert (said.figure, said.tone) == ("no truth", "quiet")
    assert said.verdict == "Control: sync#2 slowed by 30.0 %: nothing can be expected here, seen +0.0 %"
    assert advice(results).startswith("What a control must show is known where")


def test_a_null_is_headed_as_one_and_says_whether_its_interval_contains_zero(tmp_path: Path) -> None:
    results = cases.null(tmp_path).results
    said = said_of(results)
    assert (said.value, said.tone) == (0.0, "quiet")
    assert said.verdict == "Null: sync#2 is sync itself, and the interval contains 0"
    assert "The harness sees nothing where there is nothing" in advice(results)
    missed = changed(results, low=0.01, high=0.02)
    assert said_of(missed).verdict.endswith("the interval misses 0")
    assert "The interval misses 0" in advice(missed)


def test_a_null_that_broke_a_rule_has_no_figure(tmp_path: Path) -> None:
    assert said_of(changed(cases.null(tmp_path).results, verdict="invalid")).figure == "invalid"


def test_an_interval_that_cannot_tell_is_not_resolved_on_a_line_either(full: Case) -> None:
    found = changed(full.results, verdict="unresolved", low=-0.1, high=0.2).headline
    assert found is not None
    assert words.brief(found) == "between −10.0 % and +20.0 %, not resolved"
    assert words.line(found) == "between −10.0 % and +20.0 %: too short to tell async from blocking"
