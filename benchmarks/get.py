"""The Locust file of ``driver_cost.py``: one GET after the other."""

from locust import FastHttpUser, task


class Get(FastHttpUser):
    @task
    def get(self) -> None:
        self.client.get("/")
