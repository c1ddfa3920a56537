"""The app: its lifespan, its routers, its errors."""

import multiprocessing
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from httpx import Client
from sqlalchemy.orm import sessionmaker

from apps.shared import errors
from apps.shared.body_limit import BodyLimit
from apps.shared.work import ignore_interrupts

from .concurrency import Semaphore
from .db import open_engine
from .resources import Resources
from .routers import blogs, dones, health, laboratory, tasks
from .settings import settings

FORM_BYTES = 128 * 1024  # room beside an image for the other fields of a form


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what requests share, and dispose of it when the server stops."""
    current_default_thread_limiter().total_tokens = settings.thread_tokens
    engine = open_engine(settings)
    processes = ProcessPoolExecutor(
        settings.cpu_processes, multiprocessing.get_context("spawn"), initializer=ignore_interrupts
    )
    with Client(timeout=settings.upstream_timeout_seconds, trust_env=False) as client:
        app.state.resources = Resources(
            engine=engine,
            sessions=sessionmaker(engine),
            client=client,
            processes=processes,
            semaphore=Semaphore(settings.limited_capacity),
        )
        yield
    processes.shutdown()
    engine.dispose()


app = FastAPI(
    title="sync_app: to-do, blog and I/O laboratory",
    lifespan=lifespan,
    redirect_slashes=False,
    telemetry={"tracing": False, "metrics": False, "logs": False},
)
app.add_middleware(BodyLimit, limit_bytes=settings.upload_limit_bytes + FORM_BYTES)
errors.install(app)
for router in (tasks.router, dones.router, blogs.router, laboratory.router, health.router):
    app.include_router(router)
