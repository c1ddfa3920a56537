"""What a run leaves on a server that was away when it ended, and who removes it."""

import os
from pathlib import Path

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database import leftovers, sql
from gainbench.stack.database.dialects import dialect_named
from gainbench.stack.database.leftovers import Journal, drop_abandoned, drop_all
from gainbench.stack.database.server import DatabaseServer

NOWHERE = sql.Endpoint(dialect_named(None), "127.0.0.1", 9, "root", "")


def test_a_server_that_is_away_is_waited_for_and_what_it_holds_is_named(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "gainbench_1_", NOWHERE)
    journal.note("gainbench_1_async", "gainbench_user")
    with pytest.raises(EnvironmentLacking, match="left there: gainbench_1_async, gainbench_user"):
        drop_all(NOWHERE, journal, patience=0.5)
    assert journal.entries() == [("gainbench_1_async", "gainbench_user")]


def test_only_the_journal_of_a_run_that_is_gone_is_abandoned_and_only_on_its_server(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "gainbench_1_", NOWHERE)
    assert not journal.is_abandoned_on(NOWHERE)
    text = journal.path.read_text()
    for owner in (f'[{os.getpid()}, "1"]', '[4194305, "1"]'):  # a number used again; one that none has
        start = text.index("[")
        journal.path.write_text(text[:start] + owner + "}\n")
        assert journal.is_abandoned_on(NOWHERE)
        assert not journal.is_abandoned_on(sql.Endpoint(dialect_named(None), "127.0.0.1", 10, "root", ""))


def test_a_journal_that_was_cut_off_or_cannot_be_carried_out_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "gainbench_2_to_drop.jsonl").write_text('{"server": "127')
    journal = Journal.begin(tmp_path, "gainbench_1_", NOWHERE)
    journal.note("gainbench_1_async", "gainbench_user")
    gone = journal.path.read_text().replace(f"[{os.getpid()},", "[4194305,")
    journal.path.write_text(gone)
    assert journal.is_abandoned_on(NOWHERE)
    drop_abandoned(NOWHERE, tmp_path)
    assert journal.path.read_text() == gone


def test_names_that_are_not_ours_are_dropped_by_nobody(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, "gainbench_1_", NOWHERE)
    journal.note("mysql", "root")
    journal.note("gainbench_x`; DROP DATABASE mysql", "gainbench_user")
    journal.note("gainbench_x", "gainbench_user")
    assert journal.entries() == [("gainbench_x", "gainbench_user")]


@pytest.mark.database
def test_the_next_run_removes_what_an_abandoned_one_left(
    database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = database.administrator
    journal = Journal.begin(tmp_path, "gainbench_1_", administrator)
    journal.note("gainbench_1_async", "gainbench_left")
    sql.run(administrator, "CREATE DATABASE gainbench_1_async; CREATE USER gainbench_left")
    monkeypatch.setattr(leftovers, "_start_of", lambda pid: None)
    drop_abandoned(administrator, tmp_path)
    assert not journal.path.exists()
    assert ("gainbench_1_async",) not in sql.query(administrator, "SHOW DATABASES")
    assert not sql.query(administrator, "SELECT user FROM mysql.user WHERE user = 'gainbench_left'")
