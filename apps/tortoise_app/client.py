"""Tortoise's MySQL client with what the contract asks beyond it; Tortoise imports this as its engine.

Not to be imported before ``db.choose_driver`` has been called: Tortoise takes its driver as it is imported.
"""

import asyncio
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tortoise.backends.base.client import PoolConnectionWrapper
from tortoise.backends.mysql import client as backend

from .settings import settings

DRIVER: str = vars(backend)["mysql"].__name__
if settings.database_url.get_driver_name() != DRIVER:
    raise ImportError(f"Tortoise took {DRIVER}, not the driver of DATABASE_URL")


class Client(backend.MySQLClient):
    """A wait for a connection that POOL_TIMEOUT_SECONDS ends: Tortoise's own has no end."""

    def __init__(self, **credentials: Any) -> None:
        super().__init__(**credentials)
        self.places = asyncio.Semaphore(self.pool_maxsize)

    def acquire_connection(self) -> "Place":
        """A connection of the pool, once there is a place for it."""
        return Place(self, self._pool_init_lock)


class Place(PoolConnectionWrapper[Any]):
    """As many at once as the pool has connections, so that the pool itself never makes anybody wait."""

    client: Client

    async def __aenter__(self) -> Any:
        places = self.client.places
        await self.ensure_connection()  # it takes a place and gives it back
        try:
            async with asyncio.timeout(settings.pool_timeout_seconds if places.locked() else None):
                await places.acquire()
        except TimeoutError as error:
            raise PoolTimeoutError from error
        try:
            return await super().__aenter__()
        except BaseException:
            places.release()
            raise

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await super().__aexit__(*raised)
        finally:
            self.client.places.release()


client_class = Client
