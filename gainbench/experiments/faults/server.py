"""A server whose speed is known and which needs its database: ``python server.py --port P --ms N``.

Every response takes N ms, the database's part included, so that the ratio of two of them is known whatever
the database takes. Without its database it answers 500. Run by file, not as a module, like those of `prove`.
"""

import argparse
import asyncio
import os
import selectors
from urllib.parse import urlsplit

import aiomysql

from gainbench.experiments.prove.servers import OPENAPI

HOST = "127.0.0.1"
CONNECTIONS = 8
BODY = b'{"id":1}'
ERROR = b'{"error":"no database"}'


class Known:
    def __init__(self, ms: float) -> None:
        self._seconds = ms / 1000
        self._pool: aiomysql.Pool | None = None

    async def connect(self) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])
        self._pool = await aiomysql.create_pool(
            host=url.hostname,
            port=url.port,
            user=url.username,
            password=url.password,
            minsize=1,
            maxsize=CONNECTIONS,
        )

    async def answer(self) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._seconds
        try:
            if self._pool is None:
                await self.connect()
            assert self._pool is not None
            async with self._pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute("SELECT 1")
        except (aiomysql.Error, OSError):
            return 500, ERROR
        await asyncio.sleep(max(0.0, due - loop.time()))
        return 200, BODY

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


async def main() -> None:
    parser = argparse.ArgumentParser(description="a server of known speed; started by `gainbench faults`")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ms", type=float, required=True)
    options = parser.parse_args()
    known = Known(options.ms)
    server = await asyncio.start_server(known.serve, HOST, options.port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    # Its timers are not rounded to whole milliseconds, as those of epoll are.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(main())
