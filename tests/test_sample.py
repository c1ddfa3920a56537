"""The run that is committed with the code: a real one, as its record has it, and as the README quotes it."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from gainbench.analyse.summary import summarise
from gainbench.report import terminal
from gainbench.store.reading import StoredRun, load_results, load_run
from gainbench.store.results import Results

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "reports" / "sample"


@pytest.fixture(scope="module")
def run() -> StoredRun:
    return load_run(SAMPLE)


@pytest.fixture(scope="module")
def results(run: StoredRun) -> Results:
    return summarise(run)


def test_its_figures_are_what_its_record_gives(results: Results) -> None:
    assert load_results(SAMPLE) == results
    assert results.run.status == "valid"


def test_its_report_is_there_with_all_that_it_links_to() -> None:
    page = (SAMPLE / "report.html").read_text()
    linked = {name for name in re.findall(r'href="([^"#]+)"', page) if not name.startswith("http")}
    assert linked
    assert [name for name in linked if not (SAMPLE / name).exists()] == []


def test_the_readme_quotes_its_lines(results: Results) -> None:
    console = Console(file=io.StringIO(), width=400)
    console.print(terminal.render(results, SAMPLE / "report.html"))
    said = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    readme = (ROOT / "README.md").read_text()
    quoted = [line.split("←")[0].strip() for line in readme.splitlines() if "←" in line]
    assert len(quoted) == 4
    assert quoted == [line.strip() for line in said[:4]]


def test_the_readme_tells_its_finding_in_its_figures(results: Results) -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    cell = results.headline_cell
    assert cell is not None
    by_pair = {(found.candidate, found.baseline): found.gain or 0.0 for found in cell.comparisons}
    whole, part, rest = (
        by_pair[pair] for pair in (("async", "blocking"), ("sync", "blocking"), ("async", "sync"))
    )
    assert results.crossing is not None
    assert f"**{whole:.0%}".replace("%", " % more requests**") in readme
    assert f"{part * 100:.0f} of these {whole * 100:.0f} points" in readme
    assert f"adds {rest * 100:.0f} % to that" in readme
    assert f"{results.crossing.wait_ratio:.2f} times as long" in readme
