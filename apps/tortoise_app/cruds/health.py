"""The query of the health check."""

from tortoise.connection import get_connection


async def answer() -> None:
    """Make the database answer."""
    await get_connection("default").execute_query("SELECT 1")
