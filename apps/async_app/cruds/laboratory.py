"""Statements of the I/O laboratory and of the health check."""

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio.engine import AsyncConnection

from apps.shared.functions import Sleep


async def answer(connection: AsyncConnection) -> None:
    """Make the database answer."""
    await connection.execute(text("SELECT 1"))


async def sleep_in_database(connection: AsyncConnection, seconds: float) -> None:
    """A query that takes as long as it is told to."""
    await connection.execute(select(Sleep(seconds)))
