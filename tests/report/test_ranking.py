"""Many arms in the order of what they serve."""

from pathlib import Path

import pytest

from gainbench.report import tables
from gainbench.store.results import Results
from tests import runs
from tests.report.cases import stored


def results(out: Path, **rates: float) -> Results:
    plan = runs.plan(arms=tuple(rates), claim=False, trials=6)
    record = [
        runs.comb(
            trial,
            trial,
            plan.cells[0],
            60.0 * trial,
            arms=plan.arm_names,
            rates_rps={
                arm: rate * (1 + 0.01 * (-1) ** (trial + at)) for at, (arm, rate) in enumerate(rates.items())
            },
        )
        for trial in range(6)
    ]
    return stored(out, plan, record).results


def test_the_fastest_comes_first_and_who_cannot_be_told_apart_is_named(tmp_path: Path) -> None:
    found = tables.ranking(results(tmp_path, a=900.0, b=1000.0, c=1003.0, d=700.0))
    assert found is not None
    shown = [(row[2].text, row[5].text) for row in found.rows]
    over_a = {row[2].text: row[4] for row in found.rows}
    assert over_a["a"].text == "baseline"
    assert (over_a["b"].value or 0.0) == pytest.approx(1000 / 900 - 1, abs=0.02)
    assert "%" in (over_a["b"].below or "")
    assert [name for name, _ in shown] == ["c", "b", "a", "d"]
    assert dict(shown) == {"c": "b", "b": "c", "a": "", "d": ""}


def test_few_arms_are_not_ranked(tmp_path: Path) -> None:
    assert tables.ranking(results(tmp_path, a=900.0, b=1000.0, c=1003.0)) is None
