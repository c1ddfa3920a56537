"""One JSON shape for every error, ``{"detail": "..."}``, and the status that a failing database deserves.

A 503 says what to do about it in the words of the settings, never where the database is or who logs in.
"""

import logging
import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

log = logging.getLogger("uvicorn.error")

DUPLICATE_KEY = 1062
DUPLICATE_KEY_STATE = "23505"

_UNREACHABLE = "The database does not answer: is it up, and does DATABASE_URL name its host and port?"
_READ_ONLY = "The database takes no writes: DATABASE_URL must name an account and a server that may write"
_BUSY = "Another transaction holds this row: try again"
_FULL = "The database takes no more connections: lower POOL_SIZE, or raise its max_connections"
_NOT_YOUR_SCHEMA = "The database refuses this account its schema: see the user and the schema in DATABASE_URL"
_WRONG_ACCOUNT = "The database refuses this account: see the user and the password in DATABASE_URL"
_NOT_FROM_HERE = (
    "The database does not let this account in from here: see the user in DATABASE_URL, and DATABASE_TLS"
)
_NO_SCHEMA = "The database has no such schema: see the end of DATABASE_URL"
_NO_TABLES = "The schema lacks its tables: pipe `python -m apps.shared.seed` into it"
_NO_POSTGRESQL_TABLES = (
    "The schema lacks its tables: pipe `python -m apps.shared.seed --product postgresql` into it"
)
_NO_TLS = "The database offers no TLS: set DATABASE_TLS=off, or turn TLS on in the server"
_NOT_YET = "The database is starting or shutting down: try again"
_BY_NUMBER = {
    1040: _FULL,
    1044: _NOT_YOUR_SCHEMA,
    1045: _WRONG_ACCOUNT,
    1049: _NO_SCHEMA,
    1142: _READ_ONLY,
    1146: _NO_TABLES,
    1205: _BUSY,
    1213: _BUSY,
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    2002: _UNREACHABLE,
    2003: _UNREACHABLE,
    2006: _UNREACHABLE,
    2013: _UNREACHABLE,
    2014: _UNREACHABLE,
    2026: _NO_TLS,
}
_BY_STATE = {
    "08000": _UNREACHABLE,
    "08001": _UNREACHABLE,
    "08003": _UNREACHABLE,
    "08004": _UNREACHABLE,
    "08006": _UNREACHABLE,
    "25006": _READ_ONLY,
    "28000": _NOT_FROM_HERE,
    "28P01": _WRONG_ACCOUNT,
    "3D000": _NO_SCHEMA,
    "40001": _BUSY,
    "40P01": _BUSY,
    "42501": _READ_ONLY,
    "42P01": _NO_POSTGRESQL_TABLES,
    "53300": _FULL,
    "55P03": _BUSY,
    "57P01": _UNREACHABLE,
    "57P02": _UNREACHABLE,
    "57P03": _NOT_YET,
    "57P04": _NO_SCHEMA,
    "57P05": _UNREACHABLE,
}
_SERVER_AT_FAULT = ("08", "53", "55", "57", "58")  # classes of SQLSTATE
# libpq keeps no SQLSTATE of a connection that failed: the server's words tell, where they are English. And a
# schema that is refused has the SQLSTATE of a table that is.
_ALSO_SAID_IN_WORDS = (None, "42501")
_WORDS = (
    (r"too many clients|connection slots are reserved|too many connections for", _FULL),
    (r"password authentication failed|no password supplied", _WRONG_ACCOUNT),
    (r"role \".*\" (does not exist|is not permitted)|no pg_hba\.conf entry", _NOT_FROM_HERE),
    (r"database \".*\" does not exist", _NO_SCHEMA),
    (r"permission denied for database", _NOT_YOUR_SCHEMA),
    (r"the database system is", _NOT_YET),
    (r"server does not support SSL|rejected SSL upgrade", _NO_TLS),
)


class NulInText(SQLAlchemyError):
    """PostgreSQL cannot store the character NUL, which MySQL does."""


class Problem(BaseModel):
    """The body of every answer from 400 up."""

    detail: str


_DOCUMENTED = {
    400: "The request cannot be read, or the thing asked for is done already",
    404: "There is no such row",
    413: "The body or the image is too large",
    415: "The upload is not an image",
    422: "A value has the wrong type or is out of bounds",
    502: "The other service failed",
    503: "The database, or something else the app needs, is not available",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors an endpoint may answer with, for its OpenAPI entry."""
    return {status: {"model": Problem, "description": _DOCUMENTED[status]} for status in statuses}


def problem_of(error: SQLAlchemyError) -> str | None:
    """What a client is told about a failing database; None for an error that is the app's own."""
    if isinstance(error, PoolTimeoutError):
        return (
            "No database connection came free in POOL_TIMEOUT_SECONDS: raise POOL_SIZE, or send less at once"
        )
    if not isinstance(error, DBAPIError):
        return None
    number = error_number(error)
    if number is None:
        return _postgresql_problem(error, sqlstate(error))
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    return f"The database failed ({number})" if isinstance(error, OperationalError | InterfaceError) else None


def _postgresql_problem(error: DBAPIError, state: str | None) -> str | None:
    if state in _ALSO_SAID_IN_WORDS:
        words = str(error.orig)
        if told := next((problem for pattern, problem in _WORDS if re.search(pattern, words)), None):
            return told
    if state in _BY_STATE:
        return _BY_STATE[state]
    is_operational = isinstance(error, OperationalError)
    if error.connection_invalidated or (state is None and is_operational):
        return _UNREACHABLE
    # SQLAlchemy gives asyncpg's errors no class that tells.
    if is_operational or (state or "").startswith(_SERVER_AT_FAULT):
        return f"The database failed ({state})"
    return None


def error_number(error: DBAPIError) -> int | None:
    """MySQL's, or its driver's, number of this error."""
    arguments = error.orig.args if error.orig else ()
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code of this error; psycopg2 has a name of its own for it."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


def is_duplicate(error: IntegrityError) -> bool:
    """Whether the row was there already (and not, say, its parent missing)."""
    return error_number(error) == DUPLICATE_KEY or sqlstate(error) == DUPLICATE_KEY_STATE


def _message(error: dict[str, Any]) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


async def _answer_validation(_: Request, error: RequestValidationError) -> JSONResponse:
    # Neither the input nor its context is echoed: it may be huge, or not encodable.
    problems = [f"{'.'.join(str(part) for part in each['loc'])}: {_message(each)}" for each in error.errors()]
    return JSONResponse({"detail": "; ".join(problems)}, 422)


async def _answer_database(_: Request, error: SQLAlchemyError) -> JSONResponse:
    problem = problem_of(error)
    if problem is None:
        raise error
    log.warning("%s [%s]", problem, getattr(error, "orig", None) or type(error).__name__)
    return JSONResponse({"detail": problem}, 503, headers={"Retry-After": "1"})


async def _answer_nul(_: Request, __: NulInText) -> JSONResponse:
    return JSONResponse({"detail": "body: the database stores no NUL character (U+0000) in a text"}, 422)


async def _answer_lost_row(_: Request, __: StaleDataError) -> JSONResponse:
    """Another request deleted the row between this one's SELECT and its UPDATE."""
    return JSONResponse({"detail": "Task not found"}, 404)


async def _answer_bug(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "Internal server error: see the server's log"}, 500)


def install(app: FastAPI) -> None:
    """Make the app answer every error in the one shape."""
    app.exception_handler(RequestValidationError)(_answer_validation)
    app.exception_handler(SQLAlchemyError)(_answer_database)
    app.exception_handler(NulInText)(_answer_nul)
    app.exception_handler(StaleDataError)(_answer_lost_row)
    app.exception_handler(Exception)(_answer_bug)
