"""An ASGI app around another one that notes where each request's time goes, from outside.

Runs inside the arm, so it uses the standard library and what the app itself brings. A request is at any
moment in one mode (running on the loop or in a thread, or waiting to) and in one place (the app, the pool's
checkout, the database); each change adds the time since the last one to the mode and place that it ends.
Sums alone are kept. The client tells in a header when it sent a request, and how long the way back of its
last answer took, by the monotonic clock that all processes of a machine share.
"""

import contextlib
import contextvars
import functools
import importlib
import json
import os
from threading import get_ident
from time import monotonic_ns, thread_time_ns

import anyio.to_thread

APP = "GAINBENCH_WRAPPED_APP"
PATH = "/gainbench-phases"
SENT = b"x-gainbench-sent"
ANSWERED = b"x-gainbench-answered"

LOOP, SUSPENDED, TO_THREAD, THREAD, FROM_THREAD = "loop", "suspended", "to thread", "thread", "from thread"
APP_PLACE, POOL, DATABASE = "app", "pool", "database"

current = contextvars.ContextVar("gainbench_request", default=None)


class Sums:
    """Nanoseconds over all requests, and how many there were."""

    def __init__(self):
        self.requests = 0
        self.wall = {}
        self.cpu = {}
        self.way_in = 0
        self.inside = 0
        self.ways_back = 0
        self.way_back = 0
        self.latency = 0
        self.statements = 0

    def told(self):
        return {
            "requests": self.requests,
            "wall": {f"{mode}/{place}": ns for (mode, place), ns in self.wall.items()},
            "cpu": {f"{mode}/{place}": ns for (mode, place), ns in self.cpu.items()},
            "way_in": self.way_in,
            "inside": self.inside,
            "ways_back": self.ways_back,
            "way_back": self.way_back,
            "latency": self.latency,
            "statements": self.statements,
        }


class Request:
    """One request until its answer begins: what comes after it is no part of the latency."""

    __slots__ = (
        "began",
        "cpu",
        "cpu_at",
        "is_over",
        "mode",
        "place",
        "since",
        "statements",
        "thread",
        "waits_as",
        "wall",
    )

    def __init__(self):
        self.began = self.since = monotonic_ns()
        self.cpu_at, self.thread = thread_time_ns(), get_ident()
        self.mode, self.place = LOOP, APP_PLACE
        self.waits_as = SUSPENDED
        self.wall, self.cpu = {}, {}
        self.statements = 0
        self.is_over = False

    def change(self, mode, place):
        """From here on.

        CPU time is that of the thread which ran until now; one that takes over before the loop has let go
        cannot read the loop's clock.
        """
        if self.is_over:
            return
        now = monotonic_ns()
        key = (self.mode, self.place)
        self.wall[key] = self.wall.get(key, 0) + now - self.since
        self.since = now
        if self.mode in (LOOP, THREAD) and self.thread == get_ident():
            self.cpu[key] = self.cpu.get(key, 0) + thread_time_ns() - self.cpu_at
        self.mode, self.place = mode, place
        if mode in (LOOP, THREAD):
            self.cpu_at, self.thread = thread_time_ns(), get_ident()

    def step_begins(self):
        if self.mode != LOOP:
            self.change(LOOP, self.place)
        else:
            self.cpu_at, self.thread = thread_time_ns(), get_ident()

    def step_ends(self):
        """A thread that was quicker has taken over already."""
        if self.mode == LOOP:
            self.change(self.waits_as, self.place)

    def over(self, sums):
        self.change(self.mode, self.place)
        self.is_over = True
        for own, all_of_them in ((self.wall, sums.wall), (self.cpu, sums.cpu)):
            for key, ns in own.items():
                all_of_them[key] = all_of_them.get(key, 0) + ns
        sums.requests += 1
        sums.inside += self.since - self.began
        sums.statements += self.statements


class Stepped:
    """A coroutine whose steps on the loop are noted."""

    def __init__(self, coroutine, request):
        self._coroutine = coroutine
        self._request = request

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        self._request.step_begins()
        try:
            return self._coroutine.send(value)
        finally:
            self._request.step_ends()

    def throw(self, *error):
        self._request.step_begins()
        try:
            return self._coroutine.throw(*error)
        finally:
            self._request.step_ends()

    def close(self):
        self._coroutine.close()


@contextlib.contextmanager
def within(place):
    """The request is at this place for as long as the block lasts."""
    request = current.get()
    if request is None or request.is_over:
        yield
        return
    before = request.place
    request.change(request.mode, place)
    try:
        yield
    finally:
        request.change(request.mode, before)


def note_threads():
    """How long a request waits for a thread, works in it, and waits for the loop to take it back."""
    run_sync = anyio.to_thread.run_sync

    @functools.wraps(run_sync)
    async def noted(function, *args, **options):
        request = current.get()
        if request is None or request.is_over:
            return await run_sync(function, *args, **options)

        def in_thread(*given):
            request.change(THREAD, request.place)
            try:
                return function(*given)
            finally:
                request.change(FROM_THREAD, request.place)

        request.waits_as = TO_THREAD
        try:
            return await run_sync(in_thread, *args, **options)
        finally:
            request.waits_as = SUSPENDED

    anyio.to_thread.run_sync = noted


def note_database():
    """Checkouts of connections, and what goes to the database, of whatever driver."""
    try:
        from sqlalchemy import Pool  # noqa: PLC0415 (not every app has it)
        from sqlalchemy.engine.default import DefaultDialect  # noqa: PLC0415
    except ImportError:
        return
    _put_around(Pool, "connect", POOL)
    for name in ("do_execute", "do_executemany", "do_commit", "do_rollback", "do_ping"):
        for kind in _with_own(DefaultDialect, name):
            _put_around(kind, name, DATABASE)


def _with_own(kind, name):
    """The class and those below it that have a method of that name of their own."""
    if name in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from _with_own(below, name)


def _put_around(kind, name, place):
    method = getattr(kind, name)

    @functools.wraps(method)
    def noted(*args, **options):
        request = current.get()
        if request is not None and not request.is_over and place == DATABASE:
            request.statements += 1
        with within(place):
            return method(*args, **options)

    setattr(kind, name, noted)


def _stamps(scope):
    for name, value in scope["headers"]:
        if name == SENT:
            return [int(number) for number in value.split()]
    return None


def _wrapped_app():
    module, _, attribute = os.environ[APP].partition(":")
    return getattr(importlib.import_module(module), attribute or "app")


note_threads()
_app = _wrapped_app()
note_database()
_kept = [Sums()]


async def _tell(send):
    body = json.dumps(_kept[0].told()).encode()
    _kept[0] = Sums()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": body})


async def app(scope, receive, send):
    if scope["type"] != "http":
        await _app(scope, receive, send)
        return
    if scope["path"] == PATH:
        await _tell(send)
        return
    request = Request()
    stamps = _stamps(scope)
    if stamps is None:
        await _app(scope, receive, send)
        return
    sent, way_back, latency = stamps
    sums = _kept[0]
    sums.way_in += request.began - sent
    if latency:
        sums.ways_back += 1
        sums.way_back += way_back
        sums.latency += latency

    async def noted_send(message):
        if message["type"] == "http.response.start":
            request.over(sums)
            headers = [*message.get("headers", ()), (ANSWERED, str(monotonic_ns()).encode())]
            message = {**message, "headers": headers}
        await send(message)

    current.set(request)
    await Stepped(_app(scope, receive, noted_send), request)
