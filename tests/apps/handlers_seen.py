"""``python -m tests.apps.handlers_seen MODULE``: how FastAPI will call the handlers and sessions of that app.

A program of its own, because an app takes its settings from the environment when it is imported.
"""

import importlib
import inspect
import json
import sys

from fastapi.routing import APIRoute, iter_route_contexts

app = importlib.import_module(sys.argv[1]).app
routes = [context.original_route for context in iter_route_contexts(app.routes)]
handlers = [route for route in routes if isinstance(route, APIRoute)]
sessions = {each.call for route in handlers for each in route.dependant.dependencies}
json.dump(
    {
        "handlers": len(handlers),
        "coroutines": sum(inspect.iscoroutinefunction(route.endpoint) for route in handlers),
        "threaded_sessions": sum(inspect.isgeneratorfunction(session) for session in sessions),
        "awaited_sessions": sum(inspect.isasyncgenfunction(session) for session in sessions),
    },
    sys.stdout,
)
