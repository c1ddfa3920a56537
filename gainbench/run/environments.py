"""Python environments built from a lock, once for each lock and interpreter."""

import hashlib
import shlex
import subprocess
from pathlib import Path

from gainbench.errors import EnvironmentLacking
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import how_ended, tail

LOCKS = ("requirements.lock", "requirements.txt")  # of which an environment can be built
BUILD_SECONDS = 900.0
CACHE = Path("~/.cache/gainbench/environments")


def environment(lock: Path, python: Path, supervisor: Supervisor) -> Path:
    """Its interpreter. One that was built before is taken as it is."""
    version = subprocess.run([str(python), "-VV"], capture_output=True, text=True, check=True).stdout
    name = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:24]
    folder = CACHE.expanduser() / name
    built = folder / "bin" / "python"
    done = folder / "complete"
    if done.exists():
        return built
    log = supervisor.folder / f"environment-{name}.log"
    pip = [str(built), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(lock)]
    for command in ([str(python), "-m", "venv", "--clear", str(folder)], pip):
        process = supervisor.spawn(command, name="an environment", log=log, cwd=lock.parent)
        status = process.wait(BUILD_SECONDS)
        process.stop()
        if status != 0:
            end = f"took more than {BUILD_SECONDS:.0f} s" if status is None else how_ended(status)
            raise EnvironmentLacking(
                f"the environment of {lock.name} cannot be built: {shlex.join(command)} {end}\n{tail(log)}",
                cure="build it by hand, and name its interpreter as the arm's `python`",
            )
    done.touch()
    return built
