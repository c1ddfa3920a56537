"""Servers whose speed is known: ``python servers.py BEHAVIOUR --port PORT [--ms N] ...``.

Standard library alone. Each does nothing but wait, compute or misbehave by a known amount, so that what it
serves can be told by arithmetic. Run by file, not as a module: it starts in a fraction of the time that the
package takes.
"""

import argparse
import asyncio
import json
import random
import selectors
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

HOST = "127.0.0.1"
BODY = json.dumps({"id": 1, "title": "Something known", "done": False}).encode()
ERROR_BODY = b'{"error":"out of luck"}'
REASONS = {200: "OK", 500: "Internal Server Error"}

# What the arms' equality check needs of a service: one operation without parameters.
OPENAPI = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "known", "version": "1"},
        "paths": {
            "/": {
                "get": {
                    "operationId": "read",
                    "responses": {"200": {"description": "ok", "content": {"application/json": {}}}},
                }
            }
        },
    }
).encode()

Reply = Callable[[int, bytes], None]
Behaviour = Callable[[str, Reply], None]
"""Answers the request for a path, now or later."""


@dataclass
class Known:
    """One server's behaviour and what it remembers of its requests."""

    ms: float
    fast_ms: float
    requests: int
    share: float
    seen: set[str] = field(default_factory=set)
    count: int = 0
    due: float | None = None

    def wait(self, path: str, reply: Reply) -> None:
        """A delay that stops nobody else."""
        _later(self.ms, reply)

    def sleep_on_loop(self, path: str, reply: Reply) -> None:
        """A delay that stops everybody else."""
        time.sleep(self.ms / 1000)
        reply(200, BODY)

    def burn(self, path: str, reply: Reply) -> None:
        """So much CPU time for each request in all: what serving it takes is a part of the amount."""
        now = time.thread_time()
        self.due = (now if self.due is None else self.due) + self.ms / 1000
        while time.thread_time() < self.due:
            pass
        reply(200, BODY)

    def fail_fast(self, path: str, reply: Reply) -> None:
        """Every second request gets an error, at once."""
        self.count += 1
        if self.count % 2:
            reply(500, ERROR_BODY)
        else:
            _later(self.ms, reply)

    def turn_bad(self, path: str, reply: Reply) -> None:
        """From some request on, answers with 200 that hold an error, and come sooner."""
        self.count += 1
        if self.count > self.requests:
            _later(self.fast_ms, partial(_with_body, reply, ERROR_BODY))
        else:
            _later(self.ms, reply)

    def cache(self, path: str, reply: Reply) -> None:
        """Slow for what has not been asked for before."""
        known = path in self.seen
        self.seen.add(path)
        _later(self.fast_ms if known else self.ms, reply)

    def warm_up_slowly(self, path: str, reply: Reply) -> None:
        """At the first request slow, at full speed after so many."""
        left = max(1 - self.count / self.requests, 0.0)
        self.count += 1
        _later(self.fast_ms + (self.ms - self.fast_ms) * left, reply)

    def burn_in_background(self) -> None:
        """A thread that takes a share of a core for as long as the server lives, asked or not."""
        threading.Thread(target=burn_in_bursts, args=(self.share, 0.02), daemon=True).start()

    def draw(self, file: Path, seed: str) -> None:
        """Slow or fast for the life of this process; which of them, the number of the start decides."""
        start = int(file.read_text()) if file.exists() else 0
        file.write_text(str(start + 1))
        self.ms = self.fast_ms if is_fast(seed, start) else self.ms


def is_fast(seed: str, start: int) -> bool:
    """Fair draws, but never the same one three times in a row from the first start on."""
    first = [random.Random(f"{seed}/{number}").random() < 0.5 for number in range(start + 1)]
    if start == 2 and len(set(first[:2])) == 1:
        return not first[0]
    return first[start]


def burn_in_bursts(share: float, period_seconds: float, seconds: float = float("inf")) -> None:
    """Take that share of a core, in one burst a period."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        until = time.monotonic() + share * period_seconds
        while time.monotonic() < until:
            pass
        time.sleep((1 - share) * period_seconds)


def _later(ms: float, reply: Reply) -> None:
    asyncio.get_running_loop().call_later(ms / 1000, reply, 200, BODY)


def _with_body(reply: Reply, body: bytes, status: int, _: bytes) -> None:
    reply(status, body)


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as a GET on a connection that stays open needs it."""

    def __init__(self, behave: Behaviour, *, publishes: bool) -> None:
        self._behave = behave
        self._publishes = publishes
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        for head in heads:
            self._take(head.split(b" ", 2)[1].decode("latin-1"))

    def _take(self, path: str) -> None:
        if path == "/healthz":
            self._reply(200, BODY)
        elif path == "/openapi.json" and self._publishes:
            self._reply(200, OPENAPI)
        else:
            self._behave(path, self._reply)

    def _reply(self, status: int, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


def exact_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are not rounded to whole milliseconds, as those of epoll are."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def serve(behave: Behaviour, port: int, *, publishes: bool) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(behave, publishes=publishes), HOST, port, backlog=512
    )
    await server.serve_forever()


Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """For uvicorn, where the harness itself plants the CPU time: an answer and nothing more."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": BODY})


BEHAVIOURS: dict[str, Callable[[Known], Behaviour]] = {
    "wait": lambda known: known.wait,
    "sleep-on-loop": lambda known: known.sleep_on_loop,
    "burn": lambda known: known.burn,
    "fail-fast": lambda known: known.fail_fast,
    "turn-bad": lambda known: known.turn_bad,
    "cache": lambda known: known.cache,
    "warm-up-slowly": lambda known: known.warm_up_slowly,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="a server of known speed; started by `gainbench prove`")
    parser.add_argument("behaviour", choices=(*BEHAVIOURS, "bursts"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ms", type=float, default=0.0, help="of delay or of CPU time")
    parser.add_argument("--fast-ms", type=float, default=0.0, help="the other speed, where there are two")
    parser.add_argument("--requests", type=int, default=0, help="after which it behaves differently")
    parser.add_argument("--background", type=float, default=0.0, help="the share of a core a thread takes")
    parser.add_argument("--period", type=float, default=1.0, help="seconds from burst to burst")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long bursts go on")
    parser.add_argument("--starts", type=Path, help="counts the starts of a server that draws its speed")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--publishes", action="store_true", help="say what it serves, at /openapi.json")
    options = parser.parse_args()
    if options.behaviour == "bursts":
        burn_in_bursts(options.background, options.period, options.seconds)
        return
    known = Known(options.ms, options.fast_ms, options.requests, options.background)
    if options.starts is not None:
        known.draw(options.starts, options.seed)
    if options.background:
        known.burn_in_background()
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(serve(BEHAVIOURS[options.behaviour](known), options.port, publishes=options.publishes))


if __name__ == "__main__":
    main()
