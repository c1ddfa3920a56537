"""What a failed request is called: few names, so that equal failures add up, and an example of each."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from locust.contrib.fasthttp import LocustBadStatusCode
from locust.exception import CatchResponseError
from requests import HTTPError

LONGEST = 80
LONGEST_ANSWER = 160


class SentElsewhere(Exception):
    """A request that would have left its arm. It was not sent."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{urlsplit(url).netloc} is not the arm's server")


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


def example(meta: Mapping[str, Any]) -> str:
    """A failed request as who mends it looks for it: what was asked, what came, how its body begins."""
    path = urlsplit(str(meta.get("url") or meta.get("name") or "")).path
    asked = f"{meta.get('request_type', '')} {path}".strip()
    try:
        body = meta["response"].text or ""
    except (AttributeError, KeyError, UnicodeError):  # no answer, or none that is text
        body = ""
    begins = " ".join(body.split())
    begins = begins if len(begins) <= LONGEST_ANSWER else begins[: LONGEST_ANSWER - 1] + "…"
    return f"{asked}: {failure_name(meta['exception'])}{f', {begins}' if begins else ''}"
