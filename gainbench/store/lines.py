"""One line of ``blocks.jsonl``: a JSON payload in an envelope that carries its checksum.

The checksum is taken over the payload's exact bytes, so that an edited line is noticed even where the edit
leaves valid JSON. Knows nothing of files.
"""

import json
import zlib
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from gainbench.records import Line, Record

SCHEMA: Literal[1] = 1

Purpose = Literal["bench", "map", "explain", "claims", "null", "predict", "ui"]


class Header(Record):
    """The first line: which schema the others follow, and which run this is."""

    schema_version: Literal[1] = Field(default=SCHEMA, alias="schema")
    kind: Literal["header"] = "header"
    id: str
    started: str
    gainbench: str
    purpose: Purpose = "bench"


class DamagedLine(ValueError):
    """The line is not what was once written."""


class NewerSchema(ValueError):
    """The record follows a schema this version does not know."""

    def __init__(self, schema: object) -> None:
        super().__init__(f"schema {schema}")
        self.schema = schema


_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])
_PREFIX = '{"crc32":"%08x","line":'
_PREFIX_LENGTH = len(_PREFIX % 0)


def encode(line: Line | Header) -> bytes:
    payload = line.model_dump_json(by_alias=True).encode()
    return (_PREFIX % zlib.crc32(payload)).encode() + payload + b"}\n"


def decode(text: bytes) -> Line:
    """Read a line back; raise DamagedLine where its checksum or its shape is wrong."""
    return _LINE.validate_json(_payload(text))


def decode_header(text: bytes) -> Header:
    """Read the first line; raise NewerSchema before judging anything else that a later version may change."""
    schema = _declared_schema(text)
    if schema is not None and schema != SCHEMA:
        raise NewerSchema(schema)
    return Header.model_validate_json(_payload(text))


def _payload(text: bytes) -> bytes:
    body = text.rstrip(b"\n")
    payload = body[_PREFIX_LENGTH:-1]
    if body != (_PREFIX % zlib.crc32(payload)).encode() + payload + b"}":
        raise DamagedLine("its checksum does not fit its content")
    return payload


def _declared_schema(text: bytes) -> object:
    try:
        envelope = json.loads(text)
    except ValueError:
        return None
    line = envelope.get("line") if isinstance(envelope, dict) else None
    return line.get("schema") if isinstance(line, dict) else None
