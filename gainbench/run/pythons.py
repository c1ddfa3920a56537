"""One app under several Pythons: the interpreters that there are, and an environment of each from a lock."""

import json
import math
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
LOOP_ROUNDS = 7
SAME = 1.05
LOOP = """
import time
def work():
    total = 0
    for at in range(300_000):
        total += at % 7
    return total
work()
started = time.perf_counter()
work()
print(time.perf_counter() - started)
"""
FACTS = """
import json, sys, sysconfig
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "is_free": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "has_gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "is_optimised": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that can be started, and how it was built."""

    path: Path
    version: str
    is_free: bool  # free-threaded
    has_gil: bool
    is_optimised: bool  # as it was configured; a distribution's build may be so without saying it

    def is_meant_by(self, wanted: str) -> bool:
        """`3.13` is any 3.13 with the GIL, `3.13t` a free-threaded one."""
        number = wanted.removesuffix("t")
        return self.is_free is wanted.endswith("t") and f"{self.version}.".startswith(f"{number}.")

    def told(self, pace: float) -> str:
        """What a reader should know of it. `pace`: how long plain code takes, over the quickest of those."""
        free = ", free-threaded" if self.is_free else ""
        gil = ", with the GIL switched on" if self.is_free and self.has_gil else ""
        built = ", configured with --enable-optimizations" if self.is_optimised else ""
        slow = f"; a plain loop takes {pace:.2f} times as long as with the quickest" if pace > SAME else ""
        return f"Python {self.version}{free}{gil}{built}{slow}"


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


def paces(found: Sequence[Interpreter]) -> list[float]:
    """How long each takes for the same plain loop, over the quickest: builds differ, and do not tell it.

    In turns, the quickest of several: what the machine does beside it only ever adds.
    """
    quickest = [math.inf] * len(found)
    for _ in range(LOOP_ROUNDS):
        for at, one in enumerate(found):
            answer = subprocess.run(
                [str(one.path), "-c", LOOP], capture_output=True, text=True, check=True, timeout=ASK_SECONDS
            )
            quickest[at] = min(quickest[at], float(answer.stdout))
    return [seconds / min(quickest) for seconds in quickest]


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
