"""Comparing answers, reading documents, drawing and showing requests: the parts that need no server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gainbench.parity import requests, values
from gainbench.parity.answers import Answer, difference, first_difference, shortened
from gainbench.parity.check import ParityReport
from gainbench.parity.comparison import Difference, readable
from gainbench.parity.operations import common_operations, operations_of
from gainbench.parity.requests import Created, Request
from gainbench.parity.run import to_record
from gainbench.parity.text import side_by_side
from gainbench.plan.model import ParityRules
from tests.parity.service import DOCUMENT


def answer(body: Any = None, status: int | None = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ".a[1].b"),
        ({"a": 1}, {"a": 1, "b": None}, ".b"),
        ([1], [1, 2], "[1]"),
        (1, 1.0, ""),
        (1, True, ""),
        (None, {}, ""),
        ("é", "e\u0301", ""),
    ],
)
def test_first_place_that_differs_is_found(one: Any, other: Any, where: str) -> None:
    place = first_difference(one, other)
    assert place is not None
    assert place.path == where


def test_answers_differ_by_status_headers_and_body_in_this_order() -> None:
    base = answer({"id": 1}, content_type="application/json")
    assert difference(base, answer({"id": 2}, 404)) == "status"
    assert difference(base, answer({"id": 2}, content_type="text/html")) == "header content-type"
    assert difference(base, answer({"id": 2}, content_type="application/json")) == "body at .id"
    assert difference(base, answer({"id": 1}, content_type="application/json")) is None


def test_no_answer_is_like_no_answer_and_like_nothing_else() -> None:
    none = Answer.none(httpx.ReadError("closed"))
    assert difference(none, Answer.none(httpx.RemoteProtocolError("closed"))) is None
    assert difference(none, answer({"id": 1})) == "there is no answer"


def test_tokens_are_alike_and_so_is_now_but_not_another_time() -> None:
    now = datetime.now(UTC)
    later = now + timedelta(seconds=2)
    one = answer({"file": "cat-0123456789abcdef.png", "made": now.isoformat()})
    other = answer({"file": "cat-fedcba9876543210.png", "made": later.isoformat().replace("+00:00", "Z")})
    assert difference(one, other) is None
    hour = answer({"made": (now + timedelta(hours=1)).isoformat()})
    assert difference(answer({"made": now.isoformat()}), hour) == "body at .made"
    assert difference(answer("2026-12-01"), answer("2026-12-02")) == "body"
    assert difference(answer("99-99-99T99:99:99"), answer("98-99-99T99:99:99")) == "body"


def test_headers_that_nobody_named_are_not_compared() -> None:
    response = httpx.Response(200, headers={"Date": "today", "Content-Type": "text/plain"}, content=b"x")
    assert Answer.of(response, ["content-type", "location"]) == Answer(
        200, {"content-type": "text/plain"}, b"x", b"x"
    )


def test_body_that_says_json_and_is_not_stays_bytes() -> None:
    response = httpx.Response(200, headers={"Content-Type": "application/json"}, content=b"{")
    assert Answer.of(response, []).body == b"{"


def test_operations_are_those_below_the_prefixes_with_the_path_s_own_parameters() -> None:
    read, delete = operations_of(DOCUMENT, ParityRules(include=("/notes/",)))
    assert (read.name, delete.name) == ("GET /notes/{note_id}", "DELETE /notes/{note_id}")
    assert [parameter.name for parameter in read.in_path] == ["note_id"]
    assert len(operations_of(DOCUMENT, ParityRules())) == 4
    assert len(operations_of(DOCUMENT, ParityRules(exclude=("/notes/",)))) == 2
    assert {one.method for one in operations_of(DOCUMENT, ParityRules(methods=("GET",)))} == {"GET"}


def test_operations_that_not_every_arm_has_are_left_out() -> None:
    fewer = {**DOCUMENT, "paths": {"/notes": DOCUMENT["paths"]["/notes"]}}  # type: ignore[index]
    names = [operation.name for operation in common_operations([DOCUMENT, fewer], ParityRules())]
    assert names == ["GET /notes", "POST /notes"]


def test_a_path_takes_the_id_that_this_arm_gave() -> None:
    request = Request(
        "GET", "/notes/{note_id}", (("note_id", Created("/notes")),), query=(("q", "a b"), ("q", "é"))
    )
    assert request.target({"/notes": "7"}) == "/notes/7?q=a+b&q=%C3%A9"
    assert request.target({}) == "/notes/1?q=a+b&q=%C3%A9"
    odd = Request("GET", "/notes/{note_id}", (("note_id", "../x?y"),))
    assert odd.target({}) == "/notes/..%2Fx%3Fy"


def test_a_request_reads_as_a_person_would_write_it() -> None:
    json_request = Request("POST", "/notes", headers=(("content-type", "application/json"),), body=b"{}")
    assert readable(json_request, "/notes") == "POST /notes {}"
    other = Request("POST", "/notes", headers=(("content-type", "text/plain"),), body=b"\xff")
    assert readable(other, "/notes") == "POST /notes [text/plain] \\xff"


FORM = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 3},
        "image": {"anyOf": [{"type": "string", "contentMediaType": "application/octet-stream"}]},
    },
    "required": ["title", "image"],
}
DRAWN = settings(max_examples=300, database=None, deadline=None, derandomize=True)


def drawn_bodies(media_type: str, schema: Any) -> list[bytes]:
    document = {"paths": {"/forms": {"post": {"requestBody": {"content": {media_type: {"schema": schema}}}}}}}
    seen: list[bytes] = []

    @DRAWN
    @given(requests.requests(operations_of(document, ParityRules())[0]))
    def draw(request: Request) -> None:
        seen.append(request.body or b"")

    draw()
    return seen


def test_forms_are_drawn_with_files_without_and_cut_off() -> None:
    bodies = drawn_bodies("multipart/form-data", FORM)
    assert any(b'filename="pixel.png"' in body and b"\x89PNG" in body for body in bodies)
    assert any(b'name="image"' in body and b"filename" not in body for body in bodies)
    assert any(not body.endswith(b"--gainbench-boundary--\r\n") for body in bodies)
    assert any(b'name="title"' not in body for body in bodies)


def test_json_is_drawn_as_wanted_spoilt_and_malformed() -> None:
    title = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 1024}}}
    bodies = drawn_bodies("application/json", title)
    assert b"{}" in bodies
    assert any(len(body) > 1024 for body in bodies)
    assert any(b'"unexpected"' in body for body in bodies)
    assert any(body in bodies for body in (b"", b"{", b"null", b"\xff\xfe"))


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, lambda value: value in (1, 2, 3)),
        ({"type": "integer", "exclusiveMinimum": 5, "maximum": 6}, lambda value: value == 6),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, lambda value: 0 <= value < 1),
        ({"type": "string", "minLength": 2, "maxLength": 4}, lambda value: 2 <= len(value) <= 4),
        ({"enum": ["a", "b"]}, lambda value: value in ("a", "b")),
        ({"const": "ok"}, lambda value: value == "ok"),
        ({"type": ["integer", "null"]}, lambda value: value is None or isinstance(value, int)),
        ({"type": "array", "items": {"type": "null"}, "minItems": 1}, lambda value: set(value) == {None}),
        ({"allOf": [{"type": "boolean"}]}, lambda value: isinstance(value, bool)),
        ({"type": "string", "format": "date"}, lambda value: bool(datetime.fromisoformat(value))),
        ({"$ref": "#/components/schemas/Note"}, lambda value: set(value) <= {"text"}),
    ],
)
def test_values_fit_their_schema(schema: Any, fits: Any) -> None:
    @DRAWN
    @given(values.valid(schema, DOCUMENT))
    def draw(value: Any) -> None:
        assert fits(value), value

    draw()


def test_a_schema_that_contains_itself_ends() -> None:
    document = {"components": {"schemas": {"Tree": {"type": "object", "properties": {"child": TREE}}}}}
    assert isinstance(values.valid(TREE, document), st.SearchStrategy)


TREE = {"$ref": "#/components/schemas/Tree"}


def test_a_report_names_arms_only_where_they_differ() -> None:
    found = Difference(
        what="the answers to request 2 differ: body at .id",
        step=1,
        requests=("POST /notes {}", "GET /notes/1"),
        answers={
            "sync": (answer({"id": 1}, 201), answer({"id": 1})),
            "async": (answer({"id": 1}, 201), answer({"id": 2})),
        },
        statements={"sync": {"select": 1}, "async": {"select": 1}},
        note="why not",
    )
    report = ParityReport(
        ("sync", "async"),
        sequences=7,
        differences=(found,),
        statements={"sync": {"select": 9, "commit": 1}, "async": {"select": 9, "commit": 1}},
        answers=50,
        succeeded=40,
    )
    assert side_by_side(report).splitlines() == [
        "the answers to request 2 differ: body at .id (why not)",
        "  1. POST /notes {}",
        '     all arms  201 {"id": 1}',
        "  2. GET /notes/1",
        '     sync   200 {"id": 1}',
        '     async  200 {"id": 2}   (.id is 2 instead of 1)',
        "",
        "sent all arms  1 commit, 9 select",
        "parity: 2 arms, 7 sequences, 1 difference; 40 of 50 answers 2xx",
    ]
    record = to_record(report)
    assert (record.arms, record.sequences, record.differences) == (("sync", "async"), 7, 1)


def test_a_long_or_unprintable_body_stays_on_one_line() -> None:
    assert shortened("a" * 300, 10) == '"aaaaaaaa…'
    assert shortened(b"a\nb\xff") == "a\\nb\\xff"
