"""Three hosts for a test: network namespaces with virtual cables, or loopback where not allowed.

    worker 1  10.77.1.2 ---- 10.77.1.1  \
                                          master and servers, at 10.77.0.1
    worker 2  10.77.2.2 ---- 10.77.2.1  /
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

CLONE_NEWNET = 0x40000000
MASTER_IP = "10.77.0.1"


@dataclass(frozen=True)
class Hosts:
    """Where the master and the servers are, and what to put before a command to run it on a worker's host."""

    kind: str
    address: str
    run_on_worker: tuple[Sequence[str], Sequence[str]]


@contextmanager
def three_hosts() -> Iterator[Hosts]:
    with ExitStack() as stack:
        try:
            hosts = stack.enter_context(_namespaces())
        except (OSError, subprocess.CalledProcessError):
            hosts = Hosts("loopback addresses", "127.0.0.2", ((), ()))
        yield hosts


@contextmanager
def _namespaces() -> Iterator[Hosts]:
    """This thread, and whatever it starts, is on the master's host until the end."""
    names = [f"gainbench{os.getpid()}{role}" for role in ("m", "w1", "w2")]
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names[0], "addr", "add", f"{MASTER_IP}/32", "dev", "lo")
        for number, worker in enumerate(names[1:], start=1):
            near, far = (f"10.77.{number}.{end}" for end in (1, 2))
            cable = ("type", "veth", "peer", "name", "cable", "netns", worker)
            _ip("-n", names[0], "link", "add", f"to{number}", *cable)
            _ip("-n", names[0], "addr", "add", f"{near}/24", "dev", f"to{number}")
            _ip("-n", names[0], "link", "set", f"to{number}", "up")
            _ip("-n", worker, "addr", "add", f"{far}/24", "dev", "cable")
            _ip("-n", worker, "link", "set", "cable", "up")
            _ip("-n", worker, "route", "add", "default", "via", near)
        stack.enter_context(_moved_to(names[0]))
        first, second = (("ip", "netns", "exec", worker) for worker in names[1:])
        yield Hosts("network namespaces", MASTER_IP, (first, second))


@contextmanager
def _moved_to(namespace: str) -> Iterator[None]:
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as away:
        _setns(away.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
