"""How many users a load generator carries: each holds a connection. Must not import Locust."""

# Descriptors that are not a user's connection: log, control socket, event loop, modules being imported.
OTHER_FILES = 64
# geventhttpclient asks select() whether an idle connection is still alive, and select() knows no descriptor
# from 1024 on: such a connection would look dead and be opened anew for every single request.
SELECT_LIMIT = 1024


def users_within(open_files: int, arms: int) -> int:
    """The most users of an arm whose connections, with those of the other arms, fit below that limit."""
    return (open_files - OTHER_FILES) // arms
