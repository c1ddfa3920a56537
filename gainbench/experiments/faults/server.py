"""A server whose speed is known and which needs its database: ``python server.py --port P --ms N``.

Every response takes N ms, the database's part included, so that the ratio of two of them is known whatever
the database takes. Without its database it answers 500. With ``--workers K`` there are K processes on one
socket, below one that puts another in the place of any that ends, as uvicorn does. Run by file, not as a
module, like those of `prove`.
"""

import argparse
import asyncio
import os
import selectors
import socket
from concurrent.futures import ThreadPoolExecutor

from gainbench.experiments.prove.servers import OPENAPI
from gainbench.stack.database.dialect import DatabaseRefused, Session
from gainbench.stack.database.dialects import endpoint_from
from gainbench.stack.database.sql import open_session

HOST = "127.0.0.1"
CONNECTIONS = 8
BODY = b'{"id":1}'
ERROR = b'{"error":"no database"}'


class Known:
    def __init__(self, ms: float) -> None:
        self._seconds = ms / 1000
        self._threads = ThreadPoolExecutor(CONNECTIONS)
        self._free: list[Session] = []

    async def answer(self) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._seconds
        try:
            await loop.run_in_executor(self._threads, self._ask)
        except DatabaseRefused:
            return 500, ERROR
        await asyncio.sleep(max(0.0, due - loop.time()))
        return 200, BODY

    def _ask(self) -> None:
        """On a connection that is free, or else a new one: never more than there are threads."""
        try:
            opened = self._free.pop()
        except IndexError:
            opened = open_session(endpoint_from(os.environ["DATABASE_URL"]))
        try:
            opened.query("SELECT 1")
        except DatabaseRefused:
            opened.break_off()
            raise
        self._free.append(opened)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1 as far as a GET on a connection that stays open needs it."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                is_asked_for_itself = head.split(b" ", 2)[1] == b"/openapi.json"
                status, body = (200, OPENAPI) if is_asked_for_itself else await self.answer()
                kind, length = "Content-Type: application/json", f"Content-Length: {len(body)}"
                writer.write(f"HTTP/1.1 {status} -\r\n{kind}\r\n{length}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def serve(listener: socket.socket, ms: float) -> None:
    known = Known(ms)
    server = await asyncio.start_server(known.serve, sock=listener)
    await server.serve_forever()


def watch_over(workers: int) -> None:
    """Return in each of them; the process that was started stays here."""
    running: set[int] = set()
    while True:
        while len(running) < workers:
            pid = os.fork()
            if pid == 0:
                return
            running.add(pid)
        ended, _ = os.wait()
        running.discard(ended)


def main() -> None:
    parser = argparse.ArgumentParser(description="a server of known speed; started by `gainbench faults`")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ms", type=float, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    listener = socket.create_server((HOST, options.port), backlog=512)
    if options.workers > 1:
        watch_over(options.workers)
    # Its timers are not rounded to whole milliseconds, as those of epoll are.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(listener, options.ms))


if __name__ == "__main__":
    main()
