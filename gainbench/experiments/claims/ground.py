"""What claims are measured on: the arms with their database, and ways to send them requests.

Requests go out together or one after another, each with when it was sent and when its answer had come.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gainbench.analyse.summary import summarise
from gainbench.errors import InvalidMeasurement
from gainbench.experiments import bench
from gainbench.experiments.map.starving import starving_plan, try_starving
from gainbench.experiments.whole import Length, part_of
from gainbench.masking import inheritable
from gainbench.plan.condition import Pool
from gainbench.plan.model import Plan
from gainbench.run.run import Watcher
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import how_ended
from gainbench.store.directory import RunDirectory
from gainbench.store.reading import load_run
from gainbench.store.records import Line, Span, Starved
from gainbench.store.results import Results

ANSWER_SECONDS = 60.0
COMB_SECONDS = 2.0
BENCH_SECONDS = 110.0  # a claim alone takes no longer than two minutes
TRY_SECONDS = 60.0
FIRST_REFUSAL = 400
NO_ERROR = "no error"
TOLD = "gainbench-told: "  # before what a try has to say, on a line of its own


@dataclass(frozen=True)
class Ask:
    """A request: so many seconds after the beginning, to that path."""

    path: str
    after_seconds: float = 0.0
    method: str = "GET"


@dataclass(frozen=True)
class Ground:
    """`arms`: the address of each. `async_url`: of a seeded schema, for a try that asks it itself."""

    arms: Mapping[str, str]
    async_url: str
    supervisor: Supervisor
    logs: Path
    plan: Plan
    parts: Path  # where benches of claims are kept
    watch: Watcher

    def bench(
        self, name: str, conditions: Sequence[Mapping[str, Any]], trials: int, **changed: Any
    ) -> Results:
        """The three arms compared under these conditions, on fresh servers and a database of their own."""
        here = self.plan.headline_cell
        cells = [here.changed({**said, "headline": False}) for said in conditions]
        length = Length(trials, 1, COMB_SECONDS, BENCH_SECONDS)
        plan = part_of(self.plan, name, cells, length, is_gated=False).model_copy(update=changed)
        directory = RunDirectory.create_part(self.parts, name, now=datetime.now(UTC))
        with Supervisor.start() as supervisor:
            bench.measure(bench.Job(plan, supervisor, (), self.watch), directory)
        return summarise(load_run(directory.path))

    def starved(self, users: int, connections: int, threads: int) -> Mapping[str, Starved]:
        """Each arm alone under so many users, on fresh servers with so few connections and threads."""
        base = starving_plan(self.plan, self.plan.headline_cell)
        cell = base.headline_cell.changed({"users": users, "pool": Pool(size=connections)})
        plan = base.model_copy(update={"cells": (cell,), "thread_tokens": threads})
        found: list[Line] = []
        logs = self.parts / "starved"
        logs.mkdir(parents=True, exist_ok=True)
        with Supervisor.start() as supervisor:
            try_starving(plan, supervisor, logs, found.append, self.watch)
        return {one.arm: one for one in found if isinstance(one, Starved)}

    def send(self, arm: str, asks: Sequence[Ask]) -> tuple[Span, ...]:
        """All of them, each at its time; how long each took, by one clock."""
        return asyncio.run(_send(self.arms[arm], asks))

    def burst(self, arm: str, path: str, count: int) -> tuple[Span, ...]:
        return self.send(arm, [Ask(path)] * count)

    def seconds_in_turn(self, arm: str, path: str, count: int) -> float:
        """One after another over one connection."""
        return asyncio.run(_seconds_in_turn(self.arms[arm], [Ask(path)] * count))

    def run(self, script: str) -> dict[str, Any]:
        """A program of its own, which may fail as it likes, and what it had to tell."""
        log = self.logs / f"try-{time.monotonic_ns():x}.log"
        process = self.supervisor.spawn(
            [sys.executable, "-c", script],
            name="a try",
            log=log,
            env=inheritable() | {"ASYNC_URL": self.async_url},
        )
        status = process.wait(TRY_SECONDS)
        process.stop(grace_seconds=1.0)
        said = log.read_text(errors="replace")
        for line in said.splitlines():
            if line.startswith(TOLD):
                told: dict[str, Any] = json.loads(line.removeprefix(TOLD))
                return told
        how = f"did not end within {TRY_SECONDS:.0f} s" if status is None else how_ended(status)
        raise InvalidMeasurement(f"a try {how} without a word: {said.strip()[-300:]}")

    def error_of(self, imports: str, statement: str) -> str:
        """What Python says to it, with the name of the error; or NO_ERROR."""
        told = self.run(
            f"import json\n{imports}\ntry:\n    {statement}\n    told = {NO_ERROR!r}\n"
            'except Exception as error:\n    told = f"{type(error).__name__}: {error}"\n'
            f"print({TOLD!r} + json.dumps({{'told': told}}))"
        )
        return str(told["told"]).partition(" (Background")[0]


async def _seconds_in_turn(url: str, asks: Sequence[Ask]) -> float:
    async with _lines(url, 1) as (line,):
        started = time.perf_counter()
        for ask in asks:
            await line.answer(ask)
        return time.perf_counter() - started


async def _send(url: str, asks: Sequence[Ask]) -> tuple[Span, ...]:
    async with _lines(url, len(asks)) as lines:
        began = time.perf_counter()

        async def one(ask: Ask, line: _Line) -> Span:
            await asyncio.sleep(ask.after_seconds)
            sent = time.perf_counter()
            await line.answer(ask)
            return Span(start=sent - began, end=time.perf_counter() - began, name=ask.path)

        return tuple(await asyncio.gather(*(one(*pair) for pair in zip(asks, lines, strict=True))))


@asynccontextmanager
async def _lines(url: str, count: int) -> AsyncIterator[Sequence["_Line"]]:
    """Connections that are open already: what is timed is the server, and as little of us as can be."""
    place = urlsplit(url)
    lines: list[_Line] = []
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for _ in range(count):
                lines.append(await _Line.open(place.hostname or "", place.port or 80))
            yield lines
    except (OSError, EOFError) as error:  # a time-out is one of the first
        raise InvalidMeasurement(f"a request was not answered: {type(error).__name__}") from None
    finally:
        for line in lines:
            line.close()


class _Line:
    """A connection of HTTP/1.1, without anything that a burst need not wait for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, host: str, port: int) -> "_Line":
        return cls(*await asyncio.open_connection(host, port), f"{host}:{port}")

    async def answer(self, ask: Ask) -> None:
        empty = "Content-Length: 0\r\n" if ask.method != "GET" else ""
        head = f"{ask.method} {ask.path} HTTP/1.1\r\nHost: {self._host}\r\n{empty}\r\n"
        self._writer.write(head.encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?i)^content-length: *(\d+)", head, re.MULTILINE)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        status = int(head.split()[1])
        if status >= FIRST_REFUSAL:
            raise InvalidMeasurement(
                f"{ask.path} was answered with {status}: {body.decode(errors='replace')[:200]}"
            )

    def close(self) -> None:
        self._writer.close()


def lasted(spans: Sequence[Span]) -> float:
    """From the first request to the last answer."""
    return max(span.end for span in spans) - min(span.start for span in spans)


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)
