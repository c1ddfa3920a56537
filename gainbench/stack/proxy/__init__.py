"""The latency proxy: a process of its own, and the harness's handle on it."""
