"""One line of ``blocks.jsonl``: a JSON payload in an envelope that carries its checksum.

The checksum is taken over the payload's exact bytes, so that an edited line is noticed even where the edit
leaves valid JSON; and it goes on from that of the line before, so that whole lines cannot be removed,
repeated or moved unnoticed. It guards against accidents, not against forgers. Knows nothing of files.
"""

import json
import zlib
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gainbench.store.records import Line, Record

SCHEMA: Literal[1] = 1

Purpose = Literal["bench", "map", "explain", "claims", "prove", "null", "predict", "faults", "ui"]


class Header(Record):
    """The first line: which schema the others follow, and which run this is."""

    schema_version: Literal[1] = Field(default=SCHEMA, alias="schema")
    kind: Literal["header"] = "header"
    id: str
    started: str
    gainbench: str
    purpose: Purpose = "bench"
    baseline_run: str | None = None  # a folder: the run to be held beside this one


class FileSum(Record):
    """What a file beside the record holds from here on: a plan edited later would change the verdict."""

    kind: Literal["file"] = "file"
    name: str
    crc32: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "FileSum":
        return cls(name=name, crc32=f"{zlib.crc32(content):08x}")


class DamagedLine(ValueError):
    """The line is not what was once written, or not where."""

    def __init__(self) -> None:
        super().__init__(
            "was edited, or lines before it were removed, repeated or moved: its checksum does not fit"
        )


class NewerSchema(ValueError):
    """The record follows a schema this version does not know."""

    def __init__(self, schema: object) -> None:
        super().__init__(f"schema {schema}")
        self.schema = schema


_LINE: TypeAdapter[Line | FileSum] = TypeAdapter(Annotated[Line | FileSum, Field(discriminator="kind")])
_PREFIX = '{"crc32":"%08x","line":'
_PREFIX_LENGTH = len(_PREFIX % 0)
_CHECKSUM = slice(_PREFIX.index("%"), _PREFIX.index("%") + 8)


def encode(line: Line | FileSum | Header, *, after: int = 0) -> bytes:
    """Write a line down; `after` is the checksum of the line before it, 0 for the first."""
    payload = line.model_dump_json(by_alias=True).encode()
    return (_PREFIX % zlib.crc32(payload, after)).encode() + payload + b"}\n"


def decode(text: bytes, *, after: int) -> Line | FileSum:
    """Read a line back; raise DamagedLine where its checksum, its place or its shape is wrong."""
    return _LINE.validate_json(_payload(text, after))


def checksum(text: bytes) -> int:
    """The checksum that a line carries, for the line after it."""
    return int(text[_CHECKSUM], 16)


def decode_header(text: bytes) -> Header:
    """Read the first line; raise NewerSchema before judging anything else that a later version may change."""
    schema = _declared_schema(text)
    if schema is not None and schema != SCHEMA:
        raise NewerSchema(schema)
    return Header.model_validate_json(_payload(text, 0))


def _payload(text: bytes, after: int) -> bytes:
    body = text.rstrip(b"\n")
    payload = body[_PREFIX_LENGTH:-1]
    if body != (_PREFIX % zlib.crc32(payload, after)).encode() + payload + b"}":
        raise DamagedLine
    return payload


def _declared_schema(text: bytes) -> object:
    try:
        envelope = json.loads(text)
    except ValueError:
        return None
    line = envelope.get("line") if isinstance(envelope, dict) else None
    return line.get("schema") if isinstance(line, dict) else None
