"""HTTP servers of known delay, all in one process: what slows one of them slows the others too.

``delay_server.py left=0.04 right=0.02`` prints a port for each. Every path is answered after that many
seconds; ``/after/0.3`` after its own, ``/never`` not at all. ``GET /served`` answers at once with when each
request came and when its answer left, by the monotonic clock, and is not itself noted.
"""

import asyncio
import json
import sys
from time import monotonic


class Connection(asyncio.Protocol):
    def __init__(self, delay_seconds: float, served: list[tuple[float, float | None]]) -> None:
        self.delay_seconds = delay_seconds
        self.served = served
        self.buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:  # all requests are GETs without a body
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.take(head.split(b" ", 2)[1].decode())

    def take(self, path: str) -> None:
        if path == "/served":
            self.send(json.dumps(self.served).encode())
            return
        came, place = monotonic(), len(self.served)
        self.served.append((came, None))
        if path != "/never":
            own = float(path.removeprefix("/after/")) if path.startswith("/after/") else self.delay_seconds
            asyncio.get_running_loop().call_later(own, self.answer, came, place)

    def answer(self, came: float, place: int) -> None:
        self.served[place] = (came, monotonic())
        self.send(b"{}")

    def send(self, body: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def main(arms: list[str]) -> None:
    servers = []
    for arm in arms:
        delay_seconds, served = float(arm.partition("=")[2]), []
        servers.append(
            await asyncio.get_running_loop().create_server(
                lambda delay=delay_seconds, served=served: Connection(delay, served), "127.0.0.1", 0
            )
        )
    sys.stdout.write(" ".join(str(server.sockets[0].getsockname()[1]) for server in servers) + "\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
