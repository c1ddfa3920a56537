"""The engine, and the two ways to get at it: a session for the to-do API, a bare connection for the rest."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio.engine import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.asyncio.session import AsyncSession

from apps.shared.database import engine_options, require_tls, translate_errors
from apps.shared.settings import Settings

from .resources import resources_of


def open_engine(settings: Settings) -> AsyncEngine:
    """An engine connects when it is first used, so the app starts without its database."""
    engine = create_async_engine(settings.database_url, **engine_options(settings))
    require_tls(engine.pool, settings)
    translate_errors(engine.dialect)
    return engine


async def get_db(http: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """One session per request; leaving it rolls back what was not committed."""
    async with resources_of(http).sessions() as session:
        yield session


async def get_connection(http: HTTPConnection) -> AsyncIterator[AsyncConnection]:
    """One connection per request."""
    async with resources_of(http).engine.connect() as connection:
        yield connection


DbSession = Annotated[AsyncSession, Depends(get_db)]
DbConnection = Annotated[AsyncConnection, Depends(get_connection)]
