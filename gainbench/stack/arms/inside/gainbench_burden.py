"""An ASGI app around another one that burns CPU on the event loop before each request: the positive control.

Runs inside the arm, so it uses the standard library alone. How much to burn is a number in a small shared
file, which the harness may change while the arm runs.
"""

import importlib
import mmap
import os
import struct
import time
from pathlib import Path

APP = "GAINBENCH_WRAPPED_APP"
FILE = "GAINBENCH_BURDEN_FILE"
NANOSECONDS = struct.Struct("q")


def _wrapped_app():
    module, _, attribute = os.environ[APP].partition(":")
    return getattr(importlib.import_module(module), attribute or "app")


def _shared_number():
    with Path(os.environ[FILE]).open("rb") as file:
        return mmap.mmap(file.fileno(), NANOSECONDS.size, access=mmap.ACCESS_READ)


_app = _wrapped_app()
_number = _shared_number()


def _burn(nanoseconds):
    until = time.thread_time_ns() + nanoseconds
    while time.thread_time_ns() < until:
        pass


async def app(scope, receive, send):
    if scope["type"] == "http":
        _burn(NANOSECONDS.unpack_from(_number)[0])
    await _app(scope, receive, send)
