"""The engine, and the two ways to get at it: a session for the to-do API, a bare connection for the rest."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy.engine import Connection, Engine, create_engine
from sqlalchemy.orm import Session

from apps.shared.database import engine_options, require_tls, translate_errors
from apps.shared.settings import Settings

from .resources import resources_of


def open_engine(settings: Settings) -> Engine:
    """An engine connects when it is first used, so the app starts without its database."""
    engine = create_engine(settings.database_url, **engine_options(settings))
    require_tls(engine.pool, settings)
    translate_errors(engine.dialect)
    return engine


def get_db(http: HTTPConnection) -> Iterator[Session]:
    """One session per request; leaving it rolls back what was not committed."""
    with resources_of(http).sessions() as session:
        yield session


def get_connection(http: HTTPConnection) -> Iterator[Connection]:
    """One connection per request."""
    with resources_of(http).engine.connect() as connection:
        yield connection


DbSession = Annotated[Session, Depends(get_db)]
DbConnection = Annotated[Connection, Depends(get_connection)]
