"""Placeholders in commands and environments of a plan."""

from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError
from gainbench.stack.arms.placeholders import ArmDatabase, for_arm, for_seed
from gainbench.stack.database.dialects import dialect_named
from gainbench.stack.database.sql import Endpoint

DATABASE = ArmDatabase(Endpoint(dialect_named(None), "127.0.0.1", 23456, "ann", "p@ss"), "gainbench_legacy")


def test_every_placeholder_has_its_value() -> None:
    filled = for_arm("legacy", port=8000, workers=2, scratch=Path("/s"), database=DATABASE).fill_all(
        [
            "--port={port}",
            "--workers={workers}",
            "{db_user}:{db_password}@{db_host}:{db_port}/{db_name}",
            "{db_url}",
            "{scratch}/up",
        ]
    )
    assert filled == [
        "--port=8000",
        "--workers=2",
        "ann:p@ss@127.0.0.1:23456/gainbench_legacy",
        "mysql://ann:p%40ss@127.0.0.1:23456/gainbench_legacy",
        "/s/up",
    ]


def test_other_braces_stay_as_they_are() -> None:
    placeholders = for_seed("todo", product="mysql")
    text = '{"a": {}} ${HOME} {0} {ports}'
    assert placeholders.fill(text) == text


def test_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    sly = ArmDatabase(Endpoint(dialect_named(None), "h", 1, "{port}", "p"), "n")
    assert for_arm("a", port=2, workers=1, scratch=Path("/s"), database=sly).fill("{db_user}") == "{port}"


def test_database_placeholder_without_a_database_names_arm_and_cure() -> None:
    placeholders = for_arm("legacy", port=8000, workers=2, scratch=Path("/s"), database=None)
    with pytest.raises(ConfigurationError, match=r"arm 'legacy' uses \{db_name\}") as caught:
        placeholders.fill_values({"DATABASE": "{db_name}"})
    assert "private" in (caught.value.cure or "")


def test_placeholder_of_an_arm_in_a_seed_names_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match=r"seed 'todo' uses \{port\}") as caught:
        for_seed("todo", product="mysql").fill("{port}")
    assert "python" in (caught.value.cure or "")
