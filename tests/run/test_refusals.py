"""What a warm-up says of the test rather than of an arm."""

from collections.abc import Mapping

import pytest

from gainbench.run.refusals import refusal_of
from gainbench.store.records import Comb
from tests import runs


def warm_up(failures: Mapping[str, int], examples: Mapping[str, str] | None = None) -> Comb:
    """Of two arms with 200 requests each; ``async`` fails so often."""
    seen = runs.comb(0, 0, runs.cell(), 0.0, arms=("blocking", "async"))
    return runs.changed(
        seen, "async", load={"requests": 200, "failures": failures, "examples": examples or {}}
    )


@pytest.mark.parametrize(
    "failures", [{}, {"HTTP 500": 200}, {"HTTP 429": 200}, {"HTTP 408": 9}, {"HTTP 404": 2}]
)
def test_answers_a_few_refusals_and_what_load_does_are_no_mistake_of_the_test(
    failures: Mapping[str, int],
) -> None:
    assert refusal_of(warm_up(failures)) is None


def message(failures: Mapping[str, int], examples: Mapping[str, str] | None = None) -> str:
    mistake = refusal_of(warm_up(failures, examples))
    assert mistake is not None
    return mistake.message


def test_an_arm_that_refuses_is_told_with_a_request_that_it_refused() -> None:
    told = {"HTTP 401": "GET /items: HTTP 401, no token", "HTTP 404": "GET /x: HTTP 404"}
    all_of_them = message({"HTTP 401": 150, "HTTP 404": 50}, told)
    assert all_of_them == "arm 'async' is alive and refuses every request: GET /items: HTTP 401, no token"
    assert message({"HTTP 422": 3}).endswith("3 of the first 200 requests: HTTP 422")


def test_a_request_that_went_past_its_arm_is_told_with_where_it_went() -> None:
    where = "10.0.0.7:80 is not the arm's server"
    assert message({"SentElsewhere": 1}, {"SentElsewhere": where}).endswith(f"past arm 'async': {where}")
