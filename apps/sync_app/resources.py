"""What the lifespan opens and every request shares."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from fastapi.requests import HTTPConnection
from httpx import Client
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker

from .concurrency import Semaphore


@dataclass(frozen=True)
class Resources:
    """Opened before the first request, disposed of after the last."""

    engine: Engine
    sessions: sessionmaker[Session]
    client: Client
    processes: ProcessPoolExecutor
    semaphore: Semaphore


def resources_of(http: HTTPConnection) -> Resources:
    """The resources of the app that serves this request or WebSocket."""
    resources: Resources = http.app.state.resources
    return resources
