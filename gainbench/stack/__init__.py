"""What runs: supervisor, database server, latency proxy, app servers, core pinning."""
