"""The run at a glance: what speaks against it first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gainbench.report.strip import strip
from gainbench.store.records import Parity
from gainbench.store.results import Results
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported

ALIKE = Parity(arms=("sync", "async"), sequences=40, differences=0)


def texts(results: Results, parity: Parity | None = ALIKE, null: Results | None = None) -> list[str]:
    return [fact.text for fact in strip(results, parity, null)]


def test_a_sound_run_says_how_much_how_sure_and_where(full: Case) -> None:
    rules = len([rule for rule in full.results.cells[0].validity if not rule.is_note])
    assert texts(full.results) == [
        "8 trials, 8 min",
        f"{rules} of {rules} rules held",
        "answers identical",
        "no null run of this machine yet",
        "21 Nov 2026, 09:30 UTC",
        "Example CPU, 2 cores",
    ]


def test_what_failed_comes_first(reported: Reported) -> None:
    facts = strip(reported(cases.invalid).results, ALIKE, None)
    assert facts[0].is_bad
    assert "rules held" in facts[0].text
    assert not facts[1].is_bad


def test_an_interrupted_run_is_said_to_be(reported: Reported) -> None:
    assert texts(reported(cases.interrupted).results)[0] == "interrupted"


@pytest.mark.parametrize(
    ("parity", "said"),
    [
        (None, "answers not compared"),
        (Parity(arms=("a", "b"), sequences=0, differences=0, skipped="asked"), "answers not compared"),
        (Parity(arms=("a", "b"), sequences=9, differences=2), "answers differ"),
        (Parity(arms=("a", "b"), sequences=0, differences=0, own_requests=12), "answers alike"),
        (
            Parity(arms=("a", "b"), sequences=0, differences=0, own_requests=12, found=("size",)),
            "answers differ",
        ),
    ],
)
def test_how_the_answers_were_compared_is_said(full: Case, parity: Parity | None, said: str) -> None:
    assert said in texts(full.results, parity)


def test_the_last_null_is_said_and_a_miss_speaks_against_the_machine(full: Case, tmp_path: Path) -> None:
    null = cases.null(tmp_path).results
    assert "last null +0.0 % to +0.0 %" in texts(full.results, null=null)
    cell = null.cells[0]
    missed = cell.comparisons[0].model_copy(update={"low": 0.01, "high": 0.02})
    other = null.model_copy(update={"cells": (cell.model_copy(update={"comparisons": (missed,)}),)})
    first = strip(full.results, ALIKE, other)[0]
    assert (first.text, first.is_bad) == ("last null +1.0 % to +2.0 %, without 0", True)


@pytest.mark.parametrize("kind", cases.EVERY)
def test_every_kind_of_run_has_one(reported: Reported, kind: Callable[[Path], Case]) -> None:
    assert len(texts(reported(kind).results)) >= 4
