"""The database server: found, started, filled and cleared."""
