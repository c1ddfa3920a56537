"""Where a run stands, told to whoever asked to know: to try what happens when something fails just there.

Who wants to be asked listens on a Unix socket and names it in the environment. It is told each stage with the
processes that are up, and the run waits for its word to go on. Without that, nothing happens here.
"""

import json
import os
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

VARIABLE = "GAINBENCH_STAGES"
GO = b"go\n"
NOBODY: Mapping[str, int] = MappingProxyType({})

Stage = Literal["install", "start", "parity", "warm-up", "comb", "between trials", "report"]

_line: socket.socket | None = None


def reach(stage: Stage, pids: Mapping[str, int] = NOBODY, **seconds: float) -> None:
    """Say that the run is about to do this, and wait until it may."""
    global _line  # noqa: PLW0603 (one run, one listener)
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    if _line is None:
        _line = socket.socket(socket.AF_UNIX)
        _line.connect(path)
    _line.sendall(json.dumps({"stage": stage, "pids": dict(pids), **seconds}).encode() + b"\n")
    _line.recv(len(GO))
