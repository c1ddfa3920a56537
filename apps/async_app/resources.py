"""What the lifespan opens and every request shares."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from fastapi.requests import HTTPConnection
from httpx import AsyncClient
from sqlalchemy.ext.asyncio.engine import AsyncEngine
from sqlalchemy.ext.asyncio.session import AsyncSession, async_sessionmaker

from .concurrency import Semaphore


@dataclass(frozen=True)
class Resources:
    """Opened before the first request, disposed of after the last."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    client: AsyncClient
    processes: ProcessPoolExecutor
    semaphore: Semaphore


def resources_of(http: HTTPConnection) -> Resources:
    """The resources of the app that serves this request or WebSocket."""
    resources: Resources = http.app.state.resources
    return resources
