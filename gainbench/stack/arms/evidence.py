"""What a server that hangs was doing: the Python stacks of its processes. Must not judge."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gainbench.stack.arms.arm import RunningArm

DUMP_SECONDS = 10.0
MOST_PROCESSES = 16


@dataclass(frozen=True)
class Dump:
    """The stacks of one process, or why there are none."""

    pid: int
    stacks: str | None
    problem: str | None = None

    def __str__(self) -> str:
        return self.stacks or f"no stacks of process {self.pid}: {self.problem}"


def py_spy() -> Path | None:
    beside = Path(sys.executable).with_name("py-spy")
    found = beside if beside.exists() else shutil.which("py-spy")
    return None if found is None else Path(found)


def stacks(arm: RunningArm) -> str:
    """The stacks of every process of the arm; where there are none, the reason."""
    program = py_spy()
    if program is None:
        return "no stacks: py-spy is not installed"
    if arm.process is None:
        return f"no stacks: {arm.url} is not a process of ours"
    pids = arm.pids()[:MOST_PROCESSES]
    return "\n\n".join(str(dump(program, pid)) for pid in pids) or "no stacks: no process of the arm is left"


def dump(program: Path, pid: int) -> Dump:
    try:
        answer = subprocess.run(
            [str(program), "dump", "--pid", str(pid)],
            capture_output=True,
            text=True,
            timeout=DUMP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Dump(pid, None, f"py-spy took more than {DUMP_SECONDS:g} s")
    if answer.returncode != 0:
        return Dump(pid, None, " ".join(answer.stderr.split()) or f"py-spy: status {answer.returncode}")
    return Dump(pid, condensed(answer.stdout.strip()))


def condensed(dump: str) -> str:
    """The same dump with threads that stand at the same place told once: a pool has dozens of them."""
    head, *threads = re.split(r"^(?=Thread )", dump, flags=re.MULTILINE)
    by_stack: dict[str, list[str]] = {}
    for thread in threads:
        title, _, stack = thread.partition("\n")
        by_stack.setdefault(stack.rstrip(), []).append(title)
    told = [
        f"{titles[0]}{f' and {len(titles) - 1} more like it' if titles[1:] else ''}\n{stack}"
        for stack, titles in by_stack.items()
    ]
    return head + "\n".join(told)
