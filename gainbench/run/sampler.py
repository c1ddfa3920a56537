"""What the machine and our processes have used, read from /proc at the edges of a comb.

CPU time comes from the processes' own CPU clocks, which count in nanoseconds: the usual counters tick at
10 ms. Those clocks include threads that began and ended between two readings;
run-queue wait and switches are known per thread only, so such threads are missing there. The threads' files
stay open and are read again: a reading must not disturb what it measures. Where there is no /proc, psutil
gives the CPU time and the rest is unknown.
"""

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

HAS_PROC = Path("/proc/self/schedstat").exists()
_ENDED = (FileNotFoundError, ProcessLookupError)  # between two looks
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

    cores: int
    seconds: float
    steal_seconds: float
    idle_seconds: float

    def __sub__(self, earlier: "CoreUse") -> "CoreUse":
        return CoreUse(
            self.cores,
            self.seconds - earlier.seconds,
            self.steal_seconds - earlier.steal_seconds,
            self.idle_seconds - earlier.idle_seconds,
        )


class _ProcessTable:
    """Which process started which, on the whole machine.

    The kernel's lists of children are kept by thread, and reading those of a server that starts a thread per
    request takes longer than all the rest. So every process is asked for its parent, and again only when that
    has ended.
    """

    def __init__(self) -> None:
        # By number and inode: a number that is given anew comes with another inode.
        self._parents: dict[tuple[int, int], int] = {}

    def children(self) -> dict[int, list[int]]:
        """By parent."""
        with os.scandir("/proc") as entries:
            present = [(int(entry.name), entry.inode()) for entry in entries if entry.name.isdigit()]
        running = {pid for pid, _ in present}
        known, self._parents = self._parents, {}
        children: dict[int, list[int]] = {}
        for pid, inode in present:
            parent = known.get((pid, inode))
            if parent not in running:
                parent = _parent(pid)
            if parent is not None:
                self._parents[pid, inode] = parent
                children.setdefault(parent, []).append(pid)
        return children


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except _ENDED:
        return None
    state_and_parent = stat.rpartition(b")")[2].split()  # after the name, which may contain anything
    return int(state_and_parent[1])


class _Thread:
    """One thread's scheduler counters; the file is kept open."""

    def __init__(self, pid: int, tid: int) -> None:
        self._file = os.open(f"/proc/{pid}/task/{tid}/schedstat", os.O_RDONLY)
        self.waiting_ns = self.slices = 0
        self.read()

    def read(self) -> bool:
        """Take a reading; False once the thread has ended, its last counters kept."""
        try:
            _, waiting, slices = os.pread(self._file, 100, 0).split()
        except (ProcessLookupError, ValueError):
            return False
        self.waiting_ns, self.slices = int(waiting), int(slices)
        return True

    def close(self) -> None:
        os.close(self._file)


class _Process:
    """One process with its threads; what it has used is as of its last reading."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # What clock_getcpuclockid(3) returns: the process id, inverted, above three bits. Of these, 2 is
        # CPUCLOCK_SCHED, the scheduler's nanoseconds; the bit for a single thread's clock (4) is not set.
        self._clock = (~pid << 3) | 2
        self._threads = {pid: _Thread(pid, pid)}
        self._cpu_ns = self._waiting_ns = self._slices = 0  # of the latter two, what ended threads have used

    def use(self) -> TreeUse:
        threads = self._threads.values()
        return TreeUse(
            self._cpu_ns / 1e9,
            (self._waiting_ns + sum(thread.waiting_ns for thread in threads)) / 1e9,
            self._slices + sum(thread.slices for thread in threads),
        )

    def read(self) -> bool:
        """Take a reading; False once the process has ended."""
        for tid, thread in list(self._threads.items()):
            if not thread.read():
                self._forget(tid)
        first = self._threads.get(self._pid)  # stays until all threads have ended
        if first is None:
            return False
        try:
            self._cpu_ns = time.clock_gettime_ns(self._clock)
        except OSError:
            if first.read():
                raise
            return False
        self._find_threads()
        return True

    def close(self) -> None:
        for tid in list(self._threads):
            self._forget(tid)

    def _find_threads(self) -> None:
        with suppress(*_ENDED):
            for tid in map(int, os.listdir(f"/proc/{self._pid}/task")):
                if tid not in self._threads:
                    with suppress(*_ENDED):
                        self._threads[tid] = _Thread(self._pid, tid)

    def _forget(self, tid: int) -> None:
        thread = self._threads.pop(tid)
        self._waiting_ns += thread.waiting_ns
        self._slices += thread.slices
        thread.close()


class _ProcessTree:
    """A process with its descendants and all their threads; or the process alone, if so wished.

    What a process has used by its last reading stays counted when it ends, and so does a process whose parent
    has ended. What it used after that reading is lost, as is a process that began and ended between two
    readings; of threads that did so, run-queue wait and switches are lost, but not the CPU time.
    """

    def __init__(self, pid: int, *, is_alone: bool = False) -> None:
        self._root = psutil.Process(pid)
        self._is_alone = is_alone
        self._processes: dict[int, _Process] = {}
        self._ended = TreeUse(0.0, 0.0, 0)
        self._seconds: dict[psutil.Process, float] = {}  # where psutil has to do
        if HAS_PROC:
            self._processes[pid] = _Process(pid)

    def use(self, children: Mapping[int, Sequence[int]]) -> TreeUse:
        """Add up all processes of the tree, given the children of every process."""
        if not HAS_PROC:
            return self._use_by_psutil()
        known = list(self._processes)
        for pid in known:  # grows by what is found
            self._read(pid)
            below = () if self._is_alone else children.get(pid, ())
            found = [child for child in below if child not in self._processes]
            known += [child for child in found if self._open(child)]
        return _sum(self._ended, *(process.use() for process in self._processes.values()))

    def memory_bytes(self) -> int | None:
        """Resident memory of the whole tree."""
        try:
            return sum(process.memory_info().rss for process in self._family())
        except psutil.NoSuchProcess:
            return None

    def close(self) -> None:
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def _read(self, pid: int) -> None:
        process = self._processes[pid]
        if not process.read():
            self._ended = _sum(self._ended, process.use())
            process.close()
            del self._processes[pid]

    def _open(self, pid: int) -> bool:
        try:
            self._processes[pid] = _Process(pid)
        except _ENDED:
            return False
        return True

    def _use_by_psutil(self) -> TreeUse:
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self._seconds[process] = times.user + times.system
        return TreeUse(sum(self._seconds.values()), None, None)

    def _family(self) -> list[psutil.Process]:
        if self._is_alone:
            return [self._root]
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _sum(*uses: TreeUse) -> TreeUse:
    return TreeUse(
        sum(use.cpu_seconds for use in uses),
        sum(use.run_queue_seconds or 0.0 for use in uses),
        sum(use.switches or 0 for use in uses),
    )


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
        cores=len(chosen) if cores is not None else sum(name != "cpu" for name in ticks),
        seconds=sum(sum(row[:8]) for row in chosen) * _TICK_SECONDS,
        steal_seconds=sum(row[7] for row in chosen) * _TICK_SECONDS,
        idle_seconds=sum(row[3] + row[4] for row in chosen) * _TICK_SECONDS,
    )


@dataclass(frozen=True)
class Reading:
    """One look at everything: each process tree by name, and the two sets of cores.

    Where nothing is pinned, all cores are in the first set and there is no second.
    """

    at: float
    trees: Mapping[str, TreeUse]
    arms_cores: CoreUse | None
    load_cores: CoreUse | None


class Sampler:
    """Takes readings of the arms and of the harness's own processes."""

    def __init__(
        self,
        pids: Mapping[str, int],
        *,
        alone: Mapping[str, int] = MappingProxyType({}),
        arms_cores: Collection[int] | None,
        load_cores: Collection[int] | None,
    ) -> None:
        """``pids`` lead the trees; those of ``alone`` are looked at without what they have started."""
        self._table = _ProcessTable()
        self._trees = {name: _ProcessTree(pid) for name, pid in pids.items()}
        self._trees |= {name: _ProcessTree(pid, is_alone=True) for name, pid in alone.items()}
        self._arms_cores = arms_cores
        self._load_cores = load_cores

    def read(self) -> Reading:
        children = self._table.children() if HAS_PROC else {}
        return Reading(
            at=time.monotonic(),
            arms_cores=cores_use(self._arms_cores),
            load_cores=None if self._load_cores is None else cores_use(self._load_cores),
            trees={name: tree.use(children) for name, tree in self._trees.items()},
        )

    def memory_bytes(self, name: str) -> int | None:
        return self._trees[name].memory_bytes() if name in self._trees else None

    def close(self) -> None:
        for tree in self._trees.values():
            tree.close()
