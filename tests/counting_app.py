"""An ASGI app around another one that counts its scenario requests: one byte in a file for each."""

import importlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

_module, _, _attribute = os.environ["COUNTED_APP"].partition(":")
_app = getattr(importlib.import_module(_module), _attribute)
_file = os.open(os.environ["COUNT_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] == "http" and scope["path"] != "/healthz":
        os.write(_file, b".")
    await _app(scope, receive, send)
