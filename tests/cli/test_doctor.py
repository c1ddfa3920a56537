"""What the doctor makes of what it saw."""

from dataclasses import replace

import pytest

from gainbench.cli import doctor as command
from gainbench.cli.doctor import is_still
from gainbench.run import stillness
from gainbench.run.stillness import Stillness
from tests.cli.conftest import Command

STILL = Stillness(steal=0.01, others=0.05, flicker=0.2)


def test_a_machine_is_still_within_the_limits_of_a_comb() -> None:
    assert is_still(STILL)
    assert not is_still(replace(STILL, steal=0.06))
    assert not is_still(replace(STILL, others=0.2))
    assert is_still(Stillness(steal=None, others=None, flicker=0.0))


@pytest.mark.database
@pytest.mark.parametrize(
    ("others", "mark", "verdict"),
    [
        (0.02, "ok   other programs: 2.0 %", "Ready to measure"),
        (0.4, "note other programs: 40.0 %", "the machine is not still"),
    ],
)
def test_it_says_whether_to_begin_and_how_sure_that_would_be(
    gainbench: Command, monkeypatch: pytest.MonkeyPatch, others: float, mark: str, verdict: str
) -> None:
    monkeypatch.setattr(stillness, "look", lambda: replace(STILL, others=others))
    monkeypatch.setattr(command, "last_bench", lambda reports, machine: None)
    done = gainbench("doctor")
    assert done.status == 0, done.stderr
    assert mark in done.stdout
    said = done.stdout.splitlines()[-1]
    assert verdict in said
    assert "a run of bench.toml (profile standard) would be sure to ±" in said
