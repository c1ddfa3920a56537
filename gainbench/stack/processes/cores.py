"""Which cores the arms run on, and which everything else. Must not know what runs there."""

import os
import resource
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cores:
    """Two sets that share no core."""

    arms: frozenset[int]
    others: frozenset[int]


def available() -> frozenset[int] | None:
    """The cores this thread may use, or None where processes cannot be tied to cores (macOS).

    Inside `pin_self` these are no more than it was given: ask before.
    """
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else None


def pin(pids: Iterable[int], cores: Collection[int]) -> None:
    """Tie running processes with all their threads to these cores; what they start later inherits it."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def pin_self(cores: Collection[int] | None) -> Iterator[None]:
    """Tie this process with all its threads to these cores; at the end each thread has its own back.

    What is started meanwhile, threads and programs, inherits the tie; such a thread gets at the end what the
    caller's has. None ties nothing: for where `split` has nothing to split.
    """
    if cores is None:
        yield
        return
    callers = os.sched_getaffinity(0)
    earlier: dict[int, set[int]] = {}
    try:
        # A thread not yet tied may start another one: look until there is none left that is new.
        while fresh := _own_threads() - earlier.keys():
            for thread in fresh:
                with suppress(ProcessLookupError):
                    earlier[thread] = os.sched_getaffinity(thread)
                    os.sched_setaffinity(thread, cores)
        yield
    finally:
        for thread in _own_threads():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(thread, earlier.get(thread, callers))


def _own_threads() -> set[int]:
    return {int(thread.name) for thread in Path("/proc/self/task").iterdir()}


def split(usable: Collection[int] | None, *, workers: int = 1) -> Cores | None:
    """One core per worker for the arms, at most half of all; None where there is nothing to split.

    Only one arm is loaded at a time, so the arms share their cores.
    """
    if usable is None or len(usable) < 2:
        return None
    cores = sorted(usable)
    count = min(workers, len(cores) // 2)
    return Cores(frozenset(cores[:count]), frozenset(cores[count:]))


def come_first(by: int) -> None:
    """Let this process run before others of its core, where the system allows that (as root, as a rule)."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -by)


def come_at_once() -> None:
    """Let this process run as soon as it has something to do, whoever has its core: scheduled in real time.

    Only for one that waits most of the time. To come first is not enough where others of the core are many:
    the kernel lets each finish its slice. Where the system allows no more, that is what is left.
    """
    if hasattr(os, "sched_setscheduler"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def may_come_first(by: int) -> bool:
    """Whether the system allows it: to root, or to whom the limit on niceness does."""
    if not hasattr(resource, "RLIMIT_NICE"):
        return os.geteuid() == 0
    soft, _ = resource.getrlimit(resource.RLIMIT_NICE)
    return os.geteuid() == 0 or soft == resource.RLIM_INFINITY or 20 - soft <= -by
