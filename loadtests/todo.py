"""The to-do scenarios, as plain Locust users: ``locust -f loadtests/todo.py ReadList --host http://127.0.0.1:8001``.

They expect the seeded tasks 1 to 1 000 and leave the rows as they found them.
"""

from collections.abc import Iterator

from locust import task
from own_row import OwnRowUser

SEEDED_TASKS = 1000
LIST_LIMIT = 10


class TodoUser(OwnRowUser):
    """Someone with a to-do list; says how each request is made, not when."""

    abstract = True

    def read_one(self) -> None:
        self.client.get(f"/tasks/{self.dice.randint(1, SEEDED_TASKS)}", name="/tasks/{id}")

    def read_list(self, rows: int = LIST_LIMIT) -> None:
        self.client.get(f"/tasks?limit={rows}", name=f"/tasks?limit={rows}")

    def create(self) -> int | None:
        response = self.client.post("/tasks", json={"title": "Under load", "due_date": "2027-01-31"})
        return response.json()["id"] if response.status_code == 200 else None

    def changes(self, row_id: int) -> Iterator[None]:
        body = {"title": "Mended", "due_date": "2027-06-30"}
        self.client.put(f"/tasks/{row_id}", json=body, name="/tasks/{id}")
        yield
        self.client.put(f"/tasks/{row_id}/done", name="/tasks/{id}/done")
        yield
        self.client.delete(f"/tasks/{row_id}/done", name="/tasks/{id}/done")
        yield

    def path(self, row_id: int) -> tuple[str, str]:
        return f"/tasks/{row_id}", "/tasks/{id}"


class ReadOne(TodoUser):
    """One task by its id."""

    @task
    def next_request(self) -> None:
        self.read_one()


class ReadList(TodoUser):
    """The first ten tasks: the book's own test."""

    @task
    def next_request(self) -> None:
        self.read_list()


class ReadHundred(TodoUser):
    """The first hundred."""

    @task
    def next_request(self) -> None:
        self.read_list(100)


class ReadThousand(TodoUser):
    """All that were seeded: what a driver does with rows weighs most here."""

    @task
    def next_request(self) -> None:
        self.read_list(SEEDED_TASKS)


class Write(TodoUser):
    """Create, update, mark, unmark, delete."""

    @task
    def next_request(self) -> None:
        self.write()


class Mix(TodoUser):
    """Seven reads in ten requests, in a fixed order."""

    @task
    def next_request(self) -> None:
        self.mixed()
