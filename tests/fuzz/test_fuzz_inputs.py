"""What people write: plans, flags, forms, addresses. It is taken, or refused with a message."""

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gainbench.cli.app import app
from gainbench.cli.flags import PLAN_FLAGS
from gainbench.errors import GainbenchError
from gainbench.load.several.channel import Address
from gainbench.masking import mask_text, mask_words
from gainbench.plan import build, file
from gainbench.plan.expectation import parse_expectation
from gainbench.plan.flags import Flags, spelt
from gainbench.plan.units import duration_seconds, share
from gainbench.ui.forms import Refused, read_round_trip, read_start
from tests.ui.test_forms import VIEW

TABLES = "arms scenarios cells run profiles claim database control parity seeds a b mix smoke"
KEYS = "app command url env locustfile users rtt_ms pool workers trials name server baseline budget ready"
WORDS = st.sampled_from([*TABLES.split(), *KEYS.split()])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["a", "b", "mix", "5m", "2%", "private", "none", "mysql://u:p@h/", "{port}", "{prot}", "-1"]
    ),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
SOUND: dict[str, Any] = {
    "arms": {"a": {"app": "a:app"}, "b": {"command": ["serve", "--port", "{port}"]}},
    "scenarios": {"mix": {"locustfile": "mix.py"}},
    "cells": [{"scenario": "mix", "users": [4], "rtt_ms": [0.1]}],
}


@given(st.dictionaries(WORDS, TREES, max_size=6), st.lists(WORDS, max_size=3), TREES)
def test_any_tables_become_a_plan_or_a_message(tables: dict[str, Any], path: list[str], value: Any) -> None:
    changed: Any = {**SOUND, **tables}
    at = changed
    for key in path[:-1]:
        if isinstance(at, dict) and isinstance(at.get(key), dict):
            at[key] = at = dict(at[key])
    if path and isinstance(at, dict):
        at[path[-1]] = value
    try:
        build.build(file.parse(changed, "here"), Flags(), folder=Path("/nowhere"), name="plan")
    except GainbenchError as error:
        assert error.message  # noqa: PT017 (it may or may not be refused)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_plan_file_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("plan") / "bench.toml"
    path.write_bytes(content)
    with pytest.raises(GainbenchError):
        build.load_plan(path)


FLAG_NAMES = [spelt(flag.field) for flag in PLAN_FLAGS] + ["--plan", "--a", "--b", "--locustfile"]
VALUES = st.one_of(
    st.text(string.printable, max_size=12), SCALARS.map(str), st.sampled_from(["smoke", "a,b", "0,1"])
)


@given(st.lists(st.tuples(st.sampled_from(FLAG_NAMES), VALUES), max_size=4))
def test_any_flags_are_taken_or_refused(given_flags: list[tuple[str, str]]) -> None:
    words = [word for pair in given_flags for word in pair]
    ended = CliRunner().invoke(app, ["bench", "--dry-run", *words])
    assert ended.exit_code in (0, 2) or isinstance(ended.exception, GainbenchError), ended.exception


@given(
    st.dictionaries(
        st.sampled_from(["user_count", "spawn_rate", "scenario", "mode", "round_trip_ms", "run_time"]), VALUES
    )
)
def test_any_form_is_an_order_or_refused(form: dict[str, str]) -> None:
    for read in (read_start, read_round_trip):
        try:
            read(form, VIEW)
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017


@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    for read in (duration_seconds, share, parse_expectation):
        try:
            read(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017
    try:
        Address.parse(text)
    except GainbenchError as error:
        assert error.message  # noqa: PT017 (it may or may not be refused)


PASSWORDS = st.text(string.ascii_letters + string.digits + "!$%*+-.", min_size=6, max_size=20)


@given(
    PASSWORDS, st.text(string.ascii_lowercase, min_size=1, max_size=8), st.text(string.printable, max_size=30)
)
def test_a_password_in_its_place_never_comes_through(password: str, user: str, around: str) -> None:
    assume(password not in around and password not in user)
    assume(not password.startswith("--"))  # after a flag, that is the next flag
    for text in (
        f"mysql://{user}:{password}@host/db",
        f"DB_PASS={password}",
        f"Authorization: Bearer {password}abc",
    ):
        assert password not in mask_text(f"{text} {around}")
    assert password not in " ".join(mask_words(["serve", "--password", password, "--auth-token", password]))
