import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, Comb, CombReport, Workload, WorkloadFinished
from gainbench.stack.processes.supervisor import Supervisor

SERVER = Path(__file__).with_name("counting_server.py")
DELAY_SERVER = Path(__file__).with_name("delay_server.py")


@dataclass(frozen=True)
class CountingServer:
    name: str
    url: str
    pid: int

    def counts(self) -> Counter[str]:
        """Requests by "USER PATH"; a user that has not logged in is "-"."""
        return Counter(httpx.get(f"{self.url}/counts").raise_for_status().json())

    def drop_connections(self) -> None:
        """Close them all, as a server does with idle ones."""
        httpx.get(f"{self.url}/drop").raise_for_status()

    @property
    def target(self) -> ArmTarget:
        return ArmTarget(self.name, self.url)


@pytest.fixture
def servers() -> Iterator[tuple[CountingServer, CountingServer]]:
    """Two arms, "left" and "right"."""
    with counting_servers("127.0.0.1") as both:
        yield both


@contextmanager
def counting_servers(host: str) -> Iterator[tuple[CountingServer, CountingServer]]:
    processes = [
        subprocess.Popen([sys.executable, SERVER, name, host], stdout=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    try:
        ports = [process.stdout.readline().strip() for process in processes]
        yield (
            CountingServer("left", f"http://{host}:{ports[0]}", processes[0].pid),
            CountingServer("right", f"http://{host}:{ports[1]}", processes[1].pid),
        )
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()


@dataclass(frozen=True)
class DelayServer:
    name: str
    url: str

    def served(self) -> list[tuple[float, float | None]]:
        """When each request came, and when its answer left."""
        return [(came, left) for came, left in httpx.get(f"{self.url}/served").raise_for_status().json()]

    @property
    def target(self) -> ArmTarget:
        return ArmTarget(self.name, self.url)


@pytest.fixture
def delayed() -> Iterator[tuple[DelayServer, DelayServer]]:
    """Two arms that do nothing but wait: "left" for 40 ms, "right" for 20 ms."""
    command = [sys.executable, DELAY_SERVER, "left=0.04", "right=0.02"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            left, right = process.stdout.readline().split()
            yield (
                DelayServer("left", f"http://127.0.0.1:{left}"),
                DelayServer("right", f"http://127.0.0.1:{right}"),
            )
        finally:
            process.kill()


@pytest.fixture(scope="module")
def long_lived_generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    with started_generator(tmp_path_factory.mktemp("load") / "generator.log") as generator:
        yield generator


@pytest.fixture
def generator(long_lived_generator: Generator) -> Iterator[Generator]:
    """One for many workloads, as in a trial."""
    yield long_lived_generator
    long_lived_generator.finish_workload()


@pytest.fixture
def own_generator(tmp_path: Path) -> Iterator[Generator]:
    """One that the test may ruin."""
    with started_generator(tmp_path / "generator.log") as generator:
        yield generator


@contextmanager
def started_generator(log: Path) -> Iterator[Generator]:
    with Supervisor.start() as supervisor, Generator.start(supervisor, log=log) as generator:
        yield generator


@pytest.fixture
def locustfile(tmp_path: Path) -> Callable[..., Path]:
    """Write a Locust file."""

    def write(source: str, name: str = "load.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    return write


def comb(
    *order: str,
    guard_seconds: float = 0.02,
    window_seconds: float = 0.1,
    drain_seconds: float = 5.0,
    patience_seconds: float = 5.0,
) -> Comb:
    return Comb(order, guard_seconds, window_seconds, drain_seconds, patience_seconds)


def throughput_rps(report: CombReport, arm: str) -> float:
    turns = [turn for turn in report.turns if turn.arm == arm]
    return sum(turn.successes for turn in turns) / sum(turn.seconds for turn in turns)


@dataclass(frozen=True)
class Measured:
    report: CombReport
    finished: WorkloadFinished

    def counted(self, arm: str) -> int:
        """Every request of the arm that some report counted."""
        outside = [part.outside[arm].requests for part in (self.report, self.finished)]
        return self.report.arms[arm].requests + sum(outside)

    def failures(self, arm: str) -> Counter[str]:
        total: Counter[str] = Counter(self.report.arms[arm].failures)
        for part in (self.report, self.finished):
            total.update(part.outside[arm].failures)
        return total

    def task_exceptions(self) -> Counter[str]:
        return Counter(self.report.task_exceptions) + Counter(self.finished.task_exceptions)


@pytest.fixture
def measure(
    generator: Generator, servers: tuple[CountingServer, CountingServer]
) -> Callable[[Path], Measured]:
    """A whole workload: one comb of both arms in mirrored order."""

    def run(path: Path, *, users: int = 3, user: str | None = None, **more: tuple[str, ...]) -> Measured:
        targets = tuple(server.target for server in servers)
        generator.prepare(Workload(path, user, users, targets, seed=1, **more))
        report = generator.run_comb(comb("left", "right", "right", "left"))
        return Measured(report, generator.finish_workload())

    return run
