"""The to-do API, on each arm, as the book has it."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.apps.servers import RunningApp

pytestmark = pytest.mark.database

NOBODY = 999_999


@pytest.fixture
def task_id(client: httpx.Client) -> int:
    created = client.post("/tasks", json={"title": "Fetch the laundry", "due_date": "2026-12-01"})
    assert created.status_code == 200
    return created.json()["id"]


def test_a_created_task_comes_back_with_its_new_id(client: httpx.Client) -> None:
    created = client.post("/tasks", json={"title": "Émile 🧺", "due_date": "2026-12-01"})

    assert created.status_code == 200
    new_id = created.json()["id"]
    assert created.json() == {"id": new_id, "title": "Émile 🧺", "due_date": "2026-12-01"}
    assert client.get(f"/tasks/{new_id}").json() == created.json() | {"done": False}


def test_title_and_day_may_be_left_out(client: httpx.Client) -> None:
    created = client.post("/tasks", json={})

    assert created.status_code == 200
    assert (created.json()["title"], created.json()["due_date"]) == (None, None)


def test_an_update_replaces_title_and_day(client: httpx.Client, task_id: int) -> None:
    updated = client.put(f"/tasks/{task_id}", json={"title": "Mended"})

    assert updated.status_code == 200
    assert updated.json() == {"id": task_id, "title": "Mended", "due_date": None}
    assert client.get(f"/tasks/{task_id}").json() == updated.json() | {"done": False}


def test_a_done_mark_is_set_once_and_removed_once(client: httpx.Client, task_id: int) -> None:
    path = f"/tasks/{task_id}/done"
    marked, marked_again = client.put(path), client.put(path)
    seen = client.get(f"/tasks/{task_id}").json()["done"]
    unmarked, unmarked_again = client.delete(path), client.delete(path)

    assert (marked.status_code, marked.json()) == (200, {"id": task_id})
    assert (marked_again.status_code, marked_again.json()) == (400, {"detail": "Done already exists"})
    assert seen is True
    assert (unmarked.status_code, unmarked.json()) == (200, None)
    assert (unmarked_again.status_code, unmarked_again.json()) == (404, {"detail": "Done not found"})
    assert client.get(f"/tasks/{task_id}").json()["done"] is False


def test_a_deleted_task_takes_its_done_mark_along(
    client: httpx.Client, app: RunningApp, task_id: int
) -> None:
    client.put(f"/tasks/{task_id}/done")

    deleted = client.delete(f"/tasks/{task_id}")

    assert (deleted.status_code, deleted.json()) == (200, None)
    assert client.get(f"/tasks/{task_id}").status_code == 404
    assert app.schema.query(f"SELECT id FROM dones WHERE id = {task_id}") == []


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", f"/tasks/{NOBODY}", "Task not found"),
        ("PUT", f"/tasks/{NOBODY}", "Task not found"),
        ("DELETE", f"/tasks/{NOBODY}", "Task not found"),
        ("PUT", f"/tasks/{NOBODY}/done", "Task not found"),
        ("DELETE", f"/tasks/{NOBODY}/done", "Done not found"),
    ],
)
def test_what_is_not_there_is_a_404(client: httpx.Client, method: str, path: str, detail: str) -> None:
    body = {"title": "x"} if (method, path) == ("PUT", f"/tasks/{NOBODY}") else None
    answer = client.request(method, path, json=body)

    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


def test_the_list_is_ordered_by_id_and_knows_what_is_done(client: httpx.Client, app: RunningApp) -> None:
    listed = client.get("/tasks", params={"limit": 3, "offset": 500}).json()

    done = {row[0] for row in app.schema.query("SELECT id FROM dones")}
    assert [task["id"] for task in listed] == [501, 502, 503]
    assert [task["done"] for task in listed] == [task["id"] in done for task in listed]
    assert set(listed[0]) == {"id", "title", "due_date", "done"}


def test_the_whole_seeded_list_has_half_of_its_tasks_done(client: httpx.Client) -> None:
    listed = client.get("/tasks").json()

    assert [task["id"] for task in listed] == list(range(1, 1001))
    assert sum(task["done"] for task in listed) == 500


def test_of_many_marks_at_once_exactly_one_is_new(client: httpx.Client, task_id: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.put(f"/tasks/{task_id}/done"), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


def test_deleting_and_updating_at_once_fails_nobody(client: httpx.Client, app: RunningApp) -> None:
    def fight(_: int) -> list[int]:
        task = client.post("/tasks", json={"title": "contested"}).json()["id"]
        body = {"title": "changed"}
        calls = [("PUT", body), ("DELETE", None), ("PUT", body), ("DELETE", None)]
        with ThreadPoolExecutor(4) as threads:
            futures = [
                threads.submit(client.request, verb, f"/tasks/{task}", json=json) for verb, json in calls
            ]
        return [future.result().status_code for future in futures]

    statuses = {status for round_ in range(10) for status in fight(round_)}

    assert statuses <= {200, 404}
    assert app.schema.query("SELECT id FROM tasks WHERE title IN ('contested', 'changed')") == []
