"""What a failed request is called: few names, so that equal failures add up."""

from typing import Any

from locust.contrib.fasthttp import LocustBadStatusCode
from locust.exception import CatchResponseError
from requests import HTTPError

LONGEST = 80


def failure_name(exception: Any) -> str:
    """``HTTP 503``, ``ConnectionRefusedError``, or what the Locust file itself says is wrong."""
    if isinstance(exception, LocustBadStatusCode):
        return f"HTTP {exception.code}"  # type: ignore[attr-defined] # set by its base class from a keyword
    if isinstance(exception, HTTPError) and exception.response is not None:
        return f"HTTP {exception.response.status_code}"
    if isinstance(exception, BaseException) and not isinstance(exception, CatchResponseError):
        return type(exception).__name__
    said = str(exception).strip().splitlines() or ["failed"]
    return said[0] if len(said[0]) <= LONGEST else said[0][: LONGEST - 1] + "…"
