"""The texts people read first, whole. Renewed by `pytest tests/report --update-golden`: read the diff."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from gainbench.report import junit, markdown, terminal
from tests.report import cases
from tests.report.cases import Case

Golden = Callable[[str, str], None]


def terminal_text(case: Case) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(terminal.render(case.results, Path("reports/latest/report.html")))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_markdown_summary_reads_as_agreed(full: Case, golden: Golden) -> None:
    golden("summary.md", markdown.render(full.results))


def test_the_junit_file_reads_as_agreed(full: Case, golden: Golden) -> None:
    golden("junit.xml", junit.render(full.results))


def test_the_terminal_summary_reads_as_agreed(full: Case, golden: Golden) -> None:
    golden("terminal.txt", terminal_text(full))


@pytest.mark.parametrize(
    "kind",
    [cases.collapsed, cases.invalid, cases.interrupted, cases.null, cases.slow_generator],
)
def test_the_terminal_summary_of_other_runs_reads_as_agreed(
    kind: Callable[[Path], Case], tmp_path: Path, golden: Golden
) -> None:
    golden(f"terminal-{kind.__name__}.txt", terminal_text(kind(tmp_path)))


def test_the_terminal_summary_of_a_full_run_is_about_ten_lines(full: Case) -> None:
    assert 8 <= len(terminal_text(full).splitlines()) <= 14
