import html
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gainbench import report
from gainbench.report import junit, markdown, words
from gainbench.store import load_results, load_run
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported

DERIVED = ("results.json", "windows.csv", "combs.csv", "report.html", "summary.md", "junit.xml")


def test_a_run_gets_every_derived_file(full: Case) -> None:
    assert all((full.run.path / name).stat().st_size for name in DERIVED)
    assert load_results(full.run.path) == full.results


def test_results_are_stored_under_the_keys_that_were_promised(full: Case) -> None:
    stored = json.loads((full.run.path / "results.json").read_text())
    assert stored["schema"] == 1
    assert stored["run"]["status"] == "valid"
    assert stored["claim"]["verdict"] == "reproduced"
    headline = [found for cell in stored["cells"] for found in cell["comparisons"] if found["headline"]]
    assert [round(found["gain"], 3) for found in headline] == [0.4]


def test_writing_the_report_twice_gives_the_same_bytes(full: Case) -> None:
    before = {name: (full.run.path / name).read_bytes() for name in DERIVED}
    report.write(load_run(full.run.path), full.results)
    assert {name: (full.run.path / name).read_bytes() for name in DERIVED} == before


def test_a_report_of_a_million_requests_stays_small_enough_to_send(reported: Reported) -> None:
    case = reported(cases.million)
    assert sum(reading.load.requests for comb in case.run.combs for reading in comb.arms.values()) > 1_000_000
    assert (case.run.path / "report.html").stat().st_size < 3_000_000


@pytest.mark.parametrize("kind", cases.EVERY)
def test_every_kind_of_run_gets_a_report(kind: Callable[[Path], Case], reported: Reported) -> None:
    case = reported(kind)
    assert "</html>" in (case.run.path / "report.html").read_text()
    suite = ET.fromstring((case.run.path / "junit.xml").read_text())
    comparisons = sum(len(cell.comparisons) for cell in case.results.cells)
    assert len(suite) == comparisons + len(case.results.expectations)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (cases.invalid, {"tests": "3", "errors": "3", "failures": "0", "skipped": "0"}),
        (cases.collapsed, {"tests": "3", "errors": "0", "failures": "2", "skipped": "0"}),
        (cases.one_trial, {"tests": "1", "errors": "0", "failures": "0", "skipped": "1"}),
        (cases.disappointing, {"tests": "5", "errors": "0", "failures": "1", "skipped": "0"}),
    ],
)
def test_junit_counts_an_invalid_comparison_as_an_error_and_a_collapse_or_a_missed_expectation_as_a_failure(
    kind: Callable[[Path], Case], counts: dict[str, str], tmp_path: Path
) -> None:
    suite = ET.fromstring(junit.render(kind(tmp_path).results))
    assert {name: suite.attrib[name] for name in counts} == counts


def test_what_was_expected_stands_in_every_text_with_what_was_found(reported: Reported) -> None:
    case = reported(cases.disappointing)
    met, missed = map(words.expectation, case.results.expectations)
    assert (": met, " in met, ": not met, " in missed) == (True, True)
    page, summary = ((case.run.path / name).read_text() for name in ("report.html", "summary.md"))
    for said in (met, missed):
        assert html.escape(said[1:].split(":")[0]) in page
        assert said[1:].split(":")[0].replace(">", "\\>") in summary
    assert missed in (case.run.path / "junit.xml").read_text().replace("&gt;", ">")


def test_text_that_xml_cannot_hold_does_not_break_junit(full: Case) -> None:
    cell = full.results.cells[0]
    noted = cell.comparisons[0].model_copy(update={"notes": ("bell \x07 <&>",)})
    changed = cell.model_copy(update={"comparisons": (noted,)})
    suite = ET.fromstring(junit.render(full.results.model_copy(update={"cells": (changed,)})))
    assert "bell \ufffd <&>" in (suite[0].findtext("system-out") or "")


def test_a_summary_of_many_cells_still_fits_a_comment(full: Case) -> None:
    cells = tuple(
        full.results.cells[1].model_copy(
            update={"key": f"{number}", "users": number, "headline": number == 0}
        )
        for number in range(200)
    )
    text = markdown.render(full.results.model_copy(update={"cells": cells}))
    assert len(text) < 65_536
    assert "The report holds 176 more conditions." in text


def test_markdown_shows_hostile_text_as_text(full: Case) -> None:
    text = markdown.render(full.results.model_copy(update={"notes": (cases.HOSTILE,)}))
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert r"\| \*star\* ünïcode" in text
