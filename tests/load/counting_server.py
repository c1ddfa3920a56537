"""A small HTTP server in a process of its own that remembers who asked for what.

``GET /counts`` answers with the requests seen so far, by "USER PATH", where USER is the cookie that
``POST /login`` gave out. ``GET /drop`` closes every other connection, as a server does with idle ones.
Neither of the two is itself counted.
"""

import asyncio
import itertools
import json
import sys
from collections import Counter
from typing import ClassVar

REASONS = {200: "OK", 503: "Service Unavailable"}


class Connection(asyncio.Protocol):
    seen: ClassVar[Counter[str]] = Counter()
    users: ClassVar[itertools.count] = itertools.count(1)
    open: ClassVar[set["Connection"]] = set()
    name: ClassVar[str] = ""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.buffer = b""
        self.open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self.take_request()) is not None:
            self.answer(*request)

    def take_request(self) -> tuple[str, str] | None:
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        request_line, *header_lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in header_lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self.buffer = rest[length:]
        cookies = dict(part.split("=", 1) for part in headers.get("cookie", "").split("; ") if part)
        return request_line.split(" ")[1], cookies.get("user", "-")

    def answer(self, path: str, user: str) -> None:
        if path == "/counts":
            self.send(200, self.seen)
            return
        if path == "/drop":
            for other in self.open - {self}:
                other.transport.close()
            asyncio.get_running_loop().call_soon(self.send, 200, {})  # after they have really closed
            return
        self.seen[f"{user} {path}"] += 1
        if path == "/login":
            self.send(200, {}, cookie=f"user={self.name}{next(self.users)}")
        elif path == "/hang":
            pass
        elif path == "/busy":
            self.send(503, {"detail": "busy"})
        else:
            self.send(200, {"path": path})

    def send(self, status: int, body: object, *, cookie: str | None = None) -> None:
        payload = json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
        ]
        if cookie is not None:
            lines.append(f"Set-Cookie: {cookie}; Path=/")
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)


async def main(name: str, host: str = "127.0.0.1") -> None:
    Connection.name = name
    server = await asyncio.get_running_loop().create_server(Connection, host, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
