"""Claims on real servers, from the command line to the page, and read back from the record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gainbench.errors import InvalidMeasurement
from gainbench.experiments.claims import claims
from gainbench.experiments.claims.ground import Ground
from gainbench.plan.build import load_plan
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.store.reading import load_results
from gainbench.store.records import TriedClaim
from tests.cli.conftest import Command

pytestmark = pytest.mark.database

TRIED = ("blocking-query", "no-races", "driver-mismatch", "queuepool-async", "gather-max")


def test_claims_are_tried_and_told_and_the_report_can_be_rebuilt(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("claims", "--only", ",".join(TRIED), "--out", str(tmp_path))
    assert done.status == 0, done.stderr
    run = (tmp_path / "latest").resolve()
    results = load_results(run)
    found = {claim.id: claim for claim in results.claims}
    assert set(found) == set(TRIED)
    assert found["blocking-query"].verdict == "depends"
    assert found["no-races"].verdict == "refuted"
    assert "requires an async driver" in found["driver-mismatch"].told
    assert found["queuepool-async"].verdict == "confirmed"
    assert [row.name for row in found["blocking-query"].timelines[0].rows] == ["blocking", "sync", "async"]
    assert "5 claims: " in done.stdout
    page = (run / "report.html").read_text()
    assert "a SELECT of 0.5 s, and 5 reads beside it" in page
    assert gainbench("report", str(run)).status == 0
    assert (run / "report.html").read_text() == page


def test_a_claim_that_could_not_be_measured_is_not_shown_and_says_why() -> None:
    tried = TriedClaim(id="no-races", evidence=None, refusal="the server has gone.", seconds=1.0)
    found = claims.figures_of(tried)
    assert (found.verdict, found.why) == ("not shown", "It could not be measured: the server has gone.")
    unknown = claims.figures_of(tried.model_copy(update={"id": "of-yesterday"}))
    assert (unknown.verdict, unknown.why) == ("not shown", "This version has no such claim.")


def test_a_plan_of_other_apps_is_refused_before_anything_starts(gainbench: Command, tmp_path: Path) -> None:
    plan = tmp_path / "bench.toml"
    (tmp_path / "load.py").write_text("")
    plan.write_text(
        '[database]\nserver = "none"\n[arms.sync]\ncommand = ["serve", "{port}"]\n'
        '[scenarios.load]\nlocustfile = "load.py"\n'
    )
    done = gainbench("claims", "--plan", str(plan), "--out", str(tmp_path / "runs"))
    assert done.status == 2
    assert "the claims are about gainbench's own apps: arms blocking, sync, async" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Supervisor.start() as supervisor:
        yield Ground(
            {"gone": "http://127.0.0.1:9"},
            "",
            supervisor,
            tmp_path,
            load_plan(Path("bench.toml")),
            tmp_path / "parts",
            lambda progress: None,
        )


def test_a_try_without_a_word_is_told_with_its_last_ones(ground: Ground) -> None:
    with pytest.raises(InvalidMeasurement, match=r"(?s)a try ended with status 1 without a word: .*KeyError"):
        ground.run("{}['nothing']")


def test_a_try_that_does_not_end_is_ended(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gainbench.experiments.claims.ground.TRY_SECONDS", 0.2)
    with pytest.raises(InvalidMeasurement, match="a try did not end within 0 s without a word"):
        ground.run("import time; time.sleep(60)")


def test_what_python_says_is_told_with_the_name_of_the_error(ground: Ground) -> None:
    assert ground.error_of("import math", "math.sqrt(-1)").startswith("ValueError: ")
    assert ground.error_of("import math", "math.sqrt(1)") == "no error"


def test_an_arm_that_does_not_answer_is_no_verdict(ground: Ground) -> None:
    with pytest.raises(InvalidMeasurement, match="a request was not answered: ConnectionRefusedError"):
        ground.burst("gone", "/", 3)
