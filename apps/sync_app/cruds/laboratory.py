"""Statements of the I/O laboratory and of the health check."""

from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from apps.shared.functions import Sleep


def answer(connection: Connection) -> None:
    """Make the database answer."""
    connection.execute(text("SELECT 1"))


def sleep_in_database(connection: Connection, seconds: float) -> None:
    """A query that takes as long as it is told to."""
    connection.execute(select(Sleep(seconds)))
