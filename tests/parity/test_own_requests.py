"""The load's own requests, held side by side."""

from typing import Any

import pytest

from gainbench.load.protocol import Tried, TriedArm
from gainbench.parity.own_requests import as_parity, compare

READ = Tried("GET /tasks", 200, "", "application/json", 100, '[{"id": "number"}]')
WRITE = Tried("POST /tasks", 201, "", "application/json", 40, '{"id": "number"}')


def changed(one: Tried, **fields: Any) -> Tried:
    return Tried(**{**vars(one), **fields})


def of(*requests: Tried, raised: tuple[str, ...] = ()) -> TriedArm:
    return TriedArm(requests, raised)


def test_arms_that_answer_alike_have_no_difference() -> None:
    found = compare({"a": of(READ, WRITE), "b": of(WRITE, changed(READ, size=104)), "c": of(READ, WRITE)})
    assert (found.differences, found.mistakes) == ((), ())
    assert found.told() == "2 requests of the load compared, all 2xx"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (changed(READ, status=500, failure="HTTP 500"), "GET /tasks: a answers 200, b 500"),
        (changed(READ, status=None, failure="ReadError"), "GET /tasks: a answers 200, b ReadError"),
        (changed(READ, kind="text/html"), "GET /tasks: a sends application/json, b text/html"),
        (changed(READ, shape='[{"id": "text"}]'), "GET /tasks: the JSON of a and b has other keys or types"),
        (changed(READ, size=200), "GET /tasks: a sends 100 bytes, b 200"),
    ],
)
def test_each_difference_is_told_with_its_request(other: Tried, said: str) -> None:
    found = compare({"a": of(READ), "b": of(other)})
    assert found.differences == (said,)
    record = as_parity(found)
    assert (record.sequences, record.differences, record.found) == (0, 1, (said,))


def test_arms_whose_files_go_other_ways_are_not_compared_request_by_request() -> None:
    found = compare({"a": of(READ, WRITE), "b": of(READ)})
    assert found.differences == ("a and b were not asked alike: POST /tasks",)


def test_what_failed_and_what_raised_is_told_by_arm() -> None:
    gone = changed(READ, status=404, failure="HTTP 404")
    found = compare(
        {"a": of(gone, gone), "b": of(READ, READ, raised=("Shop.read: KeyError: 'id' (load.py:9)",))}
    )
    assert found.mistakes == ("a: GET /tasks: HTTP 404 (2 times)", "b: Shop.read: KeyError: 'id' (load.py:9)")
    assert found.told() == "2 requests of the load compared, 0 of them 2xx"


def test_what_succeeded_is_told_by_name_whatever_the_order() -> None:
    refused = changed(WRITE, status=409, failure="HTTP 409")
    found = compare({"a": of(READ, refused), "b": of(refused, READ)})
    assert found.told() == "2 requests of the load compared, 1 of them 2xx"


def test_a_file_whose_tasks_send_nothing_is_not_said_to_have_succeeded() -> None:
    assert compare({"a": of(), "b": of()}).told() == "no task sent a request"
