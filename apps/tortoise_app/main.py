"""The app: its lifespan, its routers, its errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from tortoise.contrib.fastapi import RegisterTortoise

from apps.shared.body_limit import BodyLimit

from . import errors
from .db import choose_driver, configuration
from .routers import dones, health, tasks
from .settings import settings

FORM_BYTES = 128 * 1024  # no form comes here: it makes the limit that of the twins


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what requests share, and dispose of it when the server stops."""
    choose_driver(settings)
    async with RegisterTortoise(app, config=configuration(settings)):
        yield


app = FastAPI(
    title="tortoise_app: to-do",
    lifespan=lifespan,
    redirect_slashes=False,
    telemetry={"tracing": False, "metrics": False, "logs": False},
)
app.add_middleware(BodyLimit, limit_bytes=settings.upload_limit_bytes + FORM_BYTES)
errors.install(app)
for router in (tasks.router, dones.router, health.router):
    app.include_router(router)
