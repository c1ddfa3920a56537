import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gainbench.plan.model import Arm
from gainbench.report import html, markdown, notes, numbers
from gainbench.report.effect import effect
from gainbench.store.environment import ArmSettings
from tests.report import cases
from tests.report.cases import HOSTILE, Case
from tests.report.conftest import Reported
from tests.runs import ENVIRONMENT, curve_plan

VOID = {"meta", "link", "br", "img", "input", "hr", "col", "area", "base", "wbr", "source"}


class Page(HTMLParser):
    """The page's elements and its visible text; fails on a tag that closes what is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(full: Case) -> Page:
    return Page((full.run.path / "report.html").read_text())


def page_of(case: Case) -> Page:
    return Page((case.run.path / "report.html").read_text())


def test_the_answer_comes_first_and_equals_the_results(full: Case, page: Page) -> None:
    assert full.results.headline is not None
    (headline,) = [found for found in page.all("span") if "headline" in (found.get("class") or "").split()]
    assert float(headline["data-gain"] or "nan") == full.results.headline.gain
    assert page.text.index("+40.0 %") < page.text.index("async is faster than blocking")


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    assert not page.all("link")
    assert not page.all("img")
    assert [found.get("src") for found in page.all("script")] == [None]
    (policy,) = [found for found in page.all("meta") if "http-equiv" in found]
    assert (policy["content"] or "").startswith("default-src 'none'")
    linked = [found["href"] or "" for found in page.all("a")]
    assert all(href.startswith("#") or href in html.RAW_FILES for href in linked)


def test_every_figure_and_every_wide_table_has_a_name(page: Page) -> None:
    drawings = page.all("svg")
    assert len(drawings) == 12
    assert all(found["role"] == "img" and found["aria-labelledby"] for found in drawings)
    assert all(
        found["aria-label"] and found["tabindex"] == "0"
        for found in page.all("div")
        if (found.get("class") or "").startswith("scroll")
    )
    assert len(page.all("table")) == len(page.all("caption"))


def test_all_ids_are_unique_and_all_links_inside_the_page_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {found["href"] for found in page.all("a") if (found["href"] or "").startswith("#")} <= {
        f"#{name}" for name in ids
    }


def test_everything_needed_to_attack_the_figure_is_there(page: Page) -> None:
    for said in (
        "40 sequences of requests answered by blocking, sync, async: 0 differences",
        "No null run of this machine was found.",
        "generator busy, of a core",
        "gainbench bench --seed 7",
        "pings within one zone",
        "+async def session():",
        "[claim.band]",
        "Example CPU",
        "Lengths of the turns",
        "The rate within a turn",
    ):
        assert said in page.text


def test_settings_that_differ_between_arms_are_marked(full: Case) -> None:
    text = (full.run.path / "report.html").read_text()
    cells = re.findall(r'<td class="differs">(?:<span.*</span>)?(.*?)</td>', text)
    marked = [re.sub(r"</?(mark|bdi)>", "", cell) for cell in cells]
    assert cells[1] == "uvicorn <mark>apps.sync_app.main:app</mark>"  # the word that differs
    apps = [f"uvicorn apps.{app}.main:app" for app in ("sync_app", "sync_app", "async_app")]
    assert marked[:4] == ["command", *apps]
    assert marked[4:8] == ["commit", "1" * 12, "1" * 12, f"{'2' * 12}, modified"]
    assert marked[8:] == ["$HANDLERS", "event-loop", "thread-pool", "n/a"]
    named = '<span aria-hidden="true">≠ </span><span class="unseen">differs: </span>'
    assert re.findall(rf"{named}<bdi>([$\w]+)<", text) == ["command", "commit", "$HANDLERS"]


def test_the_last_null_run_stands_beside_the_figure(tmp_path: Path) -> None:
    cases.null(tmp_path)
    null = cases.null(tmp_path)
    run, results = cases.one_trial(tmp_path)
    page = Page(html.render(run, results, null.results))
    assert f"{null.run.id}, one arm against itself: +0.0 % (95 % interval +0.0 % to +0.0 %)" in page.text


def test_a_collapse_shows_its_evidence_and_no_gain(reported: Reported) -> None:
    page = page_of(reported(cases.collapsed))
    assert page.text.index("blocking collapsed") < page.text.index("stopped serving")
    assert "no answer for 3 s" in page.text
    assert "pool.get\n  wait" in page.text
    (headline,) = [found for found in page.all("span") if "headline" in (found.get("class") or "").split()]
    assert headline["data-gain"] == ""


def test_an_open_loop_is_headed_by_its_latency_in_words_figure_and_attributes_alike(
    reported: Reported,
) -> None:
    case = reported(cases.open_loop)
    page = page_of(case)
    assert case.results.headline is not None
    tail = case.results.headline.latency[-1]
    (headline,) = [found for found in page.all("span") if "headline" in (found.get("class") or "").split()]
    assert float(headline["data-gain"] or "nan") == tail.change
    said = numbers.gain(tail.change)
    assert said.startswith("\N{MINUS SIGN}4")
    assert page.text.count(f"async over sync  {said}") == 2  # in the figure, wide and narrow
    assert page.text.index(said) < page.text.index(
        "p99 latency of async over sync, read-list, 1000 requests/s"
    )
    assert "Change of p99 latency at the headline condition" in page.text
    assert "Gain in throughput" not in page.text
    assert "of the ratio from 3 trials with 3 combs." in page.text
    assert "smallest gain it could see" not in page.text


def test_the_precision_of_an_open_loop_is_that_of_its_latency(reported: Reported) -> None:
    results = reported(cases.open_loop).results
    assert results.headline is not None
    tail = results.headline.latency[-1].model_copy(update={"change": -0.5, "low": -0.6, "high": -0.375})
    headline = results.headline.model_copy(update={"latency": (tail,)})
    # The upper end is 0.625 of the baseline's, the lower 0.4: a factor of 1.5625, or 1.25 to either side.
    assert effect(headline).half_width == pytest.approx(0.25)


def test_an_invalid_run_shows_no_gain_at_all(reported: Reported) -> None:
    case = reported(cases.invalid)
    page = page_of(case)
    assert "Invalid." in page.text
    assert "errors: 0.3 % of the requests, limit 0.1 %" in page.text
    assert case.results.headline is not None
    assert case.results.headline.gain is not None
    assert "+40" not in page.text
    cell = case.results.headline_cell
    assert cell is not None
    wrong = {str(value) for found in cell.comparisons for value in (found.gain, found.low, found.high)}
    assert len(wrong) == 7  # `sync` does not stray: its interval is its gain
    assert not wrong & {value for _, attributes in page.elements for value in attributes.values()}
    assert "interval" not in markdown.render(case.results).partition("| comparison")[0]


def test_a_cell_left_off_the_curve_is_named_with_its_reason(reported: Reported) -> None:
    case = reported(cases.invalid_beside)
    page = page_of(case)
    assert case.results.run.status == "valid"
    assert all(len(curve.points) == 4 for curve in case.results.curves)
    said = "0.4 ms added: invalid, left off the curve. errors: "
    assert said in page.text
    assert "limit 0.1 %" in page.text[page.text.index(said) :][:200]
    assert "Left off, as invalid: 0.4 ms added." in page.text
    assert f"- {said}" in markdown.render(case.results)
    # In the throughput figure, wide and narrow, and for each of three arms in the table of costs at least.
    assert page.text.count("0.4 ms added (invalid)") >= 2 + 3
    assert "0.2 ms added (invalid)" not in page.text


def test_a_cell_beside_the_curve_is_not_said_to_be_left_off_it(reported: Reported) -> None:
    results = reported(cases.invalid_beside).results
    crowded = [
        found.model_copy(update={"condition": found.condition.changed({"users": 40})})
        if found.condition.rtt_ms == 0.4
        else found
        for found in results.cells
    ]
    (said,) = notes.notes(results.model_copy(update={"cells": tuple(crowded)}))
    assert said.startswith("40 users, 0.4 ms added: invalid, no figure. errors: ")


def test_a_cell_without_a_valid_window_says_so(reported: Reported) -> None:
    page = page_of(reported(cases.all_dropped))
    assert page.text.count("no valid window") == 6  # three arms, drawn wide and narrow
    assert "steal on the arms' cores: 6.1% > 5%" in page.text


@pytest.mark.parametrize("kind", [cases.nothing_measured, cases.one_arm, cases.interrupted])
def test_a_report_of_little_is_whole_and_says_what_is_missing(
    kind: Callable[[Path], Case], reported: Reported
) -> None:
    page = page_of(reported(kind))
    assert "Can I trust it?" in page.text
    assert "None" not in page.text
    assert "nan" not in page.text


def test_hostile_text_is_shown_and_not_executed(tmp_path: Path) -> None:
    settings = ArmSettings(kind="app", command=HOSTILE, workers=1, variables={HOSTILE: HOSTILE})
    hostile = ENVIRONMENT.model_copy(
        update={
            "app_diff": HOSTILE,
            "command": HOSTILE,
            "settings": {"sync": settings, HOSTILE: settings},
            "versions": {HOSTILE: HOSTILE},
        }
    )
    the_plan = curve_plan().model_copy(
        update={
            "arms": tuple(
                Arm(name=name, app="a:b", env={"X": HOSTILE}) for name in ("blocking", "sync", "async")
            )
        }
    )
    record = [
        *cases.invalid(tmp_path, failure=HOSTILE).run.combs,
        *cases.collapsed(tmp_path, reason=HOSTILE, stacks=HOSTILE).run.collapses,
    ]
    case = cases.stored(tmp_path, the_plan, record, environment=hostile)
    text = html.render(case.run, case.results.model_copy(update={"notes": (HOSTILE,)}))
    page = Page(text)
    assert len(page.all("script")) == 1
    assert text.count("<script>alert") == 0
    assert page.text.count("<script>alert('x')</script>") >= 8
    assert "ünïcode" in page.text


def test_a_page_to_be_sent_on_holds_no_password_of_the_plan(full: Case) -> None:
    plan = full.run.plan
    first = plan.arms[0].changed({"env": {"API_TOKEN": "hunter2", "SIZE": "40"}})
    database = plan.database.changed({"server": "mysql://bench:hunter2@127.0.0.1:3306/"})
    secret = plan.model_copy(update={"arms": (first, *plan.arms[1:]), "database": database})
    page = html.render(replace(full.run, plan=secret), full.results)
    assert "hunter2" not in page
    assert "mysql://bench:***@127.0.0.1:3306/" in page
    assert "SIZE = &#34;40&#34;" in page
