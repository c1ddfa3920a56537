"""Nonsense gets a 4xx in the one JSON shape, on each arm, and changes nothing."""

import httpx
import pytest

from tests.apps.servers import RunningApp

pytestmark = pytest.mark.database

JSON = {"content-type": "application/json"}


def assert_problem(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["detail"]
    assert isinstance(answer.json()["detail"], str)
    for word in words:
        assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    "task_id", ["0", "-1", "2147483648", "9" * 30, "9" * 5000, "abc", "1.5", "%00", "%ff"]
)
def test_an_id_that_cannot_be_one_names_the_parameter(client: httpx.Client, task_id: str) -> None:
    assert_problem(client.get(f"/tasks/{task_id}"), 422, "path.task_id")


def test_the_largest_id_is_merely_not_found(client: httpx.Client) -> None:
    assert_problem(client.get("/tasks/2147483647"), 404, "Task not found")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "offset=-1", "offset=2147483648", "limit="]
)
def test_a_page_out_of_bounds_names_the_parameter(client: httpx.Client, query: str) -> None:
    assert_problem(client.get(f"/tasks?{query}"), 422, f"query.{query.split('=', maxsplit=1)[0]}")


@pytest.mark.parametrize(
    "day",
    [
        "2026-02-30",
        "2026-13-01",
        "0999-12-31",
        "0000-00-00",
        "tomorrow",
        "",
        "2026-12-01T00:00:00",
        0,
        1e10,
        [],
        True,
    ],
)
def test_a_day_that_is_none_names_the_field(client: httpx.Client, day: object) -> None:
    assert_problem(client.post("/tasks", json={"due_date": day}), 422, "body.due_date")


@pytest.mark.parametrize("title", [1, True, [], {}, "x" * 1025, "🧺" * 1025])
def test_a_title_that_is_none_or_too_long_names_the_field(client: httpx.Client, title: object) -> None:
    assert_problem(client.post("/tasks", json={"title": title}), 422, "body.title")


@pytest.mark.parametrize("title", ["", "🧺" * 1024, "'; DROP TABLE tasks; --", "%s %(x)s :x", " "])
def test_any_text_that_fits_is_a_title_and_comes_back_unchanged(client: httpx.Client, title: str) -> None:
    created = client.post("/tasks", json={"title": title})

    assert created.status_code == 200
    assert client.get(f"/tasks/{created.json()['id']}").json()["title"] == title


def test_a_nul_in_a_title_is_stored_or_where_the_database_cannot_refused(
    client: httpx.Client, app: RunningApp
) -> None:
    before = app.schema.row_counts()

    answer = client.post("/tasks", json={"title": "a\x00b"})

    if app.arm.product == "mysql":
        assert client.get(f"/tasks/{answer.json()['id']}").json()["title"] == "a\x00b"
    else:
        assert_problem(answer, 422, "NUL")
        assert_problem(client.put("/tasks/1", json={"title": "\x00"}), 422, "NUL")
        assert app.schema.row_counts() == before
        assert client.get("/tasks/1").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"null", 422),
        (b"[1]", 422),
        (b'{"title":', 422),
        (b"plain text", 422),
        (b'{"title": "\\ud800"}', 422),
        (b'{"title": "\xff"}', 400),
        (b"[" * 100_000, 400),
    ],
)
def test_a_body_that_is_no_task_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    assert_problem(client.post("/tasks", content=body, headers=JSON), status)


def test_a_body_without_a_content_type_is_not_guessed_at(client: httpx.Client) -> None:
    assert_problem(client.post("/tasks", content=b'{"title": "x"}'), 422, "body")


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_above_the_limit_is_refused_declared_or_not(client: httpx.Client, declared: bool) -> None:
    body = b'{"title": "' + b"x" * 300_000 + b'"}'
    content = body if declared else iter([body[:200_000], body[200_000:]])

    assert_problem(client.post("/tasks", content=content, headers=JSON), 413, "bytes")


@pytest.mark.parametrize("path", ["/nowhere", "/tasks/", "/tasks/1/2", "/io"])
def test_a_path_that_is_none_is_a_404_without_a_redirect(client: httpx.Client, path: str) -> None:
    assert_problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/tasks"), ("POST", "/tasks/1"), ("DELETE", "/healthz")]
)
def test_a_method_that_is_none_is_a_405_that_names_the_others(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path)

    assert_problem(answer, 405)
    assert answer.headers["allow"]


def test_the_seeded_rows_have_survived_all_of_it(client: httpx.Client, app: RunningApp) -> None:
    assert app.schema.query("SELECT COUNT(*) FROM tasks WHERE id <= 1000") == [(1000,)]
