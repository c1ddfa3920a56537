"""The sync app whose session is opened without the thread pool: a dependency that awaits nothing.

FastAPI enters and leaves a plain generator in the thread pool, a hop each. An async one runs on the event
loop; here it opens a session, which asks nothing of the database, and its closing ROLLBACK goes to a thread
with the handler's, so that the loop never waits.
"""

from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool
from fastapi.requests import HTTPConnection
from sqlalchemy.orm import Session

from apps.sync_app.db import get_db
from apps.sync_app.main import app
from apps.sync_app.resources import resources_of


async def session_on_the_loop(http: HTTPConnection) -> AsyncIterator[Session]:
    """One session per request, opened in place and closed in one hop."""
    session = resources_of(http).sessions()
    try:
        yield session
    finally:
        await run_in_threadpool(session.close)


app.dependency_overrides[get_db] = session_on_the_loop

__all__ = ["app"]
