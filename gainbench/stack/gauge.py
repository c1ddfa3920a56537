"""How fast the arms' core is, moment by moment: a small fixed piece of work, done 250 times a second.

A core of a shared machine changes its speed by tens of per cent within fractions of a second, as neighbours
use its other half. The gauge sees that as it happens; its cost, 1-2 % of the core, all arms pay alike.
The first part of this module is the harness's handle; run as a program it is the gauge itself.
"""

import mmap
import random
import struct
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gainbench.stack.supervisor import Process, Supervisor

ITERATIONS = 1000
MEAN_PAUSE_SECONDS = 0.004
_RECORD = struct.Struct("dd")  # sum of the works' microseconds, how many


@dataclass(frozen=True)
class GaugeReading:
    """All the work done so far: its CPU time, and how often it was done."""

    work_us: float
    count: float

    def mean_us_since(self, earlier: "GaugeReading") -> float | None:
        """What one piece of work took between two readings; None where none was done."""
        done = self.count - earlier.count
        return (self.work_us - earlier.work_us) / done if done else None


@dataclass(frozen=True)
class Gauge:
    """A running gauge."""

    process: Process
    file: Path

    @classmethod
    def start(cls, supervisor: Supervisor, *, cores: Collection[int]) -> Self:
        file = supervisor.folder / "gauge"
        file.write_bytes(bytes(_RECORD.size))
        command = [sys.executable, "-m", "gainbench.stack.gauge", str(file)]
        return cls(supervisor.spawn(command, name="core gauge", cores=cores), file)

    def read(self) -> GaugeReading:
        return GaugeReading(*_RECORD.unpack(self.file.read_bytes()))

    def stop(self) -> None:
        self.process.stop()


def _work() -> int:
    total = 0
    for number in range(ITERATIONS):
        total += number
    return total


def _measure_for_ever(file: Path) -> None:
    """CPU time, not wall time: being kept from the core is the arms' load, not the core's speed."""
    with file.open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), _RECORD.size)
    total_us, count = 0.0, 0.0
    while True:
        time.sleep(random.uniform(0.5, 1.5) * MEAN_PAUSE_SECONDS)  # no beat that an arm could fall into
        before = time.thread_time_ns()
        _work()
        total_us += (time.thread_time_ns() - before) / 1000
        count += 1
        shared[:] = _RECORD.pack(total_us, count)


if __name__ == "__main__":
    _measure_for_ever(Path(sys.argv[1]))
