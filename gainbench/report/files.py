"""Every file that is derived from a run, written into its directory. The same run gives the same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gainbench.report import junit, markdown
from gainbench.store import RunDirectory, StoredRun, last_null_run
from gainbench.store.frames import Frames, csv_of
from gainbench.store.records import Flame
from gainbench.store.results import Results

REPORT = "report.html"
RAW_FILES: Mapping[str, str] = {
    "blocks.jsonl": "the raw record, one checksummed line per comb",
    "windows.csv": "one row per guard and window",
    "combs.csv": "one row per comb and arm",
    "results.json": "every derived figure",
    "summary.md": "the summary, for a pull request",
    "junit.xml": "the same for what shows test results",
    "plan.toml": "the plan",
    "environment.json": "the environment",
    "logs/": "what the servers wrote",
}


def write(run: StoredRun, results: Results) -> None:
    """Write results.json, windows.csv, combs.csv, report.html, summary.md and junit.xml."""
    # It brings matplotlib, for which a command that draws nothing need not wait.
    from gainbench.report import html  # noqa: PLC0415

    directory = RunDirectory(run.path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    frames = Frames(run, results)
    directory.write_text("windows.csv", csv_of(frames.windows))
    directory.write_text("combs.csv", csv_of(frames.combs))
    directory.write_text("summary.md", markdown.render(results))
    directory.write_text("junit.xml", junit.render(results))
    directory.write_text(REPORT, html.render(run, results, last_null_run(run)))


def write_forecast(path: Path, results: Results) -> None:
    """The same of a run of predict, whose parts have theirs."""
    from gainbench.report import html  # noqa: PLC0415 - as above

    directory = RunDirectory(path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    directory.write_text("summary.md", markdown.render_forecast(results))
    directory.write_text(REPORT, html.render_forecast(results))


def write_claims(path: Path, results: Results) -> None:
    """The same of a run of claims, which compares no arms in turns."""
    from gainbench.report import html  # noqa: PLC0415 - as above

    directory = RunDirectory(path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    directory.write_text("summary.md", markdown.render_claims(results))
    directory.write_text(REPORT, html.render_claims(results))


def write_explained(path: Path, results: Results, flames: Sequence[Flame]) -> None:
    """The same of a run of explain, whose steps are a run of their own."""
    from gainbench.report import html  # noqa: PLC0415 - as above

    directory = RunDirectory(path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    directory.write_text("summary.md", markdown.render_explained(results))
    directory.write_text(REPORT, html.render_explained(results, flames))


def write_map(path: Path, results: Results) -> None:
    """The same of a map, whose parts have theirs."""
    from gainbench.report import html  # noqa: PLC0415 - as above

    directory = RunDirectory(path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    directory.write_text("summary.md", markdown.render_map(results))
    directory.write_text(REPORT, html.render_map(results))


def write_proofs(path: Path, results: Results) -> None:
    """The same of a run of prove, which has no windows of its own."""
    from gainbench.report import html  # noqa: PLC0415 - as above

    directory = RunDirectory(path)
    directory.write_text("results.json", results.model_dump_json(indent=1) + "\n")
    directory.write_text("summary.md", markdown.render_proofs(results))
    directory.write_text("junit.xml", junit.render_proofs(results))
    directory.write_text(REPORT, html.render_proofs(results))
