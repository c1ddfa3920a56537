"""What gainbench adds to the Locust web UI."""
