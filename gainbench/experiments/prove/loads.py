"""The loads of the cases, as plain Locust users. Only a load generator imports this file.

``locust -f gainbench/experiments/prove/loads.py Restless --host http://127.0.0.1:8000`` runs one by hand.
"""

import random

from locust import FastHttpUser, HttpUser, between, constant, task

DIFFERENT_PATHS = 400


class Restless(FastHttpUser):
    """The next request as soon as the last one is answered."""

    wait_time = constant(0)

    @task
    def get(self) -> None:
        self.client.get("/")


class ThinksOneSecond(Restless):
    wait_time = constant(1)


class ThinksOneToTwo(Restless):
    wait_time = between(1, 2)


class ThinksOneToThree(Restless):
    wait_time = between(1, 3)


class Various(FastHttpUser):
    """One of many paths, each as likely."""

    @task
    def get(self) -> None:
        self.client.get(f"/{random.randrange(DIFFERENT_PATHS)}", name="/{n}")


class Slow(HttpUser):
    """The same as restless, with a client that takes its time."""

    @task
    def get(self) -> None:
        self.client.get("/")
