"""Secrets, told by name, by place or by having been met: they are hidden wherever they appear."""

from pathlib import Path

import pytest

from gainbench import masking
from gainbench.masking import inheritable, mask_counts, mask_environment, mask_files, mask_text, remember


@pytest.mark.parametrize(
    "name",
    ["SMTP_PASS", "MYSQL_PWD", "AUTH", "API_TOKEN", "SIGNING_KEY", "CLIENT_SECRET", "aws_credentials"],
)
def test_the_value_of_a_name_that_tells_of_a_secret_is_hidden(name: str) -> None:
    assert mask_environment({name: "hunter2", "POOL_SIZE": "40"}) == {name: "***", "POOL_SIZE": "40"}
    assert mask_text(f"{name}=hunter2 POOL_SIZE=40") == f"{name}=*** POOL_SIZE=40"


def test_our_own_setting_that_is_named_like_one_is_shown() -> None:
    assert mask_environment({"THREAD_TOKENS": "40"}) == {"THREAD_TOKENS": "40"}


def test_what_stands_behind_a_scheme_is_hidden() -> None:
    assert mask_text("sent Authorization: Bearer abc.def-123 twice") == "sent Authorization: Bearer *** twice"


def test_what_was_met_is_hidden_wherever_it_appears_and_in_urls_as_they_are_written() -> None:
    remember("p@ss/word")
    assert mask_text("login with 'p@ss/word' at db/p%40ss%2Fword") == "login with '***' at db/***"
    assert mask_counts({"no p@ss/word": 2, "no ***": 1}) == {"no ***": 3}


def test_a_bearer_s_token_is_met_with_its_scheme_and_without() -> None:
    masking.remember_named({"AUTH": "Bearer abcdefgh", "URL": "redis://:hunter2@cache/", "PORT": "6379"})
    assert mask_text("abcdefgh hunter2 6379") == "*** *** 6379"


def test_what_is_too_short_to_be_told_from_other_text_is_not_looked_for() -> None:
    remember("root")
    assert mask_text("root@localhost") == "root@localhost"


def test_logs_are_rewritten_without_what_was_met(tmp_path: Path) -> None:
    log, other, outside = (tmp_path / name for name in ("log", "other", "outside"))
    log.write_bytes(b"\xff connecting as hunter22\n")
    other.write_text("nothing")
    outside.write_text("hunter22")
    (tmp_path / "link").symlink_to(outside)
    remember("hunter22")
    before = other.stat().st_mtime_ns
    mask_files([log, other, tmp_path / "link", tmp_path])
    assert log.read_bytes() == b"\xff connecting as ***\n"
    assert other.stat().st_mtime_ns == before
    assert outside.read_text() == "hunter22"


def test_others_do_not_inherit_what_is_for_this_program_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAINBENCH_SECRET", "between master and workers")
    monkeypatch.setenv("GAINBENCH_DB_URL", "mysql://root:hunter2@db/")
    monkeypatch.setenv("HARMLESS", "yes")
    assert "HARMLESS" in inheritable()
    assert not {"GAINBENCH_SECRET", "GAINBENCH_DB_URL"} & inheritable().keys()
