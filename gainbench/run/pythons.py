"""One app under several Pythons: the interpreters that there are, and an environment of each from a lock."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gainbench.errors import ConfigurationError
from gainbench.plan.model import Arm, Plan
from gainbench.run.environments import LOCKS, environment
from gainbench.stack.processes.supervisor import Supervisor

ASK_SECONDS = 20.0
FACTS = """
import json, sys, sysconfig
flags = " ".join(str(sysconfig.get_config_var(name) or "") for name in
                 ("CFLAGS", "PY_CFLAGS_NODIST", "PY_CORE_CFLAGS", "CONFIGURE_CFLAGS_NODIST", "CONFIG_ARGS"))
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "is_free": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "has_gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "is_optimised": "-fprofile-use" in flags or "--enable-optimizations" in flags,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that can be started, and how it was built."""

    path: Path
    version: str
    is_free: bool  # free-threaded
    has_gil: bool
    is_optimised: bool

    def is_meant_by(self, wanted: str) -> bool:
        """`3.13` is any 3.13 with the GIL, `3.13t` a free-threaded one."""
        number = wanted.removesuffix("t")
        return self.is_free is wanted.endswith("t") and f"{self.version}.".startswith(f"{number}.")

    @property
    def told(self) -> str:
        """What a reader should know of it."""
        built = (
            "" if self.is_optimised else ", built without profile-guided optimisation, which makes it slower"
        )
        gil = (
            ""
            if not self.is_free
            else ", free-threaded" + (", with the GIL switched on" if self.has_gil else "")
        )
        return f"Python {self.version}{gil}{built}"


def chosen(wanted: Sequence[str]) -> tuple[Interpreter, ...]:
    """One for each version, in that order."""
    if len(set(wanted)) < max(len(wanted), 2):
        raise ConfigurationError("--pythons compares versions: name two or more, each once")
    found = []
    for version in wanted:
        one = next((known for known in _known(version) if known.is_meant_by(version)), None)
        if one is None:
            there = ", ".join(sorted({known.version for known in _known("")})) or "none"
            raise ConfigurationError(
                f"there is no Python {version} here; found: {there}",
                cure=f"install it: pyenv install {version}, or uv python install {version}",
            )
        found.append(one)
    return tuple(found)


def _known(wanted: str) -> Iterator[Interpreter]:
    for path in _candidates(wanted):
        facts = _facts(path)
        if facts is not None:
            yield facts


def _candidates(wanted: str) -> Iterator[Path]:
    """On the PATH, pyenv's, and what uv knows."""
    if wanted:
        named = shutil.which(f"python{wanted}")
        if named is not None:
            yield Path(named)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    yield from sorted(pyenv.glob("*/bin/python"), reverse=True)
    uv = shutil.which("uv")
    if uv is not None and wanted:
        answer = subprocess.run(
            [uv, "python", "find", wanted], capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


@cache
def _facts(path: Path) -> Interpreter | None:
    """None: what is there is no Python 3.11 or newer that starts."""
    try:
        answer = subprocess.run(
            [str(path), "-c", FACTS], capture_output=True, text=True, check=False, timeout=ASK_SECONDS
        )
        told = json.loads(answer.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return None
    return Interpreter(path, told["version"], told["is_free"], told["has_gil"], told["is_optimised"])


def lock_of(arm: Arm) -> Path:
    """The nearest lock, from the arm's folder upwards."""
    here = arm.cwd.resolve()
    for folder in (here, *here.parents):
        for name in LOCKS:
            if (folder / name).is_file():
                return folder / name
    raise ConfigurationError(
        f"no lock of arm {arm.name!r} was found in {here} or above it",
        cure=f"environments are built from a {' or '.join(LOCKS)}; or name each `python` in the plan",
    )


def with_environments(plan: Plan, found: Sequence[Interpreter], supervisor: Supervisor) -> Plan:
    """Each arm with the interpreter of an environment of its own."""
    arms = tuple(
        arm.model_copy(update={"python": environment(lock_of(arm), one.path, supervisor)})
        for arm, one in zip(plan.arms, found, strict=True)
    )
    return plan.model_copy(update={"arms": arms})
