"""Run directories that somebody has made: whatever they hold, figures come of them or a message."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainbench.analyse.summary import summarise
from gainbench.errors import GainbenchError
from gainbench.report import junit, markdown
from gainbench.report.advice import advice
from gainbench.store import load_run
from tests.runs import store

PREFIX = '{"crc32":"%08x","line":'
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 0.0, -1, 1e308, 1e-308, "", "async", "x" * 1000, "\x1b[2J\x9b", [], {}]),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store(tmp_path_factory.mktemp("sound"))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a tree at which something can be put."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, child in inner for deeper in places(child, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


def sealed(payloads: list[Any]) -> bytes:
    """With checksums that fit, as somebody who knows the format would write them."""
    out, before = b"", 0
    for payload in payloads:
        text = json.dumps(payload).encode()
        before = zlib.crc32(text, before)
        out += (PREFIX % before).encode() + text + b"}\n"
    return out


def read_whole(path: Path) -> None:
    try:
        run = load_run(path)
        results = summarise(run)
        advice(results)
        markdown.render(results)
        junit.render(results)
    except GainbenchError as error:
        assert error.message  # noqa: PT017 (it may or may not be refused)


@given(st.data())
def test_a_record_with_anything_anywhere_gives_figures_or_a_message(sound: Path, data: st.DataObject) -> None:
    record = sound / "blocks.jsonl"
    before = record.read_bytes()
    payloads = [json.loads(line)["line"] for line in before.splitlines()]
    for _ in range(data.draw(st.integers(1, 2))):
        number = data.draw(st.integers(0, len(payloads) - 1))
        path = data.draw(st.sampled_from(places(payloads[number])))
        payloads[number] = changed(payloads[number], path, data.draw(VALUES))
    try:
        record.write_bytes(sealed(payloads))
        read_whole(sound)
    finally:
        record.write_bytes(before)


@given(st.sampled_from(["blocks.jsonl", "plan.toml", "environment.json"]), st.data())
def test_a_file_with_bytes_changed_is_refused_or_changes_nothing(
    sound: Path, name: str, data: st.DataObject
) -> None:
    """A figure never comes of a file that is not what was written."""
    file = sound / name
    before = file.read_bytes()
    whole = load_run(sound)
    at = data.draw(st.integers(0, len(before) - 1))
    length = data.draw(st.integers(0, 40))
    content = before[:at] + data.draw(st.binary(max_size=20)) + before[at + length :]
    try:
        file.write_bytes(content)
        run = load_run(sound)
    except GainbenchError:
        return
    finally:
        file.write_bytes(before)
    assert run.lines == whole.lines[: len(run.lines)]
    assert len(run.lines) == len(whole.lines) or run.warnings
