"""How an app is opened with other engine options: before its own modules take them over."""

from importlib import import_module
from typing import Any

from fastapi import FastAPI

from apps.shared import database
from apps.shared.settings import Settings


def with_engine_options(package: str, **changed: Any) -> FastAPI:
    """The app of this package, whose engine has these options beside its own, or instead of them."""
    original = database.engine_options

    def options(settings: Settings) -> dict[str, Any]:
        return {**original(settings), **changed}

    database.engine_options = options
    app: FastAPI = import_module(f"{package}.main").app
    return app
