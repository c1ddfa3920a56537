"""A user with a row of its own, made, changed and removed again and again: the rows end as they began.

Also when it is stopped in the middle. The n-th user makes the same choices in every run.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import gevent
from locust import FastHttpUser, constant

LAST_ANSWER_SECONDS = 10


class OwnRowUser(FastHttpUser):
    """No think time: N users keep N requests in flight. What a row is, is said by its subclasses."""

    abstract = True
    wait_time = constant(0)
    numbers = itertools.count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dice = random.Random(next(OwnRowUser.numbers))
        self.creation: gevent.Greenlet | None = None
        self.life = self.lives()
        one, many, write = self.read_one, self.read_list, self.write
        self.order = itertools.cycle((one, many, write, one, many, write, one, many, write, one))

    def read_one(self) -> None:
        """A seeded row by its id."""
        raise NotImplementedError

    def read_list(self) -> None:
        """The first few rows."""
        raise NotImplementedError

    def create(self) -> int | None:
        """The new row's id, if there is one."""
        raise NotImplementedError

    def changes(self, row_id: int) -> Iterator[None]:
        """A request each."""
        raise NotImplementedError

    def path(self, row_id: int) -> tuple[str, str]:
        """Where a row is, and what such places are called."""
        raise NotImplementedError

    def write(self) -> None:
        """The next request in the life of a row."""
        next(self.life)

    def mixed(self) -> None:
        """Seven reads in ten requests, in a fixed order."""
        next(self.order)()

    def lives(self) -> Iterator[None]:
        while True:
            # In a greenlet of its own, a creation outlives its user: the row can still be deleted.
            self.creation = gevent.spawn(self.create)
            row_id = self.creation.get()
            yield
            if row_id is None:
                continue
            yield from self.changes(row_id)
            while not self.delete(row_id):
                yield
            self.creation = None
            yield

    def delete(self, row_id: int) -> bool:
        """Gone is gone: a user stopped while deleting deletes once more."""
        path, name = self.path(row_id)
        with self.client.delete(path, name=name, catch_response=True) as response:
            if response.status_code == 404:
                response.success()
            return response.status_code in (200, 404)

    def on_stop(self) -> None:
        if self.creation is not None:
            self.creation.join(timeout=LAST_ANSWER_SECONDS)
            if self.creation.value is not None:
                self.delete(self.creation.value)
