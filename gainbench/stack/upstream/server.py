"""The upstream's own process: HTTP/1.1 on loopback, each answer after the same delay. Needs Python alone."""

import argparse
import asyncio
from collections.abc import Sequence

END_OF_HEAD = b"\r\n\r\n"
LONGEST_HEAD = 64 * 1024
BODY = b'{"service": "upstream"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Connection(asyncio.Protocol):
    """One client's. A request has no body here: what a client sends beyond its head is taken for the next."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._unread = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        *requests, self._unread = self._unread.split(END_OF_HEAD)
        for _ in requests:
            asyncio.get_running_loop().call_later(self._delay_seconds, self._answer)
        if len(self._unread) > LONGEST_HEAD and self._transport is not None:
            self._transport.close()

    def _answer(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(ANSWER)


async def serve(host: str, port: int, delay_seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(delay_seconds), host, port)
    await server.serve_forever()


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, required=True)
    asked = parser.parse_args(words)
    asyncio.run(serve(asked.host, asked.port, asked.delay_ms / 1000))


if __name__ == "__main__":
    main()
