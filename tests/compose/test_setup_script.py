"""tools/setup on a machine that has little: what it installs, and what it says when it cannot."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.compose.by_hand import ROOT

# What the script needs of a system, and no Python among it.
TOOLS = ("bash", "env", "dirname", "cat", "cksum", "chmod", "mkdir", "touch")
# A Python 3.12 as Debian has it: its ensurepip is in a package of its own.
PYTHON = """\
case "$*" in
    *ensurepip*) [ -e "$MACHINE/python3.12-venv" ] ;;
    *print*) echo python3.12-venv ;;
    *"-m venv"*)
        [ -e "$MACHINE/python3.12-venv" ] || exit 1
        mkdir -p .venv/bin
        printf '#!/usr/bin/env bash\\n' >.venv/bin/python
        chmod +x .venv/bin/python ;;
esac
"""
APT_GET = 'echo "$*" >>"$MACHINE/asked"; [ ! -e "$MACHINE/offline" ] && touch "$MACHINE/${!#}"'


@dataclass(frozen=True)
class Machine:
    """A folder with the script, and one with the only commands it finds."""

    folder: Path
    commands: Path

    def command(self, name: str, script: str) -> None:
        path = self.commands / name
        path.write_text(f"#!/usr/bin/env bash\n{script}\n")
        path.chmod(0o755)

    def setup(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.commands), "MACHINE": str(self.folder), "HOME": str(self.folder)}
        script = self.folder / "tools" / "setup"
        return subprocess.run(
            [shutil.which("bash") or "bash", str(script)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With apt, its root's rights, a database server and a Python without venv."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in TOOLS:
        os.symlink(shutil.which(name) or name, commands / name)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "setup", tmp_path / "tools" / "setup")
    (tmp_path / "requirements-dev.lock").write_text("")
    made = Machine(tmp_path, commands)
    made.command("python3", PYTHON)
    made.command("apt-get", APT_GET)
    made.command("id", "echo 0")
    made.command("mariadbd", "")
    return made


def test_the_package_with_this_pythons_venv_is_installed_where_it_is_missing(machine: Machine) -> None:
    ended = machine.setup()
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "installing venv for python3 (python3.12-venv)" in ended.stderr
    assert (machine.folder / ".venv" / ".installed-from").exists()


def test_where_venv_is_there_nothing_is_installed(machine: Machine) -> None:
    (machine.folder / "python3.12-venv").touch()
    assert machine.setup().returncode == 0
    assert not (machine.folder / "asked").exists()


def test_what_cannot_be_installed_is_named_with_the_command(machine: Machine) -> None:
    (machine.folder / "offline").touch()
    ended = machine.setup()
    assert ended.returncode == 4
    assert "gainbench: venv for python3 is missing" in ended.stderr
    assert "apt-get install --no-install-recommends python3.12-venv" in ended.stderr
    assert not (machine.folder / ".venv").exists()


def test_a_python_that_no_package_completes_is_named_with_the_way_out(machine: Machine) -> None:
    machine.command("apt-get", "")
    ended = machine.setup()
    assert ended.returncode == 4
    assert "apt-get install python3.12-venv   (or set PYTHON=/path/to/python3)" in ended.stderr


def test_without_roots_rights_the_command_is_named_with_sudo(machine: Machine) -> None:
    machine.command("id", "echo 1000")
    ended = machine.setup()
    assert ended.returncode == 4
    assert "    sudo apt-get install --no-install-recommends python3.12-venv" in ended.stderr


def test_without_a_python_the_status_is_that_of_something_missing(machine: Machine) -> None:
    machine.command("python3", "exit 1")
    ended = machine.setup()
    assert ended.returncode == 4
    assert "Python 3.11 or newer (with venv) is missing" in ended.stderr
    assert "command not found" not in ended.stderr
