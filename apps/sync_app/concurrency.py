"""Everything the two worlds do in ways of their own; the only file that is not the twin's, line by line.

The names and their order are the twin's. Here waiting blocks a thread, and threads do things at once.
"""

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from fastapi import UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from apps.shared.schemas import CpuMode, GatherMode
from apps.shared.work import spin

from .settings import settings

P = ParamSpec("P")
T = TypeVar("T")


Semaphore = threading.Semaphore


class HandlerRoute(APIRoute):
    """Where a handler runs: FastAPI calls a ``def`` in its thread pool, a coroutine function on the loop.

    ``HANDLERS=event-loop`` gives it coroutine functions, so each statement of a handler stops every other
    request. Dependencies are not touched: FastAPI still enters and leaves the session in the thread pool.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if settings.handlers == "event-loop":
            endpoint = _as_coroutine_function(endpoint)
        super().__init__(path, endpoint, **options)


def _as_coroutine_function(handler: Callable[P, T]) -> Callable[P, Any]:
    @functools.wraps(handler)
    async def blocking_handler(*args: P.args, **kwargs: P.kwargs) -> T:
        return handler(*args, **kwargs)

    return blocking_handler


async def call_from_websocket(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A WebSocket handler is always a coroutine: what blocks goes where the other handlers run."""
    if settings.handlers == "event-loop":
        return function(*args, **kwargs)
    return await run_in_threadpool(function, *args, **kwargs)


def sleep(seconds: float) -> None:
    """Wait, holding this thread."""
    time.sleep(seconds)


def gather(mode: GatherMode, calls: Sequence[Callable[[], object]]) -> list[int]:
    """Make the calls one after another or all at once; the places of the calls in the order they ended."""
    if mode == "sequential":
        for call in calls:
            call()
        return list(range(len(calls)))
    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        places = {threads.submit(call): place for place, call in enumerate(calls)}
        return [places[future] for future in as_completed(places)]


def compute(mode: CpuMode, processes: ProcessPoolExecutor, rounds: int, parts: int) -> list[int]:
    """Do the work in place, in one thread a part, or in the process pool."""
    work = [rounds] * parts
    if mode == "inline":
        return [spin(each) for each in work]
    if mode == "thread":
        with ThreadPoolExecutor(max_workers=parts) as threads:
            return list(threads.map(spin, work))
    return list(processes.map(spin, work))


@contextmanager
def entered(semaphore: Semaphore, wait_seconds: float) -> Iterator[bool]:
    """Hold a place in the semaphore; False when none came free in time."""
    free = semaphore.acquire(timeout=wait_seconds)
    try:
        yield free
    finally:
        if free:
            semaphore.release()


open_file = open


def make_folder(path: Path) -> None:
    """Make a folder, if it is not there."""
    path.mkdir(parents=True, exist_ok=True)


def read_upload(upload: UploadFile, size: int) -> bytes:
    """The next bytes of an upload."""
    return upload.file.read(size)


def move_file(source: Path, target: Path) -> None:
    """Give a file its final name in one step."""
    os.replace(source, target)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)
