"""One JSON shape for every error, ``{"detail": "..."}``, and the status that a failing database deserves.

A 503 says what to do about it in the words of the settings, never where the database is or who logs in.
"""

import logging
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

_UNREACHABLE = "The database does not answer: is it up, and does DATABASE_URL name its host and port?"
_READ_ONLY = "The database takes no writes: DATABASE_URL must name an account and a server that may write"
_BUSY = "Another transaction holds this row: try again"
_DATABASE_PROBLEMS = {
    1040: "The database takes no more connections: lower POOL_SIZE, or raise its max_connections",
    1044: "The database refuses this account its schema: see the user and the schema in DATABASE_URL",
    1045: "The database refuses this account: see the user and the password in DATABASE_URL",
    1049: "The database has no such schema: see the end of DATABASE_URL",
    1142: _READ_ONLY,
    1146: "The schema lacks its tables: pipe `python -m apps.shared.seed` into it",
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
    2026: "The database offers no TLS: set DATABASE_TLS=off, or turn TLS on in the server",
}


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
    code = error_number(error)
    if code in _DATABASE_PROBLEMS:
        return _DATABASE_PROBLEMS[code]
    return f"The database failed ({code})" if isinstance(error, OperationalError | InterfaceError) else None


def error_number(error: DBAPIError) -> int | None:
    """The server's or the driver's number of this error."""
    arguments = error.orig.args if error.orig else ()
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def is_duplicate(error: IntegrityError) -> bool:
    """Whether the row was there already (and not, say, its parent missing)."""
    return error_number(error) == DUPLICATE_KEY


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


async def _answer_lost_row(_: Request, __: StaleDataError) -> JSONResponse:
    """Another request deleted the row between this one's SELECT and its UPDATE."""
    return JSONResponse({"detail": "Task not found"}, 404)


async def _answer_bug(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"detail": "Internal server error: see the server's log"}, 500)


def install(app: FastAPI) -> None:
    """Make the app answer every error in the one shape."""
    app.exception_handler(RequestValidationError)(_answer_validation)
    app.exception_handler(SQLAlchemyError)(_answer_database)
    app.exception_handler(StaleDataError)(_answer_lost_row)
    app.exception_handler(Exception)(_answer_bug)
