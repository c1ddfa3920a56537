"""From a question by way of records on disk to the page of a run of explain, with arms of known speed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gainbench.errors import ConfigurationError
from gainbench.experiments.bench import Job
from gainbench.experiments.explain.explain import Explaining, explain, results_of
from gainbench.experiments.explain.plans import look_cells, look_plan, steps_plan
from gainbench.plan.build import load_plan
from gainbench.plan.model import Plan, Step
from gainbench.report import explained as words
from gainbench.report import write_explained
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import load_whole
from gainbench.store.records import End, ExplainQuestion, Trial
from gainbench.store.results import Results
from tests import runs
from tests.analyse.test_explained import AFTER, BEFORE, look

NOW = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
STEPS = (
    Step(before="blocking", after="sync", says="threads"),
    Step(before="sync", after="async", says="the async driver"),
    Step(before="async", after="async-echo", says="echo on", aside=True),
    Step(before="async", after="async-asyncmy", says="another driver", aside=True),
)
MISSING = {"async-asyncmy": "asyncmy is not installed: .venv/bin/pip install asyncmy"}
RATES = {"blocking": 800.0, "sync": 950.0, "async": 1000.0, "async-echo": 700.0}


def plan() -> Plan:
    return load_plan(Path("bench-explain.toml"))


def measuring(job: Job, directory: RunDirectory, **rates: float) -> None:
    directory.write_text("plan.toml", runs.render(job.plan))
    directory.write_text("environment.json", runs.ENVIRONMENT.model_dump_json())
    cell = job.plan.cells[0]
    for trial in range(6):
        strays = 1 + 0.004 * (-1) ** trial
        known = {arm: rate * (strays if arm == "async" else 1) for arm, rate in {**RATES, **rates}.items()}
        directory.append(runs.comb(trial, trial, cell, 60.0 * trial, arms=tuple(known), rates_rps=known))
        directory.append(Trial(number=trial, started=60.0 * trial, seconds=50.0, setup_seconds=5.0))
    directory.append(End(status="complete", seconds=360.0))


def looking(the_plan: Plan, supervisor: object, logs: Path, record: Any, watch: object) -> None:
    for arm in the_plan.arm_names:
        record(look(arm, users=4))
    record(BEFORE)
    record(AFTER)


def explained(out: Path, *, measure: Any = measuring, look: Any = looking) -> Path:
    own = plan()
    steps = tuple(step for step in STEPS if step.after not in MISSING)
    question = ExplainQuestion(steps=STEPS, missing=MISSING, looked_at=("sync", "async"), users=(4,))
    directory = RunDirectory.create(out, "explain", now=NOW, purpose="explain")
    wanted = Explaining(
        question,
        steps_plan(own, steps, None),
        look_plan(own, ("sync", "async"), look_cells(own, (4,))),
        ("gainbench", "explain"),
        lambda progress: None,
        measure,
        look,
    )
    explain(wanted, directory)
    return directory.path


def read(path: Path) -> Results:
    return results_of(load_whole(path))


def test_the_largest_step_is_named_and_what_to_change_first(tmp_path: Path) -> None:
    found = read(explained(tmp_path))
    told = words.answers(found)
    assert told[1].startswith("The largest step: echo on (async to async-echo), \N{MINUS SIGN}30")
    assert any(line.startswith("Change first: threads, worth +18") for line in told)
    assert any(line.startswith("What costs: echo on") for line in told)


def test_a_planted_cause_on_the_way_is_the_largest_step(tmp_path: Path) -> None:
    def planted(job: Job, directory: RunDirectory) -> None:
        measuring(job, directory, **{"async": 1400.0, "async-echo": 1390.0})

    found = read(explained(tmp_path, measure=planted))
    largest = words.largest(words.found(found))
    assert largest is not None
    assert largest.says == "the async driver"


def test_steps_that_cannot_be_told_from_nothing_are_not_recommended(tmp_path: Path) -> None:
    def alike(job: Job, directory: RunDirectory) -> None:
        measuring(job, directory, **dict.fromkeys(RATES, 1000.0))

    told = words.answers(read(explained(tmp_path, measure=alike)))
    assert told[1:] == ["No single step could be told from nothing"]


def test_the_page_shows_steps_phases_and_flames(tmp_path: Path) -> None:
    path = explained(tmp_path)
    write_explained(path, read(path), load_whole(path).flames)
    page = (path / "report.html").read_text()
    assert "asyncmy is not installed: .venv/bin/pip install asyncmy" in page
    assert page.count('class="flame"') == 3  # an arm each, and their difference
    assert "waiting for a thread" in page
    assert "_read_packet (aiomysql/connection.py)" in page
    assert "within 0.0\N{NO-BREAK SPACE}%" in page
    assert "| threads |" in (path / "summary.md").read_text().replace("**", "")


def test_what_was_measured_before_an_interruption_is_shown(tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explained(tmp_path, look=interrupted)
    path = next(path for path in tmp_path.iterdir() if path.name.endswith("-explain"))
    found = read(path)
    assert found.run.status == "interrupted"
    write_explained(path, found, load_whole(path).flames)
    assert "Interrupted" in (path / "report.html").read_text()
    assert "No request was followed to its end" in (path / "report.html").read_text()


def test_without_its_steps_there_is_nothing_to_say(tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explained(tmp_path, measure=interrupted)
    path = next(path for path in tmp_path.iterdir() if path.name.endswith("-explain"))
    with pytest.raises(ConfigurationError, match="before its steps had been measured"):
        read(path)
