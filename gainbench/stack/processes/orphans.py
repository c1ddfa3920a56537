"""What is left of a supervisor that was killed: found by the mark it put on everything, and ended.

While it lives, a supervisor inherits the orphans of what it started; when it is killed, they come to us. Must
not know what they are. Linux alone: elsewhere nobody inherits them, and no mark can be read.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "GAINBENCH_SESSION"  # in the environment of everything that a supervisor starts
POLL_SECONDS = 0.02
_PR_SET_CHILD_SUBREAPER = 36


def inherit_orphans() -> None:
    """From now on, descendants that lose their parent become our children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def marked(session: str) -> list[int]:
    """Every living process that carries the session's mark; those of others cannot be read, nor ended."""
    wanted = f"{MARK}={session}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def end_marked(session: str, *, seconds: float) -> list[int]:
    """SIGKILL, until none is left; what is left after that time all the same."""
    deadline = time.monotonic() + seconds
    while (left := marked(session)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return left
