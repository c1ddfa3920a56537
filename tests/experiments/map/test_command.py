"""`gainbench map` before it measures anything, and what it refuses."""

from pathlib import Path

import pytest

from gainbench.cli.maps import COLUMNS, ROWS
from gainbench.plan.build import load_plan
from gainbench.plan.flags import Flags
from gainbench.store.directory import RunDirectory
from gainbench.store.records import End, MapQuestion
from tests.cli.conftest import Command, gainbench
from tests.experiments.map.test_maps import NOW, Engine, drawn, question

__all__ = ["gainbench"]


def test_what_would_be_measured_is_shown_and_nothing_done(gainbench: Command, tmp_path: Path) -> None:
    shown = gainbench("map", "--dry-run", "--out", str(tmp_path))
    assert shown.status == 0
    assert "25 places, blocking, sync, async; first these 9:" in shown.stdout
    assert "read-list/users=1/rtt=0ms/pool=40/workers=1" in shown.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--columns", "rtt="), "--columns rtt=: write NAME=VALUE"),
        (("--columns", "rtt=2,1"), "from low to high"),
        (("--rows", "users=4"), "an axis has 2 to 12"),
        (("--rows", "users=0,4"), "users = 0"),
        (("--rows", "users=4,99999"), "users = 99999"),
        (("--rows", "rtt=0,1"), "both axes are rtt"),
        (("--rows", "scenario=read-one,nothing"), "no scenario nothing"),
        (("--budget", "20s"), "too small: the coarse grid alone"),
        (("--budget", "soon"), "soon"),
        (("--arms", "async"), "a map compares arms"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(
    gainbench: Command,
    tmp_path: Path,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    refused = gainbench("map", "--out", str(tmp_path), *arguments)
    assert refused.status == 2
    assert reason in " ".join(refused.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_complete_map_is_not_gone_on_with(gainbench: Command, tmp_path: Path) -> None:
    path = drawn(tmp_path, Engine())
    refused = gainbench("map", "--resume", str(path))
    assert refused.status == 2
    assert "is complete" in refused.stderr


def interrupted(out: Path, asked: MapQuestion) -> Path:
    directory = RunDirectory.create(out, "map", now=NOW, purpose="map")
    directory.append(asked)
    directory.append(End(status="interrupted", seconds=1.0))
    return directory.path


def test_a_map_goes_on_with_the_plan_that_it_began_with_alone(gainbench: Command, tmp_path: Path) -> None:
    path = interrupted(tmp_path, question(load_plan(Path("bench.toml"), Flags())))
    refused = gainbench("map", "--resume", str(path), "--seed", "9")
    assert refused.status == 2
    assert "-seed = 0" in refused.stderr
    assert "+seed = 9" in refused.stderr
    assert "-rtt = 0, 0.1, 0.2, 0.5, 1" in refused.stderr
    assert f"+rtt = {COLUMNS.removeprefix('rtt=').replace(',', ', ')}" in refused.stderr
    assert ROWS.startswith("users=")


def test_only_a_map_can_be_gone_on_with(gainbench: Command, tmp_path: Path) -> None:
    directory = RunDirectory.create(tmp_path, "claims", now=NOW, purpose="claims")
    refused = gainbench("map", "--resume", str(directory.path))
    assert refused.status == 2
    assert "is no map" in refused.stderr


def test_a_map_cannot_be_read_as_one_run(gainbench: Command, tmp_path: Path) -> None:
    path = drawn(tmp_path, Engine())
    assert gainbench("report", str(path)).status == 0
    refused = gainbench("bench", "--resume", str(path))
    assert refused.status == 2
    assert "is a run of map, which is many runs" in refused.stderr
