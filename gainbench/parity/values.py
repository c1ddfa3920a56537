"""Strategies for values: those that a JSON schema allows, and odd ones that any server may meet.

Knows JSON schemas as far as FastAPI writes them; what it does not know is drawn as any small value. Whether
the server takes a value is not decided here: all arms must only agree on it.
"""

import string
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from gainbench.parity.operations import Schema, resolved

Values = st.SearchStrategy[Any]

LONGEST_TEXT = 20
LONGEST_ODD_TEXT = 64
DEEPEST = 5  # a schema that contains itself ends here
FAR = 2**31

ALPHABET = string.ascii_letters + string.digits + " _-.,:;/\\'\"%&<>\t\nàß中あ\u0301\u202e🧺💥\u0000"
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**31, 2**63, 10**30),
    *("", " ", "null", "\u0000", "\ud800", "a" * 5000, "💥" * 1025, "0", "-1", "abc", "../../x", "1e3"),
    *("2026-02-30", "2026-13-01", "0000-00-00", "9999-12-31", "10000-01-01", "2026-1-1", "١٩٩٩-٠١-٠١"),
    *([], {}, [1], {"a": 1}),
)

odd = st.sampled_from(ODD)
odd_text = st.sampled_from(
    [text for text in map(str, ODD) if 0 < len(text) < LONGEST_ODD_TEXT and "\ud800" not in text]
)


def valid(schema: Schema, document: Schema, depth: int = 0) -> Values:
    """Values that the schema allows; where that is hard to hit exactly, values near its bounds."""
    schema = resolved(schema, document)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([valid(choice, document, depth) for choice in schema[key]])
    if "allOf" in schema:
        merged: dict[str, Any] = {}
        for part in schema["allOf"]:
            merged |= resolved(part, document)
        return valid(merged, document, depth)
    return _of_type(schema, document, depth)


def _of_type(schema: Schema, document: Schema, depth: int) -> Values:
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([_of_type({**schema, "type": each}, document, depth) for each in kind])
    build = _BUILDERS.get(kind) if depth < DEEPEST else None
    return ANYTHING if build is None else build(schema, document, depth + 1)


def _strings(schema: Schema, _: Schema, __: int) -> Values:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    least = schema.get("minLength", 0)
    most = schema.get("maxLength", max(LONGEST_TEXT, least))
    short = _text(least, min(most, least + LONGEST_TEXT))
    return short | st.sampled_from(("x" * most, "💥" * most))


def _integers(schema: Schema, _: Schema, __: int) -> Values:
    low, high = _bounds(schema, step=1)
    return st.integers(low, high) | st.just(high)


def _numbers(schema: Schema, _: Schema, __: int) -> Values:
    low, high = _bounds(schema, step=0.5)
    return st.floats(low, high, allow_nan=False)


def _bounds(schema: Schema, *, step: float) -> tuple[Any, Any]:
    """The bounds that the schema names; a bound that it does not name lies far from the other."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    if high is None and "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    if low is None:
        low = -FAR if high is None else high - FAR
    return low, low + FAR if high is None else max(low, high)


def _arrays(schema: Schema, document: Schema, depth: int) -> Values:
    items = valid(schema.get("items", {}), document, depth)
    least = schema.get("minItems", 0)
    return st.lists(items, min_size=least, max_size=min(schema.get("maxItems", least + 3), least + 3))


def _objects(schema: Schema, document: Schema, depth: int) -> Values:
    fields = {name: valid(each, document, depth) for name, each in schema.get("properties", {}).items()}
    required = {name: fields.pop(name) for name in schema.get("required", ()) if name in fields}
    return st.fixed_dictionaries(required, optional=fields)


def _text(least: int, most: int) -> Values:
    # Hypothesis' own text() first reads all of Unicode, which takes longer than a whole gate may.
    return st.lists(st.sampled_from(ALPHABET), min_size=least, max_size=most).map("".join)


ANYTHING: Values = st.none() | st.integers(0, 9) | _text(0, LONGEST_TEXT)
_BUILDERS: dict[str | None, Callable[[Schema, Schema, int], Values]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
    "array": _arrays,
    "object": _objects,
}
_FORMATS: dict[str, Values] = {
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    "uuid": st.uuids().map(str),
    "email": st.sampled_from(("ada@example.org", "emile+list@example.org")),
}


def weighted(*choices: tuple[int, Values]) -> Values:
    """One of the choices, as often as its weight says; the first is the plainest."""
    pool = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.sampled_from(range(len(pool))).flatmap(pool.__getitem__)  # one_of would count each once


@st.composite
def spoilt(draw: st.DrawFn, objects: Values) -> Any:
    """An allowed object with one thing wrong: a field missing, of another kind, or too many."""
    value = draw(objects)
    if not isinstance(value, dict):
        return draw(odd)
    name = draw(st.sampled_from([*value, "unexpected"]))
    if name in value and draw(st.booleans()):
        return {key: kept for key, kept in value.items() if key != name}
    return {**value, name: draw(odd)}
