"""Run by an app's own interpreter, in its folder: import the app, and write what it offers to a file.

``python routes_program.py MODULE:APP FILE DRIVER...``; of the drivers it tells which are imported. Must run
wherever the app does, so it imports nothing of ours.
"""

import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any

SERVERS = ("uvicorn", "uvloop", "httptools", "gunicorn", "waitress", "flask")


def main() -> None:
    target, path, *drivers = sys.argv[1:]
    # Where `python -m` would look: in the app's folder, not in this program's.
    sys.path[0] = os.getcwd()
    module_name, _, name = target.partition(":")
    app = importlib.import_module(module_name)
    for part in (name or "app").split("."):
        app = getattr(app, part)
    told = describe(app)
    told["servers"] = [server for server in SERVERS if importlib.util.find_spec(server)]
    told["drivers"] = [driver for driver in drivers if driver in sys.modules]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file, default=str)


def describe(app: Any) -> dict[str, Any]:
    """FastAPI, Litestar, Starlette, Flask, Django, or whatever else can be called."""
    if callable(getattr(app, "openapi", None)) and hasattr(app, "routes"):
        return {"kind": "asgi", "openapi": app.openapi(), "routes": []}
    if hasattr(app, "openapi_schema") and hasattr(app, "asgi_handler"):
        return {"kind": "asgi", "openapi": app.openapi_schema.to_schema(), "routes": []}
    if hasattr(app, "url_map"):
        rules = [
            (rule.rule, rule.methods or ()) for rule in app.url_map.iter_rules() if rule.endpoint != "static"
        ]
        kind = "asgi" if inspect.iscoroutinefunction(type(app).__call__) else "wsgi"
        return {"kind": kind, "openapi": None, "routes": routes(rules)}
    if hasattr(app, "routes"):
        return {"kind": "asgi", "openapi": None, "routes": routes(walk_starlette(app.routes))}
    if "django" in sys.modules and type(app).__module__.startswith("django."):
        get_resolver = importlib.import_module("django.urls").get_resolver
        kind = "asgi" if "asgi" in type(app).__module__ else "wsgi"
        found = [(path, ("GET",)) for path in walk_django(get_resolver().url_patterns)]
        return {"kind": kind, "openapi": None, "routes": routes(found)}
    called = app if inspect.isfunction(app) else type(app).__call__
    return {"kind": "asgi" if inspect.iscoroutinefunction(called) else "wsgi", "openapi": None, "routes": []}


def routes(found: Iterable[tuple[str, Collection[str]]]) -> list[dict[str, str]]:
    return [
        {"path": path, "method": method}
        for path, methods in found
        for method in sorted(set(methods) - {"HEAD", "OPTIONS"})
    ]


def walk_starlette(found: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Collection[str]]]:
    for route in found:
        path = prefix + getattr(route, "path", "")
        if getattr(route, "methods", None):
            yield path, route.methods
        elif getattr(route, "routes", None):
            yield from walk_starlette(route.routes, path)


def walk_django(patterns: Iterable[Any], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            if not path.startswith("/admin"):
                yield from walk_django(pattern.url_patterns, path)
        elif not any(sign in path for sign in "^$()\\"):
            yield path


if __name__ == "__main__":
    main()
