"""The contract's errors from Tortoise's: the same words for the same numbers of the server."""

from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from tortoise.exceptions import BaseORMException, IntegrityError

from apps.shared import errors


def is_duplicate(error: IntegrityError) -> bool:
    """Whether the row was there already (and not, say, its parent missing)."""
    return errors.error_number(_as_sqlalchemy(error)) == errors.DUPLICATE_KEY


def _as_sqlalchemy(error: BaseORMException) -> DBAPIError:
    """What SQLAlchemy would have made of the driver's error.

    Tortoise wraps that, or, where the first connection fails, raises its own while handling it.
    """
    wrapped = error.args[0] if error.args else None
    cause = wrapped if isinstance(wrapped, Exception) else error.__context__
    if not isinstance(cause, Exception):
        return DBAPIError(None, None, error)  # no error of the database at all
    return cast(DBAPIError, DBAPIError.instance(None, None, cause, Exception))


async def _answer_database(_: Request, error: BaseORMException) -> JSONResponse:
    told = _as_sqlalchemy(error)
    problem = errors.problem_of(told)
    if problem is None:
        raise error
    errors.log.warning("%s [%s]", problem, told.orig)
    return JSONResponse({"detail": problem}, 503, headers={"Retry-After": "1"})


def install(app: FastAPI) -> None:
    """Make the app answer every error in the one shape."""
    errors.install(app)
    app.exception_handler(BaseORMException)(_answer_database)
