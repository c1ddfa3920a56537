"""The page of a run of claims, in a real browser; and what the other formats say of it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from gainbench.report import claims, html, markdown
from gainbench.store.records import Span, Timeline, TimelineRow
from gainbench.store.results import ClaimFigures, ClaimVerdict, Results, RunFacts
from tests.report.cases import HOSTILE
from tests.report.test_page import DESK, OVERLAPS, PHONE, Visit
from tests.runs import ENVIRONMENT


def burst(name: str, *, in_turn: bool) -> TimelineRow:
    spans = tuple(Span(start=0.0, end=0.1 * (at + 1 if in_turn else 1), name="/") for at in range(10))
    return TimelineRow(name=name, spans=spans)


def a_claim(
    name: str, verdict: ClaimVerdict, *, says: str = "Waits add up.", drawn: bool = False
) -> ClaimFigures:
    rows = (burst("blocking", in_turn=True), burst("async, concurrent", in_turn=False))
    return ClaimFigures(
        id=name,
        says=says,
        claimed="so",
        measured=None,
        low=None,
        high=None,
        told=HOSTILE,
        verdict=verdict,
        why="Because `await` is none.",
        command=f"gainbench claims --only {name}",
        timelines=(Timeline(title="10 requests, sent together", rows=rows),) if drawn else (),
        seconds=2.0,
    )


@pytest.fixture
def results() -> Results:
    found = (
        a_claim("first", "confirmed", drawn=True),
        a_claim("second", "refuted", says=HOSTILE, drawn=True),
        a_claim("third", "depends"),
        a_claim("fourth", "not shown"),
    )
    facts = RunFacts(
        id="of-claims", started="2026-11-21T09:30:00Z", seconds=9.0, profile="claims", seed=0, status="valid"
    )
    return Results(
        kind="claims",
        run=facts,
        environment=ENVIRONMENT,
        arms={},
        cells=(),
        curves=(),
        collapses=(),
        notes=(),
        crossing=None,
        claims=found,
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_silent_fits_and_hides_no_label(
    browser: Browser, results: Results, tmp_path: Path, width: int, scheme: str
) -> None:
    file = tmp_path / "report.html"
    file.write_text(html.render_claims(results))
    opened = Visit(browser, file, width=width, scheme=scheme)
    assert opened.messages == []
    assert opened.requests == [file.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate(OVERLAPS) == []
    assert opened.page.get_by_role("img").count() == 2
    opened.page.get_by_role("link", name="second").click()
    assert opened.page.url.endswith("#second")
    opened.page.close()


def test_how_many_were_what_is_counted(results: Results) -> None:
    assert claims.counts(results) == "4 claims: confirmed: 1, refuted: 1, depends: 1, not shown: 1"
    summary = markdown.render_claims(results)
    assert summary.startswith("### 4 claims: confirmed: 1")
    assert summary.count("\n| ") == 2 + 4
    assert "<script>" not in summary.replace("\\<", "&lt;")
