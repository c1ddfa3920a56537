"""`gainbench init`: the plan file to start from."""

from pathlib import Path

from gainbench.plan.build import load_plan
from tests.cli.conftest import Command


def test_init_writes_a_plan_that_can_be_measured_once_filled_in(gainbench: Command, tmp_path: Path) -> None:
    assert gainbench("init", cwd=tmp_path).status == 0
    assert load_plan(tmp_path / "bench.toml").arm_names == ("before", "after")
    assert gainbench("bench", "--dry-run", cwd=tmp_path).status == 0


def test_init_names_the_command_that_measures_what_it_wrote(gainbench: Command, tmp_path: Path) -> None:
    assert gainbench("init", cwd=tmp_path).stdout.endswith("run `gainbench bench`\n")
    assert gainbench("init", "my.toml", cwd=tmp_path).stdout.endswith(
        "run `gainbench bench --plan my.toml`\n"
    )


def test_init_says_where_it_may_not_write(gainbench: Command, tmp_path: Path) -> None:
    done = gainbench("init", str(tmp_path / "none" / "my.toml"))
    assert done.status == 4
    assert "my.toml cannot be written: No such file or directory" in " ".join(done.stderr.split())


def test_init_never_overwrites_a_plan(gainbench: Command, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("mine")
    assert gainbench("init", cwd=tmp_path).status == 2
    assert (tmp_path / "bench.toml").read_text() == "mine"
