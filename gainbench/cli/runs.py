"""The run directory that a command fills, and the report made of what is in it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from gainbench.analyse.summary import summarise
from gainbench.cli.console import err, open_report, out
from gainbench.errors import GainbenchError
from gainbench.plan.model import Plan
from gainbench.report import terminal, write
from gainbench.report.files import REPORT
from gainbench.store.directory import RunDirectory
from gainbench.store.lines import Purpose
from gainbench.store.reading import StoredRun, load_run
from gainbench.store.results import Results


def new_run(out_folder: Path, plan: Plan, purpose: Purpose = "bench") -> RunDirectory:
    return RunDirectory.create(out_folder, plan.name, now=datetime.now(UTC), purpose=purpose)


def write_report(run: Path) -> tuple[StoredRun, Results]:
    """Write figures and report beside a run's record, from that record alone."""
    stored = load_run(run)
    results = summarise(stored)
    write(stored, results)
    return stored, results


@contextmanager
def reported(directory: RunDirectory, *, as_json: bool, in_browser: bool) -> Iterator[list[Results]]:
    """Report on what was measured, also when it was cut short; then let the error take its course."""
    results: list[Results] = []

    def show() -> None:
        stored = load_run(directory.path)
        if stored.blocks or stored.collapses:
            results.append(write_report(directory.path)[1])
            (err if as_json else out).print(terminal.render(results[0], directory.path / REPORT), crop=False)
            if in_browser:
                open_report(directory.path)
        if as_json:
            out.print(directory.path, soft_wrap=True, markup=False)

    try:
        yield results
    except BaseException:
        with suppress(GainbenchError):  # a full disk, say: what ended the run is the news
            show()
        raise
    show()
