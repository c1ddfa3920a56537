"""Claims on real servers, from the command line to the page, and read back from the record."""

from pathlib import Path

import pytest

from gainbench.experiments.claims import claims
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
