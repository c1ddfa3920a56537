import errno
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gainbench.analyse.summary import summarise
from gainbench.errors import ConfigurationError
from gainbench.store import RunDirectory, last_null_run, load_results, load_run
from gainbench.store.environment import Environment
from gainbench.store.lines import Header, encode
from gainbench.store.reading import last_bench, runs_before
from gainbench.store.records import Collapse, End
from tests.runs import ENVIRONMENT, NOW, cell, comb, lines, plan, store


def refusal(path: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        load_run(path)
    return refused.value


def test_a_run_is_sorted_into_its_kinds(tmp_path: Path) -> None:
    run = load_run(store(tmp_path))
    assert run.id == "20261121T093000Z-bench"
    assert run.started == "2026-11-21T09:30:00Z"
    assert [comb.trial for comb in run.combs] == [0, 1, 2]
    assert [comb.phase for comb in run.all_combs] == ["warm-up", "comb"] * 3
    assert run.next_comb == 6
    assert [trial.number for trial in run.trials] == [0, 1, 2]
    assert run.collapses == ()
    assert run.parity is not None
    assert run.parity.sequences == 40
    assert run.end == End(status="complete", seconds=180.0)
    assert run.plan.arm_names == ("blocking", "sync", "async")
    assert run.environment == ENVIRONMENT
    assert run.warnings == ()


def test_latest_is_read_as_the_run_it_points_to(tmp_path: Path) -> None:
    path = store(tmp_path)
    assert load_run(tmp_path / "latest").path == path


def test_a_missing_directory_a_file_and_an_empty_directory_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "none").message == f"there is no run directory {tmp_path}/none"
    assert refusal(tmp_path / "file").message == f"{tmp_path}/file is a file, not a run directory"
    assert "holds no blocks.jsonl" in refusal(tmp_path / "empty").message


def test_a_run_without_its_plan_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path)
    (path / "plan.toml").unlink()
    assert "holds no plan.toml" in refusal(path).message


def test_a_run_without_its_environment_is_read_with_a_warning(tmp_path: Path) -> None:
    path = store(tmp_path)
    (path / "environment.json").unlink()
    run = load_run(path)
    assert run.environment == Environment()
    assert run.warnings == ("environment.json is missing: machine, versions and settings are unknown",)


def with_environment(path: Path, content: str) -> Path:
    """The run at `path`, whose record vouches for this environment."""
    RunDirectory(path).write_text("environment.json", content)
    return path


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_an_environment_that_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    assert "environment.json cannot be read: " in refusal(with_environment(store(tmp_path), content)).message


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ({"pinning": [0]}, "pinning"),
        ({"pinning": {"pinned": True, "arms_cores": 1}}, "pinning.arms_cores"),
        ({"pinning": {"pinned": "yes"}}, "pinning.pinned"),
        ({"settings": {"sync": "uvloop"}}, "settings.sync"),
        ({"commits": {"sync": {"commit": "1" * 40}}}, "commits.sync.modified"),
        ({"machine": {"cores": "2"}}, "machine.cores"),
        ({"command": ["gainbench"]}, "command"),
        ({"git": None}, "git"),
    ],
)
def test_an_environment_of_another_shape_is_refused_by_what_is_wrong_in_it(
    tmp_path: Path, part: dict[str, object], where: str
) -> None:
    whole = json.loads(ENVIRONMENT.model_dump_json())
    refused = refusal(with_environment(store(tmp_path), json.dumps({**whole, **part})))
    assert f"environment.json does not describe an environment: {where}: " in refused.message


def test_what_is_unknown_of_an_environment_is_no_reason_to_refuse_it(tmp_path: Path) -> None:
    unknown = ENVIRONMENT.model_copy(
        update={
            **dict.fromkeys(("command", "machine", "pinning", "database", "app_diff")),
            "commits": dict.fromkeys(ENVIRONMENT.commits),
        }
    )
    assert load_run(store(tmp_path, environment=unknown)).environment == unknown


def test_an_empty_record_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path)
    (path / "blocks.jsonl").write_bytes(b"")
    assert "the run ended before it had measured anything" in refusal(path).message


def test_a_run_cut_off_anywhere_keeps_the_lines_before_the_cut(tmp_path: Path) -> None:
    path = store(tmp_path)
    record = path / "blocks.jsonl"
    content = record.read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    whole = load_run(path).lines
    before = 3  # the header, and what it says of plan and environment
    for kept, end in enumerate(ends[:-1], start=1 - before):
        record.write_bytes(content[: end + 7])
        run = load_run(path)
        assert run.lines == whole[: max(kept, 0)]
        assert run.end is None
        assert run.warnings == (
            "the last line of blocks.jsonl is cut off: what it held is lost, all before it is used",
        )


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_an_edited_line_is_refused_by_its_number(tmp_path: Path, number: int) -> None:
    path = store(tmp_path)
    texts = (path / "blocks.jsonl").read_bytes().splitlines(keepends=True)
    assert b'"kind":' in texts[number - 1]
    texts[number - 1] = texts[number - 1].replace(b'"kind":', b'"kind": ')
    (path / "blocks.jsonl").write_bytes(b"".join(texts))
    assert refusal(path).message.startswith(f"line {number} of ")
    assert "its checksum does not fit" in refusal(path).message


@pytest.mark.parametrize(
    ("change", "number"),
    [
        pytest.param(lambda texts: texts[:4] + texts[5:], 5, id="a comb removed"),
        pytest.param(lambda texts: texts[:1] + texts[3:], 2, id="the files' sums removed"),
        pytest.param(lambda texts: texts[1:], 1, id="the header removed"),
        pytest.param(lambda texts: [*texts[:4], texts[4], *texts[4:]], 6, id="a comb repeated"),
        pytest.param(lambda texts: texts + texts[1:], 15, id="the whole record repeated"),
        pytest.param(lambda texts: [*texts[:4], texts[6], texts[5], texts[4], *texts[7:]], 5, id="moved"),
    ],
)
def test_lines_removed_repeated_or_moved_are_refused_where_they_were(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], number: int
) -> None:
    path = store(tmp_path)
    texts = (path / "blocks.jsonl").read_bytes().splitlines(keepends=True)
    assert len(texts) == 14
    (path / "blocks.jsonl").write_bytes(b"".join(change(texts)))
    assert refusal(path).message.startswith(f"line {number} of ")
    assert "removed, repeated or moved" in refusal(path).message


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("plan.toml", "margin = 0.03", "margin = 0.3"), ("environment.json", "MariaDB", "MySQL")],
)
def test_a_plan_or_an_environment_edited_after_the_run_is_refused(
    tmp_path: Path, name: str, old: str, new: str
) -> None:
    path = store(tmp_path)
    content = (path / name).read_text()
    assert old in content
    (path / name).write_text(content.replace(old, new))
    refused = refusal(path)
    assert f"{path / name} was edited after the run" in refused.message
    assert "restore the file" in (refused.cure or "")


def test_a_plan_written_again_during_the_run_is_the_one_that_counts(tmp_path: Path) -> None:
    path = store(tmp_path)
    first = (path / "plan.toml").read_text()
    directory = RunDirectory.reopen(path)
    directory.write_text("plan.toml", first.replace("margin = 0.03", "margin = 0.05"))
    directory.append(End(status="complete", seconds=130.0))
    assert load_run(path).plan.margin == 0.05
    (path / "plan.toml").write_text(first)
    assert "plan.toml was edited after the run" in refusal(path).message


def test_a_run_killed_before_its_new_plan_was_in_place_is_read_with_the_old_one(tmp_path: Path) -> None:
    path = store(tmp_path)
    first = (path / "plan.toml").read_text()
    RunDirectory(path).write_text("plan.toml", first.replace("margin = 0.03", "margin = 0.05"))
    (path / "plan.toml").write_text(first)
    run = load_run(path)
    assert run.plan.margin == 0.03
    assert run.end is not None


@pytest.mark.parametrize("name", ["blocks.jsonl", "plan.toml", "environment.json"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    path = store(tmp_path)
    (path / name).unlink()
    (path / name).symlink_to("/proc/self/mem")  # a file that not even root can read from its start
    assert f"{path / name} cannot be read: " in refusal(path).message


def test_a_run_in_a_folder_that_may_not_be_entered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path)
    forbid(monkeypatch, path)
    assert refusal(path).message == f"{path} cannot be read: Permission denied"


def forbid(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As a folder without the right to enter it is to all but root."""
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "is_file", is_file)


def test_a_flattering_edit_of_one_count_is_noticed(tmp_path: Path) -> None:
    path = store(tmp_path)
    record = path / "blocks.jsonl"
    content = record.read_text()
    assert content.count('"successes":700') == 4  # warm-up and comb of the first trial, two turns each
    record.write_text(content.replace('"successes":700', '"successes":900', 1))
    assert "line 5 of" in refusal(path).message


def test_a_newer_record_is_refused_by_its_schema(tmp_path: Path) -> None:
    path = store(tmp_path)
    newer = Header.model_construct(
        schema_version=2, id="20271121T093000Z-bench", started="2027-11-21T09:30:00Z", gainbench="9.0"
    )
    (path / "blocks.jsonl").write_bytes(encode(newer))
    refused = refusal(path)
    assert refused.message.endswith("follows schema 2; this version reads schema 1")
    assert "newer" in (refused.cure or "")


def test_a_record_and_a_plan_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    stray_cell = store(tmp_path, record=[comb(0, 0, cell(0.7), 2.0)])
    assert "holds the cell read-list/users=4/rtt=0.7ms" in refusal(stray_cell).message
    stray_arm = store(tmp_path, record=[comb(0, 0, cell(), 2.0, arms=("sync", "other"))])
    assert "holds the arm other" in refusal(stray_arm).message
    gone = Collapse(trial=0, cell=cell().key, arm="other", state="collapsed", started=1.0, reason="stopped")
    assert "holds the arm other" in refusal(store(tmp_path, record=[gone])).message


def test_a_run_resumed_and_cut_off_again_has_no_end(tmp_path: Path) -> None:
    stopped = [*lines(plan(), end=False), End(status="interrupted", reason="Ctrl-C", seconds=120.0)]
    path = store(tmp_path, record=stopped)
    assert load_run(path).end == stopped[-1]
    RunDirectory.reopen(path).append(comb(2, 4, cell(), 70.0))
    assert load_run(path).end is None


MACHINE = json.loads(ENVIRONMENT.model_dump_json())["machine"]


def results_file(kind: str, **more: object) -> str:
    tables = {
        "schema": 1,
        "kind": kind,
        "run": {"id": kind, "started": "", "seconds": 1, "profile": "", "seed": 0, "status": "valid"},
        "environment": {"machine": MACHINE},
        "arms": {},
        "cells": [],
        "curves": [],
        "collapses": [],
        "notes": [],
        "claim": None,
    }
    return json.dumps({**tables, **more})


def test_results_of_a_newer_schema_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(results_file("bench", schema=3))
    with pytest.raises(ConfigurationError, match="follows schema 3; this version reads schema 1"):
        load_results(tmp_path)


def test_results_that_hold_something_else_are_refused_with_the_way_to_rebuild_them(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(results_file("bench", run="yesterday"))
    with pytest.raises(ConfigurationError, match="does not hold a run's figures: run:") as refused:
        load_results(tmp_path)
    assert "gainbench report" in (refused.value.cure or "")


def test_a_neighbour_that_may_not_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(store(tmp_path))
    private = RunDirectory.create(tmp_path, "null", now=NOW + timedelta(minutes=1))
    forbid(monkeypatch, private.path)
    assert last_null_run(run) is None


def test_the_last_null_run_is_the_newest_one_of_the_same_machine(tmp_path: Path) -> None:
    run = load_run(store(tmp_path))
    assert last_null_run(run) is None
    for minutes, kind, machine in (
        (1, "null", MACHINE),
        (2, "null", MACHINE),
        (3, "bench", MACHINE),
        (4, "null", {"cpu": "another one"}),
    ):
        directory = RunDirectory.create(tmp_path, kind, now=NOW + timedelta(minutes=minutes))
        content = json.loads(results_file(kind))
        content["run"]["id"] = directory.path.name
        directory.write_text("results.json", json.dumps({**content, "environment": {"machine": machine}}))
    damaged = RunDirectory.create(tmp_path, "null", now=NOW + timedelta(minutes=5))
    damaged.write_text("results.json", "{")
    found = last_null_run(run)
    assert found is not None
    assert found.run.id == "20261121T093200Z-null"
    (run.path / "environment.json").unlink()
    assert last_null_run(load_run(run.path)) is None


def reported(out: Path, days: int) -> Path:
    """A run of so many days later, with its figures."""
    path = store(out, now=NOW + timedelta(days=days))
    run = load_run(path)
    results = summarise(run)
    (path / "results.json").write_text(results.model_dump_json())
    return path


def test_the_runs_before_one_are_the_older_ones_beside_it_the_newest_first(tmp_path: Path) -> None:
    paths = [reported(tmp_path, days) for days in (0, 1, 2)]
    found = [results.run.id for results in runs_before(load_run(paths[1]))]
    assert found == [paths[0].name]
    assert [results.run.id for results in runs_before(load_run(paths[2]))] == [paths[1].name, paths[0].name]


def test_a_run_that_was_named_is_the_one_and_one_that_is_gone_is_none(tmp_path: Path) -> None:
    first, second = reported(tmp_path, 0), reported(tmp_path, 1)
    run = load_run(second)
    named = replace(run, header=run.header.model_copy(update={"baseline_run": str(first)}))
    assert [results.run.id for results in runs_before(named)] == [first.name]
    gone = replace(run, header=run.header.model_copy(update={"baseline_run": str(tmp_path / "gone")}))
    assert list(runs_before(gone)) == []


def test_the_last_bench_is_one_of_the_same_machine(tmp_path: Path) -> None:
    reported(tmp_path, 0)
    newest = reported(tmp_path, 1)
    machine = load_run(newest).environment.machine
    assert machine is not None
    found = last_bench(tmp_path, machine)
    assert found is not None
    assert found.run.id == newest.name
    assert last_bench(tmp_path, machine.model_copy(update={"cores": 99})) is None
