"""Stop reading a request body that is larger than any the app takes, with the app's own 413."""

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware; requests without a body pass it untouched."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT"):
            await self.app(scope, receive, send)
            return
        declared_bytes = Headers(scope=scope).get("content-length", "")
        read_bytes = 0

        async def receive_within_limit() -> Message:
            nonlocal read_bytes
            if declared_bytes.isdecimal() and int(declared_bytes) > self.limit_bytes:
                raise self._too_large()
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > self.limit_bytes:
                raise self._too_large()
            return message

        await self.app(scope, receive_within_limit, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The request body is larger than {self.limit_bytes} bytes")
