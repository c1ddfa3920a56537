"""What an async driver would give, seen from the app alone."""
