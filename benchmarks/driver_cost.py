"""What does our gate and recording cost beside plain Locust, and how many requests does one core carry?

    python -m benchmarks.driver_cost [--users 8] [--blocks 10] [--seconds 1]

Plain Locust (`locust --headless`) and our generator run the same Locust file against a trivial endpoint, on
the same core, one at a time in mirrored order; the other one is stopped. Both are counted by the server, and
CPU time is read at the same moments. Needs the machine for itself:
beside other work the figures mean nothing.
"""

import argparse
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from gainbench.load.handle import Generator
from gainbench.load.protocol import ArmTarget, Comb, Workload
from gainbench.stack.processes import cores
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stats.estimate import block_difference, estimate_gain

HERE = Path(__file__).parent
LOCUSTFILE = HERE / "get.py"
ARM = "trivial"
GUARD_SECONDS = 0.2
START_SECONDS = 20
MOST_ADDED = 0.15
FEWEST_RPS = 8_000


@dataclass(frozen=True)
class Turn:
    """One stretch of load by one driver, as the server counted it."""

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.requests * 1e6

    @property
    def rps(self) -> float:
        return self.requests / self.seconds


class Meter:
    """Requests at the server and CPU time of one driver, between two moments."""

    def __init__(self, url: str, pid: int) -> None:
        self._url = url
        self._process = psutil.Process(pid)

    def read(self) -> tuple[int, float, float]:
        with urllib.request.urlopen(f"{self._url}/count", timeout=5) as answer:
            requests = int(answer.read())
        used = self._process.cpu_times()
        return requests, time.monotonic(), used.user + used.system

    @contextmanager
    def turn(self, turns: list[Turn]) -> Iterator[None]:
        before = self.read()
        yield
        after = self.read()
        turns.append(Turn(after[0] - before[0], after[1] - before[1], after[2] - before[2]))


class PlainLocust:
    """Runs all the time, but for the turns in which it is stopped."""

    def __init__(self, supervisor: Supervisor, url: str, users: int, core: frozenset[int] | None) -> None:
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--loglevel", "ERROR"]
        command += ["-f", str(LOCUSTFILE), "--host", url, "-u", str(users), "-r", str(users)]
        self._process = supervisor.spawn(
            command, name="locust", log=supervisor.folder / "locust.log", cores=core
        )
        self._meter = Meter(url, self._process.pid)
        self._await_load()
        self._pause()

    def turn(self, turns: list[Turn], seconds: float) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        time.sleep(GUARD_SECONDS)
        with self._meter.turn(turns):
            time.sleep(seconds)
        self._pause()

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        self._process.stop()

    def _pause(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def _await_load(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._meter.read()[0] == 0:
            if time.monotonic() > deadline:
                sys.exit("plain Locust sends nothing")
            time.sleep(0.05)


class Ours:
    """The load generator, parked between its turns."""

    def __init__(self, supervisor: Supervisor, url: str, users: int, core: frozenset[int] | None) -> None:
        self._generator = Generator.start(supervisor, log=supervisor.folder / "generator.log", cores=core)
        self._generator.prepare(Workload(LOCUSTFILE, None, users, (ArmTarget(ARM, url),), seed=1))
        self._meter = Meter(url, self._generator.pid)

    def turn(self, turns: list[Turn], seconds: float) -> None:
        with self._meter.turn(turns):
            self._generator.run_comb(Comb((ARM,), 0.0, seconds, drain_seconds=1.0, patience_seconds=5.0))

    def stop(self) -> None:
        self._generator.finish_workload()
        self._generator.stop()


def trivial_server(supervisor: Supervisor, core: frozenset[int] | None) -> tuple[Process, str]:
    """Start it; its process and URL."""
    log = supervisor.folder / "server.log"
    process = supervisor.spawn(
        [sys.executable, str(HERE / "trivial_server.py")], name="server", log=log, cores=core
    )
    deadline = time.monotonic() + START_SECONDS
    while not (log.exists() and log.read_text().endswith("\n")):
        if time.monotonic() > deadline:
            sys.exit("the trivial server did not start")
        time.sleep(0.02)
    return process, f"http://127.0.0.1:{int(log.read_text())}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--blocks", type=int, default=10, help="plain, ours, ours, plain: one block")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    options = parser.parse_args()

    pinned = cores.split(cores.available())
    server_core, driver_core = (pinned.arms, pinned.others) if pinned else (None, None)
    plain: list[Turn] = []
    ours: list[Turn] = []
    with Supervisor.start() as supervisor:
        _process, url = trivial_server(supervisor, server_core)
        drivers = (
            (PlainLocust(supervisor, url, options.users, driver_core), plain),
            (Ours(supervisor, url, options.users, driver_core), ours),
        )
        print(f"{options.users} users, turns of {options.seconds:g} s; server on {server_core}, ", end="")
        print(f"driver on {driver_core}" if pinned else "nothing pinned")
        print(f"{'block':>5}  {'plain':>14}  {'ours':>14}  CPU per request")
        differences = []
        for block in range(1, options.blocks + 1):
            for driver, turns in (*drivers, *reversed(drivers)):
                driver.turn(turns, options.seconds)
            plain_us, ours_us = ([turn.cpu_us for turn in turns[-2:]] for turns in (plain, ours))
            differences.append(block_difference(ours_us, plain_us))
            print(f"{block:5}  {sum(plain_us) / 2:11.1f} us  {sum(ours_us) / 2:11.1f} us", flush=True)
        for driver, _turns in drivers:
            driver.stop()
    return conclude(differences, plain, ours)


def conclude(differences: list[float], plain: list[Turn], ours: list[Turn]) -> int:
    added = estimate_gain(differences)
    interval = "" if added.low is None or added.high is None else f" ({added.low:+.1%} to {added.high:+.1%})"
    print(f"added to plain Locust's CPU per request: {added.gain:+.1%}{interval}, at most {MOST_ADDED:+.0%}")
    rps = {"plain": _mean_rps(plain), "ours": _mean_rps(ours)}
    print(f"from one core: plain {rps['plain']:.0f}/s, ours {rps['ours']:.0f}/s, at least {FEWEST_RPS}/s")
    return 0 if added.gain <= MOST_ADDED and rps["ours"] >= FEWEST_RPS else 1


def _mean_rps(turns: list[Turn]) -> float:
    return sum(turn.requests for turn in turns) / sum(turn.seconds for turn in turns)


if __name__ == "__main__":
    sys.exit(main())
