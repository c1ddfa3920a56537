"""Strategies for requests and sequences of them. A request is a value; it is sent elsewhere.

A path may refer to what an earlier request of the sequence created: the id is known only when the arm has
answered, and each arm has its own.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from gainbench.parity import values
from gainbench.parity.operations import Body, Operation, Parameter, Schema, resolved

LONGEST_SEQUENCE = 8
BOUNDARY = "gainbench-boundary"  # fixed, so that all arms get the same bytes
UNSAFE_METHODS = ("POST", "PUT", "PATCH", "DELETE")
FALLBACK_ID = "1"


@dataclass(frozen=True)
class Created:
    """The id of what was last created at this path."""

    path: str


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # with its placeholders
    in_path: tuple[tuple[str, str | Created], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def target(self, created: Mapping[str, str]) -> str:
        """Path and query as they are sent, given the ids that this arm gave."""
        path = self.path
        for name, value in self.in_path:
            text = created.get(value.path, FALLBACK_ID) if isinstance(value, Created) else value
            path = path.replace(f"{{{name}}}", quote(text, safe=""))
        return f"{path}?{urlencode(self.query)}" if self.query else path


RequestSequence = tuple[Request, ...]
Form = Mapping[str, Any]


def sequences(operations: Sequence[Operation]) -> st.SearchStrategy[RequestSequence]:
    """Sequences that stay with one resource (``/tasks...``), so that its requests meet, or wander."""
    each = {operation.name: requests(operation) for operation in operations}
    groups = [
        tuple(operation.name for operation in group)
        for _, group in itertools.groupby(sorted(operations, key=_resource), _resource)
    ]
    choices = [*(group for group in groups if len(group) > 1), tuple(each)]
    return (
        st.sampled_from(choices)
        .flatmap(
            lambda names: st.lists(
                st.sampled_from(names).flatmap(each.__getitem__), min_size=1, max_size=LONGEST_SEQUENCE
            )
        )
        .map(tuple)
    )


def alternatives(
    operations: Sequence[Operation], sequence: RequestSequence
) -> st.SearchStrategy[RequestSequence]:
    """Sequences of the same operations, with other values."""
    known = {operation.name: operation for operation in operations}
    return st.tuples(*(requests(known[f"{request.method} {request.path}"]) for request in sequence))


def _resource(operation: Operation) -> str:
    return operation.path.split("/")[1]


def requests(operation: Operation) -> st.SearchStrategy[Request]:
    """One request of the operation, mostly as its document wants it."""
    document = operation.document
    headers = [
        st.tuples(st.just(parameter.name), _header_text(parameter, document))
        for parameter in operation.in_header
        if parameter.required
    ]
    in_path = [
        st.tuples(st.just(parameter.name), _path_value(parameter, operation))
        for parameter in operation.in_path
    ]
    bodies = [_bodies(body, document) for body in operation.bodies]
    return st.builds(
        partial(_request, operation.method, operation.path),
        in_path=st.tuples(*in_path),
        query=st.tuples(*(_query(parameter, operation) for parameter in operation.in_query)),
        headers=st.tuples(*headers),
        content=st.one_of(bodies) if bodies else st.none(),
    )


def _request(
    method: str,
    path: str,
    *,
    in_path: tuple[tuple[str, str | Created], ...],
    query: tuple[tuple[tuple[str, str], ...], ...],
    headers: tuple[tuple[str, str], ...],
    content: tuple[str, bytes] | None,
) -> Request:
    """The drawn parts put together."""
    pairs = tuple(itertools.chain.from_iterable(query))
    if content is None:
        return Request(method, path, in_path, pairs, headers)
    media_type, body = content
    return Request(method, path, in_path, pairs, (*headers, ("content-type", media_type)), body)


def _path_value(parameter: Parameter, operation: Operation) -> st.SearchStrategy[str | Created]:
    created = st.just(Created(operation.path.partition(f"/{{{parameter.name}}}")[0]))
    schema = resolved(parameter.schema, operation.document)
    if schema.get("type") == "integer":
        usual = st.integers(1, 9).map(str)
    else:
        usual = values.valid(schema, operation.document).map(str).filter(_can_be_sent)
    return values.weighted((4, usual), (4, created), (1, values.odd_text))


def _query(parameter: Parameter, operation: Operation) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    usual = values.valid(parameter.schema, operation.document).map(_texts)
    texts = values.weighted((4, usual), (1, values.odd_text.map(lambda text: (text,))))
    pairs = texts.map(lambda each: tuple((parameter.name, text) for text in each if _can_be_sent(text)))
    return pairs if parameter.required else st.just(()) | pairs


def _header_text(parameter: Parameter, document: Schema) -> st.SearchStrategy[str]:
    text = values.valid(parameter.schema, document).map(str)
    return text.filter(lambda each: each.isascii() and each.isprintable())


def _texts(value: Any) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in many)


def _can_be_sent(text: str) -> bool:
    return bool(text) and "\ud800" not in text


def _bodies(body: Body, document: Schema) -> st.SearchStrategy[tuple[str, bytes]]:
    """A body and its content type: as wanted, with one thing wrong, or not even of its kind."""
    kind = body.media_type
    well_formed = values.valid(body.schema, document)
    content = values.weighted((3, well_formed), (1, values.spoilt(well_formed)))
    if kind == "multipart/form-data":
        fields = _with_files(content, body.schema, document)
        whole = fields.map(_multipart)
        cut = whole.map(lambda text: text[: len(text) // 2])
        full_kind = f"{kind}; boundary={BOUNDARY}"
        return st.tuples(st.just(full_kind), values.weighted((9, whole), (1, cut)))
    if kind == "application/x-www-form-urlencoded":
        return st.tuples(st.just(kind), content.map(_urlencoded))
    if kind.endswith("json"):
        text = content.map(lambda value: json.dumps(value).encode())
        return st.tuples(st.just(kind), values.weighted((9, text), (1, MALFORMED_JSON)))
    return st.tuples(st.just(kind), st.binary(max_size=64))


MALFORMED_JSON = st.sampled_from(
    (b"", b"{", b"[]", b"null", b'{"a": }', b"\xff\xfe", b"{'a': 1}", b'{"a": NaN}', b"1" * 5000)
)


@dataclass(frozen=True)
class File:
    name: str
    content: bytes


FILES = st.sampled_from(
    (
        File("pixel.png", b"\x89PNG\r\n\x1a\n" + bytes(32)),
        File("é 🧺.png", b"\x89PNG\r\n\x1a\n" + bytes(5000)),
        File("../../pixel.png", b"\x89PNG\r\n\x1a\n" + bytes(32)),
        File("pixel.png", b"no picture"),
        File("empty.png", b""),
        File("notes.txt", b"a text"),
        File("pixel", b"\xff\xd8\xff" + bytes(32)),
    )
)


def _with_files(content: values.Values, schema: Schema, document: Schema) -> st.SearchStrategy[Form]:
    """The fields of a form; those that are to be files are files, mostly."""
    properties = resolved(schema, document).get("properties", {})
    wanted = [name for name, each in properties.items() if _is_file(each, document)]
    files = st.fixed_dictionaries({name: values.weighted((2, FILES), (1, st.none())) for name in wanted})
    return st.builds(_with_files_in, content, files)


def _with_files_in(value: Any, files: Mapping[str, File | None]) -> Form:
    fields = dict(value) if isinstance(value, dict) else {"unexpected": value}
    return fields | {name: file for name, file in files.items() if file is not None and name in fields}


def _is_file(schema: Schema, document: Schema) -> bool:
    schema = resolved(schema, document)
    if "contentMediaType" in schema or schema.get("format") == "binary":
        return True
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(_is_file(part, document) for part in (*parts, *filter(None, [schema.get("items")])))


def _multipart(fields: Form) -> bytes:
    parts = []
    for name, value in fields.items():
        disposition = f'form-data; name="{name}"'
        if isinstance(value, File):
            disposition += f'; filename="{value.name}"'
            content = value.content
        else:
            content = _form_text(value).encode("utf-8", "surrogatepass")
        parts.append(
            b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n"
            % (BOUNDARY.encode(), disposition.encode(), content)
        )
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY.encode()


def _urlencoded(value: Any) -> bytes:
    fields = value if isinstance(value, dict) else {"unexpected": value}
    texts = {name: _form_text(each) for name, each in fields.items()}
    return urlencode(texts, errors="surrogatepass").encode()


def _form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
