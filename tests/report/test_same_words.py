"""Page, Markdown, terminal and JUnit say the same of a run."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from gainbench.report import headline, junit, markdown, notes, terminal, words
from gainbench.report.advice import advice
from tests.report import cases
from tests.report.cases import Case
from tests.report.conftest import Reported
from tests.report.test_html import page_of


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


def test_what_stands_out_by_name_is_said_everywhere(full: Case) -> None:
    """Held with figures in tests/analyse/test_requests.py; here, that nothing is said where nothing does."""
    assert words.changed_requests(full.results) is None
    assert all("stands out" not in text for text in texts(full).values())
