"""What an arm answered, and whether two answers are alike. Sends nothing.

Random tokens and the time of day are no difference: they would not be alike on the same arm asked twice.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import httpx

_TOKEN = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-zA-Z])[0-9a-f]{16,}(?![0-9a-zA-Z])"
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
NOW_IS = timedelta(minutes=1)


class _Missing:
    """What stands where the other side has something."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


@dataclass(frozen=True)
class Answer:
    """Status, the headers that matter, and the body: decoded if it is JSON. No status: no answer at all."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = field(default=None, repr=False)  # the body as it came

    @classmethod
    def of(cls, response: httpx.Response, headers: Iterable[str]) -> "Answer":
        kept = {name: response.headers[name] for name in headers if name in response.headers}
        return cls(response.status_code, kept, _body(response), response.content)

    @classmethod
    def none(cls, error: httpx.HTTPError) -> "Answer":
        return cls(None, {}, type(error).__name__)

    @property
    def created_id(self) -> str | None:
        """The id that a body tells, as a path takes it."""
        if self.status is None or self.status >= 400 or not isinstance(self.body, dict):
            return None
        told = self.body.get("id")
        return str(told) if isinstance(told, int | str) and not isinstance(told, bool) else None

    def with_aliases(self, aliases: Mapping[str, str]) -> "Answer":
        """With the ids that this arm gave under names that mean the same on all arms."""
        return replace(self, body=_aliased(self.body, aliases), content=None) if aliases else self


def difference(one: Answer, other: Answer) -> str | None:
    """In what the answers differ, or None."""
    if one.status is None and other.status is None:
        return None  # neither answers this
    if one.status is None or other.status is None:
        return "there is no answer"
    if one.status != other.status:
        return "status"
    for name in sorted({*one.headers, *other.headers}):
        if one.headers.get(name) != other.headers.get(name):
            return f"header {name}"
    if one.content is not None and one.content == other.content:
        return None
    place = first_difference(masked(one.body), masked(other.body))
    return None if place is None else f"body{f' at {place.path}' if place.path else ''}"


@dataclass(frozen=True)
class Place:
    """Where in two documents the first difference is, and what stands there."""

    path: str
    one: Any
    other: Any


def first_difference(one: Any, other: Any, path: str = "") -> Place | None:
    """The first place where two JSON values differ; unlike in Python, ``1``, ``1.0`` and ``true`` do."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted({*one, *other})
        pairs = [(f"{path}.{name}", one.get(name, MISSING), other.get(name, MISSING)) for name in names]
    elif isinstance(one, list) and isinstance(other, list):
        pairs = [
            (f"{path}[{index}]", left, right)
            for index, (left, right) in enumerate(zip_longest(one, other, fillvalue=MISSING))
        ]
    else:
        return None if type(one) is type(other) and one == other else Place(path, one, other)
    found = (first_difference(left, right, where) for where, left, right in pairs)
    return next((place for place in found if place is not None), None)


def masked(value: Any) -> Any:
    """The value with random tokens and moments around now made alike."""
    if isinstance(value, str):
        return _MOMENT.sub(_now_or_itself, _TOKEN.sub("<token>", value))
    if isinstance(value, dict):
        return {name: masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def _aliased(value: Any, aliases: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: aliases.get(str(each), each) if _names_an_id(name) else _aliased(each, aliases)
            for name, each in value.items()
        }
    return [_aliased(each, aliases) for each in value] if isinstance(value, list) else value


def _names_an_id(name: str) -> bool:
    return name == "id" or name.endswith(("_id", "Id"))


def shortened(value: Any, width: int = 160) -> str:
    """A body, or a part of one, on one line."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
    elif value is MISSING:
        text = repr(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _now_or_itself(match: re.Match[str]) -> str:
    moment = _moment(match.group())
    if moment is None:
        return match.group()
    nows = [datetime.now(UTC)] if moment.tzinfo else [datetime.now(), datetime.now(UTC).replace(tzinfo=None)]
    return "<now>" if any(abs(now - moment) < NOW_IS for now in nows) else match.group()


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _body(response: httpx.Response) -> Any:
    if "json" in response.headers.get("content-type", ""):
        try:
            return json.loads(response.content)
        except ValueError:
            return response.content
    return response.content
