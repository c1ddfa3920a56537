"""What the machine and our processes have used, read from /proc at the edges of a window.

CPU time comes from the scheduler's own nanosecond counters (``schedstat``): the usual ones tick at 10 ms,
which is 2 % of a window. Files stay open and are read again: a reading must not disturb what it measures.
Where there is no /proc, psutil gives the CPU time and the rest is unknown.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

HAS_PROC = Path("/proc/self/schedstat").exists()
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class TreeUse:
    """What a process tree has used since it began, or between two readings."""

    cpu_seconds: float
    run_queue_seconds: float | None
    switches: int | None

    def __sub__(self, earlier: "TreeUse") -> "TreeUse":
        cpu_seconds = self.cpu_seconds - earlier.cpu_seconds
        if self.run_queue_seconds is None or earlier.run_queue_seconds is None:
            return TreeUse(cpu_seconds, None, None)
        return TreeUse(
            cpu_seconds,
            self.run_queue_seconds - earlier.run_queue_seconds,
            (self.switches or 0) - (earlier.switches or 0),
        )


@dataclass(frozen=True)
class CoreUse:
    """What some cores did together: seconds in all, stolen by the hypervisor, idle."""

    seconds: float
    steal_seconds: float
    idle_seconds: float

    def __sub__(self, earlier: "CoreUse") -> "CoreUse":
        return CoreUse(
            self.seconds - earlier.seconds,
            self.steal_seconds - earlier.steal_seconds,
            self.idle_seconds - earlier.idle_seconds,
        )


class _Thread:
    """One thread's scheduler counters, kept open."""

    def __init__(self, pid: int, tid: int) -> None:
        self._file = os.open(f"/proc/{pid}/task/{tid}/schedstat", os.O_RDONLY)
        self.counters = (0, 0, 0)

    def read(self) -> bool:
        """Take a reading; False once the thread has ended, its last counters kept."""
        try:
            on_core, waiting, slices = os.pread(self._file, 100, 0).split()
        except (ProcessLookupError, ValueError):
            return False
        self.counters = (int(on_core), int(waiting), int(slices))
        return True

    def close(self) -> None:
        os.close(self._file)


class ProcessTree:
    """A process with its descendants and all their threads; what has ended stays counted."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._threads: dict[tuple[int, int], _Thread] = {}
        self._ended = [0, 0, 0]

    def use(self) -> TreeUse:
        """Add up all threads of the tree."""
        if not HAS_PROC:
            times = [process.cpu_times() for process in self._processes()]
            return TreeUse(sum(t.user + t.system for t in times), None, None)
        self._find_threads()
        totals = list(self._ended)
        for key, thread in list(self._threads.items()):
            alive = thread.read()
            for index, value in enumerate(thread.counters):
                totals[index] += value
                self._ended[index] += 0 if alive else value
            if not alive:
                thread.close()
                del self._threads[key]
        return TreeUse(totals[0] / 1e9, totals[1] / 1e9, totals[2])

    def memory_bytes(self) -> int | None:
        """Resident memory of the whole tree."""
        try:
            return sum(process.memory_info().rss for process in self._processes())
        except psutil.NoSuchProcess:
            return None

    def close(self) -> None:
        for thread in self._threads.values():
            thread.close()
        self._threads.clear()

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _find_threads(self) -> None:
        for pid in _tree(self._root.pid):
            try:
                found = os.listdir(f"/proc/{pid}/task")
                for tid in map(int, found):
                    if (pid, tid) not in self._threads:
                        self._threads[pid, tid] = _Thread(pid, tid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended between two looks


def _tree(pid: int) -> list[int]:
    """A process and its descendants, by the kernel's own list of children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return [pid]
    return [pid, *(found for child in children.split() for found in _tree(int(child)))]


def cores_use(cores: Collection[int] | None) -> CoreUse | None:
    """What these cores (None: all) have done since the machine started; None where the system is silent."""
    if not HAS_PROC:
        return None
    lines = Path("/proc/stat").read_text().splitlines()
    ticks = {
        name: [int(part) for part in parts] for name, *parts in map(str.split, lines) if name[:3] == "cpu"
    }
    chosen = [ticks["cpu"]] if cores is None else [ticks[f"cpu{core}"] for core in cores]
    # The columns are user nice system idle iowait irq softirq steal; guest time is part of user time.
    return CoreUse(
        seconds=sum(sum(row[:8]) for row in chosen) * _TICK_SECONDS,
        steal_seconds=sum(row[7] for row in chosen) * _TICK_SECONDS,
        idle_seconds=sum(row[3] + row[4] for row in chosen) * _TICK_SECONDS,
    )


@dataclass(frozen=True)
class Reading:
    """One look at everything: each process tree by name, and the two groups of cores."""

    trees: Mapping[str, TreeUse]
    arms_cores: CoreUse | None
    load_cores: CoreUse | None


class Sampler:
    """Takes readings of the arms and of the harness's own processes."""

    def __init__(
        self,
        pids: Mapping[str, int],
        *,
        arms_cores: Collection[int] | None,
        load_cores: Collection[int] | None,
    ) -> None:
        self._trees = {name: ProcessTree(pid) for name, pid in pids.items()}
        self._arms_cores = arms_cores
        self._load_cores = load_cores

    def read(self) -> Reading:
        return Reading(
            trees={name: tree.use() for name, tree in self._trees.items()},
            arms_cores=cores_use(self._arms_cores),
            load_cores=cores_use(self._load_cores),
        )

    def memory_bytes(self, name: str) -> int | None:
        return self._trees[name].memory_bytes() if name in self._trees else None

    def close(self) -> None:
        for tree in self._trees.values():
            tree.close()
