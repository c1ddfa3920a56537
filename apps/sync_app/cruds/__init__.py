"""The statements: each function is one or a few of them, on a session or connection it is given."""
