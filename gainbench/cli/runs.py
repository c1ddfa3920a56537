"""The run directory that a command fills, and the report made of what is in it."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gainbench.analyse.diff import against
from gainbench.analyse.summary import summarise
from gainbench.cli.console import err, open_report, out
from gainbench.errors import GainbenchError
from gainbench.experiments.claims.claims import results_of as claims_of
from gainbench.experiments.explain.explain import results_of as explained_of
from gainbench.experiments.map.maps import results_of as map_of
from gainbench.experiments.predict.predict import results_of as forecast_of
from gainbench.experiments.prove.prove import results_of
from gainbench.plan.model import Plan
from gainbench.report import reliability, terminal, write
from gainbench.report import write_claims as write_claim_files
from gainbench.report import write_explained as write_explained_files
from gainbench.report import write_forecast as write_forecast_files
from gainbench.report import write_map as write_map_files
from gainbench.report import write_proofs as write_proof_files
from gainbench.report.files import REPORT
from gainbench.run.observation import HARNESS
from gainbench.run.stages import reach
from gainbench.store.directory import RunDirectory
from gainbench.store.lines import Purpose
from gainbench.store.reading import StoredRun, load_faults, load_run, load_whole, runs_before
from gainbench.store.results import Results

T = TypeVar("T")


def new_run(
    out_folder: Path, plan: Plan, purpose: Purpose = "bench", *, baseline_run: Path | None = None
) -> RunDirectory:
    return RunDirectory.create(
        out_folder, plan.name, now=datetime.now(UTC), purpose=purpose, baseline_run=baseline_run
    )


def write_report(run: Path) -> tuple[StoredRun, Results]:
    """Write figures and report beside a run's record, from that record alone."""
    stored = load_run(run)
    results = summarise(stored)
    known = (against(earlier, results) for earlier in runs_before(stored))
    results = results.model_copy(update={"earlier": next(filter(None, known), None)})
    write(stored, results)
    return stored, results


def write_proofs(run: Path) -> Results:
    """The same for a run of prove."""
    stored = load_whole(run)
    results = results_of(stored)
    write_proof_files(stored.path, results)
    return results


def write_claims(run: Path) -> Results:
    """The same for a run of claims."""
    stored = load_whole(run)
    results = claims_of(stored)
    write_claim_files(stored.path, results)
    return results


def write_forecast(run: Path) -> Results:
    """The same for a run of predict."""
    stored = load_whole(run)
    results = forecast_of(stored)
    write_forecast_files(stored.path, results)
    return results


def write_explained(run: Path) -> Results:
    """The same for a run of explain."""
    stored = load_whole(run)
    results = explained_of(stored)
    write_explained_files(stored.path, results, stored.flames)
    return results


def write_map(run: Path) -> Results:
    """The same for a map."""
    stored = load_whole(run)
    results = map_of(stored)
    write_map_files(stored.path, results)
    return results


def write_reliability(run: Path) -> str:
    """Write the table of a run of faults; what it comes to, and where it is."""
    tried = load_faults(run)
    RunDirectory(run.resolve()).write_text("summary.md", reliability.render(tried))
    return f"{reliability.counts(tried)}\n{run / 'summary.md'}"


def measured_and_reported(
    run: Path, measure: Callable[[], None], *, as_json: bool, in_browser: bool
) -> Results | None:
    """Measure, then report on it; None when there was nothing to report on."""
    return reported_in_any_case(measure, lambda: _report(run, as_json=as_json, in_browser=in_browser))


def reported_in_any_case(measure: Callable[[], None], report: Callable[[], T]) -> T:
    """Report on what was measured, also when it was cut short: after that, the error takes its course."""
    try:
        measure()
    except BaseException:
        with suppress(GainbenchError):  # a full disk, or too little for a figure: what ended it is the news
            report()
        raise
    return report()


def _report(run: Path, *, as_json: bool, in_browser: bool) -> Results | None:
    reach("report", {HARNESS: os.getpid()})
    stored = load_run(run)
    results = None
    if stored.combs or stored.collapses:
        _, results = write_report(run)
        (err if as_json else out).print(terminal.render(results, run / REPORT), crop=False)
        if in_browser:
            open_report(run)
    if as_json:
        out.print(run, soft_wrap=True, markup=False)
    return results
