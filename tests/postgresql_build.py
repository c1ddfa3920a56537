"""What the PostgreSQL of this machine was built with: the wheel's has no TLS."""

from gainbench.stack.database.dialects import dialect_named


def has_tls() -> bool:
    """A build without it holds the words with which it says so."""
    program = dialect_named("postgresql").find_program().path
    return b"SSL is not supported by this build" not in program.read_bytes()
