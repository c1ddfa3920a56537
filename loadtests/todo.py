"""The to-do scenarios, as plain Locust users: ``locust -f loadtests/todo.py ReadList --host http://127.0.0.1:8001``.

They expect the seeded tasks 1 to 1 000 and leave the rows as they found them, also when stopped in the
middle. No think time: N users keep N requests in flight. The n-th user makes the same choices in every run.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import gevent
from locust import FastHttpUser, constant, task

SEEDED_TASKS = 1000
LIST_LIMIT = 10
LAST_ANSWER_SECONDS = 10


class TodoUser(FastHttpUser):
    """Someone with a to-do list; says how each request is made, not when."""

    abstract = True
    wait_time = constant(0)
    numbers = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dice = random.Random(next(TodoUser.numbers))
        self.creation: gevent.Greenlet | None = None
        self.writing = self.writes()

    def read_one(self) -> None:
        self.client.get(f"/tasks/{self.dice.randint(1, SEEDED_TASKS)}", name="/tasks/{id}")

    def read_list(self) -> None:
        self.client.get(f"/tasks?limit={LIST_LIMIT}", name=f"/tasks?limit={LIST_LIMIT}")

    def write(self) -> None:
        """The next request in the life of a task of this user's own."""
        next(self.writing)

    def writes(self) -> Iterator[None]:
        while True:
            # In a greenlet of its own, a creation outlives its user: the task can still be deleted.
            self.creation = gevent.spawn(self.create)
            task_id = self.creation.get()
            yield
            if task_id is None:
                continue
            body = {"title": "Mended", "due_date": "2027-06-30"}
            self.client.put(f"/tasks/{task_id}", json=body, name="/tasks/{id}")
            yield
            self.client.put(f"/tasks/{task_id}/done", name="/tasks/{id}/done")
            yield
            self.client.delete(f"/tasks/{task_id}/done", name="/tasks/{id}/done")
            yield
            while not self.delete(task_id):
                yield
            self.creation = None
            yield

    def create(self) -> int | None:
        response = self.client.post("/tasks", json={"title": "Under load", "due_date": "2027-01-31"})
        return response.json()["id"] if response.status_code == 200 else None

    def delete(self, task_id: int) -> bool:
        """Gone is gone: a user stopped while deleting deletes once more."""
        with self.client.delete(f"/tasks/{task_id}", name="/tasks/{id}", catch_response=True) as response:
            if response.status_code == 404:
                response.success()
            return response.status_code in (200, 404)

    def on_stop(self) -> None:
        if self.creation is not None:
            self.creation.join(timeout=LAST_ANSWER_SECONDS)
            if self.creation.value is not None:
                self.delete(self.creation.value)


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


class Write(TodoUser):
    """Create, update, mark, unmark, delete."""

    @task
    def next_request(self) -> None:
        self.write()


class Mix(TodoUser):
    """Seven reads in ten requests, in a fixed order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        one, many, write = self.read_one, self.read_list, self.write
        self.order = itertools.cycle((one, many, write, one, many, write, one, many, write, one))

    @task
    def next_request(self) -> None:
        next(self.order)()
