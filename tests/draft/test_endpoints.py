"""What an app offers, as requests with values that it may take."""

import json
from typing import Any

import pytest

from gainbench.draft.endpoints import Endpoint, from_openapi, from_routes, ready_path
from gainbench.draft.sources import locustfile


def document(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {path.replace("__", "/"): item for path, item in paths.items()}}


def parameter(name: str, place: str = "path", required: bool = True, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "1"),
        ({"type": "integer", "minimum": 10}, "10"),
        ({"type": "string"}, "a"),
        ({"type": "string", "example": "two words"}, "two%20words"),
        ({"type": "string", "enum": ["red", "blue"]}, "red"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "boolean"}, "true"),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, "1"),
    ],
)
def test_a_path_is_filled_with_a_value_that_its_schema_allows(schema: dict[str, Any], value: str) -> None:
    found = from_openapi(
        document(__items__={"get": {"parameters": []}})
        | {"paths": {"/items/{item}": {"get": {"parameters": [parameter("item", **schema)]}}}}
    )
    assert found == (Endpoint("GET", "/items/{item}", f"/items/{value}"),)


def test_what_a_query_needs_is_given_and_what_it_may_have_is_not() -> None:
    query = [
        parameter("limit", "query", type="integer"),
        parameter("q", "query", required=False, type="string"),
    ]
    (found,) = from_openapi({"paths": {"/items": {"get": {"parameters": query}}}})
    assert (found.name, found.target) == ("/items", "/items?limit=1")


def test_health_and_documents_are_no_load() -> None:
    paths = ["/healthz", "/docs", "/openapi.json", "/metrics", "/items", "/healthy-food"]
    found = from_openapi({"paths": {path: {"get": {}} for path in paths}})
    assert [one.name for one in found] == ["/items", "/healthy-food"]
    assert ready_path({"paths": {path: {} for path in paths}}) == "/healthz"
    assert ready_path([{"path": "/ready"}]) == "/ready"
    assert ready_path(None) is None


@pytest.mark.parametrize(
    ("path", "name", "target"),
    [
        ("/items/<int:item_id>", "/items/{item_id}", "/items/1"),
        ("/items/<name>", "/items/{name}", "/items/a"),
        ("/items/<int:pk>/", "/items/{pk}/", "/items/1/"),
        ("/items/{item_id}", "/items/{item_id}", "/items/1"),
        ("/files/{key:uuid}", "/files/{key}", "/files/00000000-0000-4000-8000-000000000001"),
    ],
)
def test_routes_of_every_framework_are_filled(path: str, name: str, target: str) -> None:
    assert from_routes([{"method": "GET", "path": path}]) == (Endpoint("GET", name, target),)


def test_the_locust_file_asks_for_what_reads_and_keeps_the_rest_as_comments() -> None:
    endpoints = (
        Endpoint("GET", "/items/{id}", "/items/1"),
        Endpoint("GET", "/class", "/class"),
        Endpoint("GET", "/gone", "/gone"),
        Endpoint("POST", "/items", "/items"),
    )
    source = locustfile('shop """ \\', endpoints, {"GET /gone": "HTTP 404"})
    compile(source, "locustfile.py", "exec")
    live = [line for line in source.splitlines() if not line.strip().startswith("#")]
    assert [line.strip() for line in live if "self.client" in line] == [
        'self.client.get("/items/1", name="/items/{id}")',
        'self.client.get("/class")',
    ]
    assert "# GET /gone: answered HTTP 404" in source
    assert '#     self.client.post("/items", json={})' in source


def test_names_of_paths_that_are_hardly_names_are_still_python() -> None:
    endpoints = tuple(
        Endpoint("GET", name, name) for name in ("/", "/a-b", "/a_b", "/ü", '/"quoted"\n', "/{x}{y}")
    )
    source = locustfile("odd", endpoints, {})
    compile(source, "locustfile.py", "exec")
    assert source.count("@task") == len(endpoints)
    assert source.count("def ") == len({line for line in source.splitlines() if "def " in line})
    assert json.dumps('/"quoted"\n') in source
