"""The cheapest HTTP/1.1 endpoint there is: every GET gets the same small answer. Prints its port.

``GET /count`` answers with the number of requests so far and is not itself one of them, so that any load tool
is counted the same way. For the benchmarks of this folder alone.
"""

import asyncio
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
ANSWER = HEAD % (11, b'{"ok":true}')
END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        *requests, self.buffer = (self.buffer + data).split(END)
        for request in requests:
            if request.startswith(b"GET /count "):
                count = b"%d" % Connection.served
                self.transport.write(HEAD % (len(count), count))
            else:
                Connection.served += 1
                self.transport.write(ANSWER)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
