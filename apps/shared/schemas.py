"""What goes over the wire, once for both apps: request and response bodies, and every parameter's bounds."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, TypedDict

from fastapi import Form, Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from apps.shared.models import BLOG_AUTHOR_LENGTH, BLOG_CONTENT_LENGTH, BLOG_TITLE_LENGTH, TITLE_LENGTH

LARGEST_ID = 2**31 - 1  # the range of an INT column
MAX_ROWS = 1000
MAX_SECONDS = 10.0
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 4096

RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
WebSocketRow = Annotated[int, Query(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]
Offset = Annotated[int, Query(ge=0, le=LARGEST_ID)]
Seconds = Annotated[float, Query(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]


_WRITTEN_DAY = r"^[1-9]\d{3}-\d{2}-\d{2}$"  # MySQL's days begin with the year 1000


def _only_a_written_day(value: object) -> object:
    """Pydantic would also take a number of seconds for a day; we take ``2026-11-21`` and nothing else."""
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.fullmatch(_WRITTEN_DAY, value, re.ASCII):
        raise ValueError("write the day as YYYY-MM-DD, from 1000-01-01 on")
    return value


Day = Annotated[
    date, BeforeValidator(_only_a_written_day), Field(json_schema_extra={"pattern": _WRITTEN_DAY})
]


class TaskBody(BaseModel):
    """What a client may set."""

    title: Annotated[str | None, Field(max_length=TITLE_LENGTH, examples=["Fetch the laundry"])] = None
    due_date: Annotated[Day | None, Field(examples=["2026-12-01"])] = None


class SavedTask(BaseModel):
    """A task as it was stored. What the database gives is not checked again."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str | None
    due_date: date | None


class ListedTask(SavedTask):
    """A task as it is read: with its done mark."""

    done: bool


class DoneMark(BaseModel):
    """The id of a task that is done."""

    id: int


BlogTitle = Annotated[str, Form(min_length=1, max_length=BLOG_TITLE_LENGTH)]
BlogAuthor = Annotated[str, Form(min_length=1, max_length=BLOG_AUTHOR_LENGTH)]
BlogContent = Annotated[str, Form(min_length=1, max_length=BLOG_CONTENT_LENGTH)]


class BlogFields(TypedDict):
    """The columns of a post that a client decides."""

    title: str
    author: str
    content: str
    image: str | None


class BlogPost(BaseModel):
    """A blog post; ``image`` names a file in the upload folder."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    author: str
    content: str
    image: str | None


class Health(BaseModel):
    """Ready means that the database answered just now."""

    status: Literal["ok"] = "ok"


class Waited(BaseModel):
    """A wait that is over."""

    seconds: float


UpstreamClient = Literal["shared", "per-request"]


class UpstreamAnswer(BaseModel):
    """What the other service said."""

    status: int
    size_bytes: int


GatherMode = Literal["sequential", "concurrent"]
Waits = Annotated[
    Sequence[Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]],
    Query(min_length=1, max_length=10),
]


class Gathered(BaseModel):
    """Several waits, by their place in the request, in the order in which they ended."""

    mode: GatherMode
    seconds: list[float]
    finished: list[int]


FileBytes = Annotated[int, Query(ge=1, le=MAX_FILE_BYTES)]
ChunkBytes = Annotated[int, Query(ge=512, le=1024 * 1024)]


class FileCopy(BaseModel):
    """A file that was written, read back and removed."""

    written_bytes: int
    read_bytes: int


CpuMode = Literal["inline", "thread", "process"]
Rounds = Annotated[int, Query(ge=1, le=10_000_000)]
Parts = Annotated[int, Query(ge=1, le=8)]


class Computed(BaseModel):
    """The result of each part; it depends on the rounds alone."""

    mode: CpuMode
    results: list[int]


class Echo(BaseModel):
    """The message a WebSocket client sent, beside the row it read."""

    message: str
    task: ListedTask | None
