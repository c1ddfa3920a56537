"""A plan file for two servers that need nothing but Python, and parts to break it with."""

LOAD = """
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def visit(self):
        self.client.get('/')
"""
SERVE = ["{python}", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]


def broken(**tables: object) -> dict[str, object]:
    return {
        "database": {"server": "none"},
        "arms": {"before": {"command": SERVE}, "after": {"command": SERVE}},
        "scenarios": {"load": {"locustfile": "load.py"}},
        "profiles": {"standard": {"trials": 1, "budget": "60s"}},
        "parity": {"gate_sequences": 0},
        **tables,
    }
