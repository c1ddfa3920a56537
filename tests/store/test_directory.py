import errno
import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.store import RunDirectory, load_run
from gainbench.store.lines import checksum, decode
from gainbench.store.records import End
from tests.runs import NOW, lines, plan, store

END = End(status="complete", seconds=120.0)


def test_a_run_is_named_by_its_utc_time_and_its_plan(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path / "reports", "bench", now=NOW)
    assert directory.path.name == "20261121T093000Z-bench"
    assert directory.logs.is_dir()


def test_two_runs_of_the_same_second_never_share_a_folder(tmp_path: Path) -> None:
    first, second = (RunDirectory.create(tmp_path, "bench", now=NOW).path for _ in range(2))
    assert second.name == "20261121T093000Z-bench-2"
    assert first.is_dir()


def test_latest_points_to_the_newest_run_and_moves_with_the_folder(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path, "bench", now=NOW)
    newest = RunDirectory.create(tmp_path, "map", now=NOW + timedelta(minutes=5))
    assert (tmp_path / "latest").resolve() == newest.path
    assert not (tmp_path / "latest").readlink().is_absolute()
    assert {entry.name for entry in tmp_path.iterdir()} == {
        "latest",
        "20261121T093000Z-bench",
        "20261121T093500Z-map",
    }


def test_every_line_is_json_with_a_checksum_behind_a_header_that_names_the_schema(tmp_path: Path) -> None:
    path = store(tmp_path)
    written = [json.loads(line) for line in (path / "blocks.jsonl").read_text().splitlines()]
    assert written[0]["line"] == {
        "schema": 1,
        "kind": "header",
        "id": "20261121T093000Z-bench",
        "started": "2026-11-21T09:30:00Z",
        "gainbench": "0.1.0",
        "purpose": "bench",
        "baseline_run": None,
    }
    assert [line["line"]["kind"] for line in written[1:]] == [
        "file",
        "file",
        "parity",
        *("comb", "comb", "trial") * 3,  # the first of a trial is its warm-up
        "end",
    ]
    assert all(len(line["crc32"]) == 8 for line in written)


def test_what_is_appended_is_read_back_unchanged(tmp_path: Path) -> None:
    record = lines(plan())
    assert load_run(store(tmp_path, record=record)).lines == tuple(record)


def test_an_output_path_that_is_a_file_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("not a folder")
    with pytest.raises(EnvironmentLacking, match="cannot write") as refused:
        RunDirectory.create(tmp_path / "reports", "bench", now=NOW)
    assert "--out DIR" in (refused.value.cure or "")


def test_a_folder_that_nobody_can_write_to_is_named_with_its_cure() -> None:
    with pytest.raises(EnvironmentLacking, match="cannot write /sys/reports") as refused:
        RunDirectory.create(Path("/sys/reports"), "bench", now=NOW)
    assert "--out DIR" in (refused.value.cure or "")


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Writing beyond `size` bytes fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_written_before_readable(tmp_path: Path) -> None:
    record = lines(plan(), end=False)
    path = store(tmp_path, record=record)
    size = (path / "blocks.jsonl").stat().st_size
    with pytest.raises(EnvironmentLacking) as refused, files_limited_to(size + 20):
        RunDirectory(path).append(END)
    assert refused.value.__cause__.errno == errno.EFBIG
    assert "free some space" in (refused.value.cure or "")
    assert (path / "blocks.jsonl").stat().st_size == size
    assert load_run(path).lines == tuple(record)


def test_a_stored_run_that_nobody_can_write_to_is_to_be_copied() -> None:
    with pytest.raises(EnvironmentLacking, match="cannot write") as refused:
        RunDirectory(Path("/sys")).write_text("summary.md", "")
    assert "--out" not in (refused.value.cure or "")
    assert "copy the whole run" in (refused.value.cure or "")


def test_a_plan_whose_checksum_finds_no_room_leaves_the_old_one_in_place(tmp_path: Path) -> None:
    path = store(tmp_path)
    size = (path / "blocks.jsonl").stat().st_size
    before = load_run(path)
    with pytest.raises(EnvironmentLacking), files_limited_to(size + 20):
        RunDirectory(path).write_text("plan.toml", "[arms]")
    assert load_run(path) == before


def test_a_line_goes_on_from_the_one_before_it_however_long_that_is(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "bench", now=NOW)
    record = directory.path / "blocks.jsonl"
    for length in (1, 64 * 1024 - 1, 64 * 1024, 300_000):
        directory.append(END.model_copy(update={"reason": "x" * length}))
        last_but_one, last = record.read_bytes().splitlines(keepends=True)[-2:]
        assert decode(last, after=checksum(last_but_one)).kind == "end"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "bench", now=NOW)
    directory.write_text("summary.md", "the old summary")
    with pytest.raises(EnvironmentLacking), files_limited_to(50):
        directory.write_text("summary.md", "the new summary" * 10)
    assert (directory.path / "summary.md").read_text() == "the old summary"
    assert not list(directory.path.glob(".*"))


def test_a_reopened_run_loses_its_torn_last_line_and_goes_on(tmp_path: Path) -> None:
    record = lines(plan(), end=False)
    path = store(tmp_path, record=record)
    with (path / "blocks.jsonl").open("ab") as file:
        file.write(b'{"crc32":"00000000","line":{"kind":"com')
    RunDirectory.reopen(path).append(END)
    run = load_run(path)
    assert run.lines == (*record, END)
    assert not run.warnings


def test_only_its_owner_can_read_a_run_whose_plan_may_hold_a_password(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "bench", now=NOW)
    directory.write_text("plan.toml", "[database]\n")
    for path in (directory.path, *directory.path.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_link_in_a_run_directory_has_nothing_written_outside_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("somebody else's")
    directory = RunDirectory.create(tmp_path / "reports", "bench", now=NOW)
    for name in ("plan.toml", ".plan.toml.partial", "summary.md", ".summary.md.partial"):
        (directory.path / name).symlink_to(outside)
    directory.write_text("plan.toml", "[database]\n")
    directory.write_text("summary.md", "# Summary\n")
    record = directory.path / "blocks.jsonl"
    record.unlink()
    record.symlink_to(outside)
    with pytest.raises(EnvironmentLacking, match="cannot write"):
        directory.append(END)
    assert outside.read_text() == "somebody else's"


def test_a_run_whose_logs_lie_elsewhere_is_not_gone_on_with(tmp_path: Path) -> None:
    path = store(tmp_path)
    (path / "logs").rmdir()
    (path / "logs").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="is a link"):
        RunDirectory.reopen(path)


def test_what_a_terminal_would_obey_is_written_into_no_file(tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "bench", now=NOW)
    directory.write_text("summary.md", "a\x1b]0;title\x07b\x9b2Jc\td\n")
    assert (directory.path / "summary.md").read_text() == "a\ufffd]0;title\ufffdb\ufffd2Jc\td\n"
