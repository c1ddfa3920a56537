"""Each request name at each arm, and how its median changed from baseline to candidate."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gainbench.analyse.summary import summarise
from gainbench.report import junit, markdown, tables, words
from gainbench.store import load_run
from gainbench.store.records import Comb, RequestReading
from gainbench.store.results import Results
from tests import runs
from tests.runs import changed, combs_changed, latencies

FAST = {"sync": 2000, "async": 1000, "blocking": 2000}


def named(one: Comb) -> Comb:
    """Two names: /list takes what FAST says, /read takes 4 ms everywhere and fails once."""
    for arm in one.arms:
        spread = one.trial * 10
        readings = {
            "GET /list": RequestReading(requests=300, failures=0, latency=latencies(FAST[arm] + spread, 300)),
            "GET /read": RequestReading(requests=100, failures=1, latency=latencies(4000, 99)),
        }
        one = changed(one, arm, load={"by_request": readings})
    return one


def results(folder: Path, change: Callable[[Comb], Comb] = named) -> Results:
    plan = runs.plan()
    return summarise(load_run(runs.store(folder, plan, record=combs_changed(runs.lines(plan), change))))


def test_names_stand_by_how_often_they_were_sent_with_their_latencies_at_each_arm(tmp_path: Path) -> None:
    (cell,) = results(tmp_path).cells
    assert [one.name for one in cell.requests] == ["GET /list", "GET /read"]
    often, seldom = cell.requests
    assert often.arms["async"].requests == 3 * 300
    assert seldom.arms["async"].failures == 3
    assert often.arms["async"].latency_ms.p50 == pytest.approx(1.01, rel=0.05)
    assert seldom.arms["sync"].latency_ms.p50 == pytest.approx(4.0, rel=0.05)


def test_the_median_of_the_one_that_changed_changed_and_the_other_did_not(tmp_path: Path) -> None:
    (cell,) = results(tmp_path).cells
    often, seldom = (one.p50 for one in cell.requests)
    assert often is not None
    assert seldom is not None
    assert often.change == pytest.approx(-0.5, abs=0.02)
    assert (often.verdict, seldom.verdict) == ("lower latency", "no difference")


def test_the_one_that_changed_is_named_and_the_other_is_not(tmp_path: Path) -> None:
    found = results(tmp_path)
    (cell,) = found.cells
    assert [one.stands_out for one in cell.requests] == [True, False]
    said = words.changed_requests(found)
    assert said is not None
    assert said.startswith("Request by request, async stands out at: GET /list p50 −49.")
    assert "GET /read" not in said
    (headline,) = (row for row in junit.render(found).split("<testcase") if "async over blocking" in row)
    for text in (markdown.render(found), headline):
        assert "async stands out at: GET /list" in text


def test_a_change_that_may_lie_within_the_margin_is_not_named(tmp_path: Path) -> None:
    """Some 20 % less, but from 4 % less to 35 % in the trials: far from sure."""

    def wavering(one: Comb) -> Comb:
        mean = {"sync": 2000, "blocking": 2000, "async": (1300, 1920, 1600)[one.trial]}
        for arm in one.arms:
            readings = {
                "GET /list": RequestReading(requests=300, failures=0, latency=latencies(mean[arm], 300)),
                "GET /read": RequestReading(requests=100, failures=0, latency=latencies(4000, 100)),
            }
            one = changed(one, arm, load={"by_request": readings})
        return one

    found = results(tmp_path, wavering)
    (cell,) = found.cells
    assert not any(one.stands_out for one in cell.requests)
    assert words.changed_requests(found) is None


def test_where_all_changed_the_headline_says_it(tmp_path: Path) -> None:
    """Nothing stands out where there is nothing to stand out from."""
    found = results(tmp_path)
    (cell,) = found.cells
    only = cell.model_copy(update={"requests": cell.requests[:1]})
    assert words.changed_requests(found.model_copy(update={"cells": (only,)})) is None


def test_of_many_that_changed_the_largest_are_named_and_the_others_counted(tmp_path: Path) -> None:
    found = results(tmp_path)
    (cell,) = found.cells
    often, seldom = cell.requests
    assert often.p50 is not None
    many = [
        often.model_copy(
            update={"name": f"GET /{at}", "p50": often.p50.model_copy(update={"change": -at / 10})}
        )
        for at in range(1, 6)
    ]
    crowded = cell.model_copy(update={"requests": (*many, seldom)})
    said = words.changed_requests(found.model_copy(update={"cells": (crowded,)}))
    assert said is not None
    assert [said.index(f"GET /{at} ") for at in (5, 4, 3)] == sorted(
        said.index(f"GET /{at} ") for at in (5, 4, 3)
    )
    assert said.endswith("; and 2 more")


@pytest.mark.parametrize(
    ("text", "is_met", "told"),
    [
        ("p50 GET /list < -40%", True, "the median of GET /list, async over blocking: its change is "),
        (
            "p50.high GET /list < -60%",
            False,
            "not met, the median of GET /list, async over blocking: the interval",
        ),
        ("p50.low GET /read > 1%", False, "the median of GET /read"),
        ("p50 GET /nowhere < 10%", False, "the median of GET /nowhere, async over blocking has no figure"),
    ],
)
def test_an_expectation_of_one_name_is_held_against_its_median(
    tmp_path: Path, text: str, is_met: bool, told: str
) -> None:
    plan = runs.plan().model_copy(update={"expect": (text,)})
    stored = runs.store(tmp_path, plan, record=combs_changed(runs.lines(plan), named))
    (found,) = summarise(load_run(stored)).expectations
    assert found.is_met is is_met
    assert told in words.expectation(found)


def test_the_table_has_a_row_for_each_name_and_arm_and_the_change_at_the_candidate(tmp_path: Path) -> None:
    found = results(tmp_path)
    table = tables.requests(found, found.cells)
    assert len(table.rows) == 2 * 3
    changes = [row[-2].text for row in table.rows if row[-5].text]
    assert sum(bool(change) for change in changes) == 2


def test_a_single_name_has_the_arms_own_latencies_and_no_table(tmp_path: Path) -> None:
    plan = runs.plan()

    def alone(one: Comb) -> Comb:
        for arm in one.arms:
            one = changed(one, arm, load={"by_request": {"GET /": RequestReading(requests=9, failures=0)}})
        return one

    found = summarise(load_run(runs.store(tmp_path, plan, record=combs_changed(runs.lines(plan), alone))))
    (cell,) = found.cells
    (only,) = cell.requests
    assert only.arms["async"].latency_ms == cell.arms["async"].latency_ms
    assert tables.requests(found, found.cells).rows == ()
