"""The table of contents: help, version, and mistakes told in one message."""

import subprocess
import sys

import pytest

from gainbench import __version__
from tests.cli.conftest import Command

COMMANDS = ("bench", "null", "parity", "prove", "report", "up", "doctor", "init", "ui", "worker")


def test_the_version_is_the_packages(gainbench: Command) -> None:
    assert gainbench("--version").stdout == f"gainbench {__version__}\n"


def test_every_command_explains_itself(gainbench: Command) -> None:
    told = gainbench("--help").stdout
    for command in COMMANDS:
        assert f" {command} " in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("bench", "--arms", "nobody"), "choices: blocking, sync, async"),
        (("bench", "--profile", "huge"), "choices: ci, full, quick, smoke, standard"),
        (("bench", "--users", "0"), "greater than or equal to 1"),
        (("bench", "--users", "-3"), "greater than or equal to 1"),
        (("bench", "--users", "99999999"), "less than or equal to 10000"),
        (("bench", "--rtt", "5000"), "between 0 and 1000 ms"),
        (("bench", "--control", "async:200%"), "--control async:200%: a share lies between 0 and 1"),
        (("bench", "--precision", "2"), "--precision = 2.0: a share lies between 0 and 1"),
        (("bench", "--pool", "lots"), "write 40, 40+10 or default"),
        (("bench", "--budget", "10s"), "is too small: one trial of this plan takes about"),
        (("bench", "--budget", "soon"), "write 90s, 5m or 1h30m"),
        (("bench", "--precision", "tight"), "write 2% or 0.02"),
        (("bench", "--expect", "faster"), "write 'gain >= 10%'"),
        (("bench", "--control", "sync"), "write ARM:P%"),
        (("bench", "--plan", "none.toml"), "there is no plan file none.toml"),
        (("bench", "--a", "serve"), "missing: --b, --locustfile"),
        (("bench", "--expect", "low >= 10"), "would be a gain of 1000%: write 10% or 0.1"),
        (("bench", "--a", "", "--b", "serve", "--locustfile", "load.py"), "missing: --a"),
        (
            ("bench", "--db-url", "oracle://x:secret@y/z"),
            "'oracle://x:***@y/z': write private, none or",
        ),
        (("report", "none"), "there is no run directory none"),
        (("bench", "--fast"), "No such option"),
        (("sing",), "No such command"),
    ],
)
def test_a_mistake_ends_with_status_2_and_says_what_to_write(
    gainbench: Command, arguments: tuple[str, ...], told: str
) -> None:
    done = gainbench(*arguments)
    assert done.status == 2
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_command_that_computes_and_draws_nothing_waits_for_neither_scipy_nor_matplotlib() -> None:
    look = "import sys, gainbench.cli.app; print({'scipy.stats', 'matplotlib'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
