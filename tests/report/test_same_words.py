"""Page, Markdown, terminal and JUnit say the same of a run."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from gainbench import report
from gainbench.report import headline, junit, markdown, notes, terminal, words
from gainbench.report.advice import advice
from gainbench.store.records import Comb, RequestReading
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported
from tests.report.test_html import page_of
from tests.runs import changed, combs_changed, latencies, lines, plan


def plain(text: str) -> str:
    """Without what a format adds: escapes, code marks, line breaks, entities."""
    text = re.sub(r"\\([\\`*_\[\]<>#|~$&])", r"\1", text).replace("&amp;", "&").replace("&gt;", ">")
    text = text.replace("&lt;", "<").replace("&quot;", '"').replace("&#x27;", "'")
    return " ".join(text.replace("`", "").replace("\N{NO-BREAK SPACE}", " ").split())


def texts(case: Case) -> dict[str, str]:
    console = Console(file=io.StringIO(), width=400)
    console.print(terminal.render(case.results, Path("report.html")))
    return {
        "page": plain(page_of(case).text),
        "markdown": plain(markdown.render(case.results)),
        "terminal": plain(console.file.getvalue()),  # type: ignore[attr-defined]
        "junit": plain(junit.render(case.results)),
    }


@pytest.mark.parametrize("kind", cases.EVERY)
def test_advice_certainty_and_notes_are_the_same_everywhere(
    reported: Reported, kind: Callable[[Path], Case]
) -> None:
    case = reported(kind)
    shown = texts(case)
    said = [advice(case.results), *notes.notes(case.results)]
    said += [one for one in (words.certainty(case.results), words.earlier(case.results)) if one]
    for sentence in said:
        for where in ("page", "markdown", "terminal"):
            assert plain(sentence) in shown[where], where


@pytest.mark.parametrize("kind", cases.EVERY)
def test_the_headline_is_the_same_on_page_and_in_markdown_and_its_line_elsewhere(
    reported: Reported, kind: Callable[[Path], Case]
) -> None:
    case = reported(kind)
    answer, found, shown = headline.answer(case.results), case.results.headline, texts(case)
    if answer is None or found is None:
        return
    for part in (answer.said.figure, answer.said.verdict, answer.said.interval or "", answer.subject):
        assert plain(part) in shown["page"]
        assert plain(part) in shown["markdown"]
    assert plain(words.brief(found)) in shown["terminal"]
    assert plain(words.line(found)) in shown["junit"]


def test_what_stands_out_by_name_is_said_everywhere(tmp_path: Path) -> None:
    """One of two requests takes half as long; the other one as long as before."""

    def named(whole: Comb) -> Comb:
        for arm in whole.arms:
            mean = {"async": 1000}.get(arm, 2000) + whole.trial * 10
            readings = {
                "GET /list": RequestReading(requests=300, failures=0, latency=latencies(mean, 300)),
                "GET /read": RequestReading(requests=100, failures=0, latency=latencies(4000, 100)),
            }
            whole = changed(whole, arm, load={"by_request": readings})
        return whole

    the_plan = plan()
    case = cases.stored(tmp_path, the_plan, combs_changed(lines(the_plan), named))
    report.write(*case)
    said = words.changed_requests(case.results)
    assert said is not None
    assert "GET /list" in said
    assert "GET /read" not in said
    for where, text in texts(case).items():
        assert plain(said) in text, where
