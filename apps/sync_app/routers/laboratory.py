"""The I/O laboratory: one endpoint for each way to wait, and for not waiting at all."""

import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, WebSocket, WebSocketDisconnect
from httpx import Client, HTTPError
from sqlalchemy.exc import SQLAlchemyError

from apps.shared.errors import Problem, documented, problem_of
from apps.shared.schemas import (
    ChunkBytes,
    Computed,
    CpuMode,
    Echo,
    FileBytes,
    FileCopy,
    Gathered,
    GatherMode,
    ListedTask,
    Parts,
    Rounds,
    Seconds,
    UpstreamAnswer,
    UpstreamClient,
    Waited,
    Waits,
    WebSocketRow,
)
from apps.shared.websocket import next_text

from ..concurrency import (
    HandlerRoute,
    call_from_websocket,
    compute,
    entered,
    gather,
    make_folder,
    open_file,
    remove_file,
    sleep,
)
from ..cruds import laboratory as cruds
from ..cruds.tasks import read_task
from ..db import DbConnection
from ..resources import Resources, resources_of
from ..settings import settings

router = APIRouter(prefix="/io", tags=["laboratory"], route_class=HandlerRoute)


@router.get("/sleep", response_model=Waited, responses=documented(422))
def io_sleep(seconds: Seconds = 0.1) -> Waited:
    """Wait without doing anything."""
    sleep(seconds)
    return Waited(seconds=seconds)


@router.get("/slow-query", response_model=Waited, responses=documented(422, 503))
def io_slow_query(connection: DbConnection, seconds: Seconds = 0.1) -> Waited:
    """Wait for one query."""
    cruds.sleep_in_database(connection, seconds)
    return Waited(seconds=seconds)


@router.get("/upstream", response_model=UpstreamAnswer, responses=documented(422, 502, 503))
def io_upstream(request: Request, client: UpstreamClient = "shared") -> UpstreamAnswer:
    """Call the service at `UPSTREAM_URL` once, with the shared client or with a new one."""
    try:
        if client == "shared":
            return _call_upstream(resources_of(request).client)
        with Client(timeout=settings.upstream_timeout_seconds, trust_env=False) as own:
            return _call_upstream(own)
    except HTTPError as error:
        raise HTTPException(502, f"UPSTREAM_URL failed: {type(error).__name__}") from error


def _call_upstream(client: Client) -> UpstreamAnswer:
    if settings.upstream_url is None:
        raise HTTPException(503, "UPSTREAM_URL is not set: it names the service to call")
    response = client.get(str(settings.upstream_url))
    return UpstreamAnswer(status=response.status_code, size_bytes=len(response.content))


@router.get("/gather", response_model=Gathered, responses=documented(422))
def io_gather(mode: GatherMode = "concurrent", seconds: Waits = (0.1, 0.2, 0.3)) -> Gathered:
    """Make several calls (three, if not told otherwise), each a wait: one after another, or all at once."""
    finished = gather(mode, [partial(sleep, wait) for wait in seconds])
    return Gathered(mode=mode, seconds=list(seconds), finished=finished)


@router.post("/file", response_model=FileCopy, responses=documented(422, 503))
def io_file(size_bytes: FileBytes = 1024 * 1024, chunk_bytes: ChunkBytes = 64 * 1024) -> FileCopy:
    """Write a file in chunks, read it back, remove it."""
    path = settings.upload_dir / f".laboratory-{secrets.token_hex(8)}.part"
    try:
        make_folder(settings.upload_dir)
        try:
            return _write_and_read(path, size_bytes, chunk_bytes)
        finally:
            remove_file(path)
    except OSError as error:
        raise HTTPException(503, f"UPLOAD_DIR failed: {error.strerror}") from error


def _write_and_read(path: Path, size_bytes: int, chunk_bytes: int) -> FileCopy:
    written_bytes = read_bytes = 0
    with open_file(path, "wb") as file:
        while written_bytes < size_bytes:
            written_bytes += file.write(bytes(min(chunk_bytes, size_bytes - written_bytes)))
    with open_file(path, "rb") as file:
        while chunk := file.read(chunk_bytes):
            read_bytes += len(chunk)
    return FileCopy(written_bytes=written_bytes, read_bytes=read_bytes)


@router.get("/cpu", response_model=Computed, responses=documented(422))
def io_cpu(
    request: Request, mode: CpuMode = "inline", rounds: Rounds = 100_000, parts: Parts = 1
) -> Computed:
    """Compute in place, in threads, or in processes."""
    results = compute(mode, resources_of(request).processes, rounds, parts)
    return Computed(mode=mode, results=results)


@router.get("/limited", response_model=Waited, responses=documented(422, 503))
def io_limited(request: Request, seconds: Seconds = 0.1, limited: bool = True) -> Waited:
    """Wait for one query, `LIMITED_CAPACITY` requests at a time; the others wait for a turn, then give up."""
    resources = resources_of(request)
    if not limited:
        return _slow_query(resources, seconds)
    with entered(resources.semaphore, settings.limited_wait_seconds) as free:
        if not free:
            raise HTTPException(503, "Too many requests at once: try again", headers={"Retry-After": "1"})
        return _slow_query(resources, seconds)


def _slow_query(resources: Resources, seconds: float) -> Waited:
    with resources.engine.connect() as connection:
        cruds.sleep_in_database(connection, seconds)
    return Waited(seconds=seconds)


@router.websocket("/ws")
async def io_ws(websocket: WebSocket, task_id: WebSocketRow = 1) -> None:
    """Echo each message, with one row read for it."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):  # a client may leave between its message and the reply
        while (message := await next_text(websocket)) is not None:
            await websocket.send_text(await _reply(websocket, message, task_id))


async def _reply(websocket: WebSocket, message: str, task_id: int) -> str:
    try:
        task = await call_from_websocket(_read_row, resources_of(websocket), task_id)
    except SQLAlchemyError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return Problem(detail=problem).model_dump_json()
    return Echo(message=message, task=task).model_dump_json()


def _read_row(resources: Resources, task_id: int) -> ListedTask | None:
    with resources.sessions() as session:
        row = read_task(session, task_id)
    return ListedTask.model_validate(row) if row is not None else None
