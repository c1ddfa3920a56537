"""Watching processes by identity, not by name: who is still alive, and waiting until nobody is."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s: {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Watched:
    """Processes (a reused pid is another process) and a folder that must all go."""

    processes: tuple[psutil.Process, ...]
    folder: Path

    @classmethod
    def of(cls, pids: Iterable[int], folder: Path) -> "Watched":
        return cls(tuple(psutil.Process(pid) for pid in pids), folder)

    def left(self) -> list[str]:
        alive = [str(process) for process in self.processes if is_alive(process)]
        return alive + ([str(self.folder)] if self.folder.exists() else [])

    def wait_until_gone(self) -> None:
        wait_until(lambda: not self.left(), f"still there: {self.left()}")


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
