"""`gainbench parity` where there is nothing to compare."""

from pathlib import Path

import tomli_w

from tests.cli.conftest import Command
from tests.cli.plans import LOAD, broken


def test_parity_that_compared_nothing_is_no_success(gainbench: Command, tmp_path: Path) -> None:
    (tmp_path / "load.py").write_text(LOAD)
    (tmp_path / "bench.toml").write_text(tomli_w.dumps(broken()))
    done = gainbench("parity", cwd=tmp_path)
    assert done.status == 2
    assert "parity: not checked" in done.stderr
    assert "OpenAPI" in done.stderr
