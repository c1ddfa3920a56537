"""Everything the two worlds do in ways of their own; the only file that is not the twin's, line by line.

The names and their order are the twin's. Here waiting frees the event loop, and tasks do things at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiofiles
import aiofiles.os
from fastapi import UploadFile
from fastapi.routing import APIRoute

from apps.shared.schemas import CpuMode, GatherMode
from apps.shared.work import spin

P = ParamSpec("P")
T = TypeVar("T")


Semaphore = asyncio.Semaphore


class HandlerRoute(APIRoute):
    """Where a handler runs: all are coroutine functions, which FastAPI calls on the event loop."""


async def call_from_websocket(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """What awaits can be awaited from anywhere."""
    return await function(*args, **kwargs)


async def sleep(seconds: float) -> None:
    """Wait, leaving the event loop to others."""
    await asyncio.sleep(seconds)


async def gather(mode: GatherMode, calls: Sequence[Callable[[], Awaitable[object]]]) -> list[int]:
    """Make the calls one after another or all at once; the places of the calls in the order they ended."""
    if mode == "sequential":
        for call in calls:
            await call()
        return list(range(len(calls)))

    async def place_of(place: int, call: Callable[[], Awaitable[object]]) -> int:
        await call()
        return place

    ending = asyncio.as_completed([place_of(place, call) for place, call in enumerate(calls)])
    return [await place for place in ending]


async def compute(mode: CpuMode, processes: ProcessPoolExecutor, rounds: int, parts: int) -> list[int]:
    """Do the work in place, in one thread a part, or in the process pool."""
    work = [rounds] * parts
    if mode == "inline":
        return [spin(each) for each in work]
    if mode == "thread":
        return await asyncio.gather(*(asyncio.to_thread(spin, each) for each in work))
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*(loop.run_in_executor(processes, spin, each) for each in work))


@asynccontextmanager
async def entered(semaphore: Semaphore, wait_seconds: float) -> AsyncIterator[bool]:
    """Hold a place in the semaphore; False when none came free in time."""
    free = False
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_seconds):
            free = await semaphore.acquire()
    try:
        yield free
    finally:
        if free:
            semaphore.release()


open_file = aiofiles.open


async def make_folder(path: Path) -> None:
    """Make a folder, if it is not there."""
    await aiofiles.os.makedirs(path, exist_ok=True)


async def read_upload(upload: UploadFile, size: int) -> bytes:
    """The next bytes of an upload."""
    return await upload.read(size)


async def move_file(source: Path, target: Path) -> None:
    """Give a file its final name in one step."""
    await aiofiles.os.replace(source, target)


async def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        await aiofiles.os.remove(path)
