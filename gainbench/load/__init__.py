"""What loads: the Locust side, in a process of its own, and the harness's handle on it."""
