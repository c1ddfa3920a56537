"""Which cores go to whom, and which ports are free."""

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.processes import ports
from gainbench.stack.processes.cores import Cores, available, pin_self, split

on_two_cores = pytest.mark.skipif(len(available() or ()) < 2, reason="takes two cores to choose from")


@pytest.mark.parametrize(
    ("usable", "workers", "arms", "others"),
    [
        ({0, 1}, 1, {0}, {1}),
        ({0, 1}, 4, {0}, {1}),
        ({2, 5, 7, 9}, 1, {2}, {5, 7, 9}),
        ({2, 5, 7, 9}, 2, {2, 5}, {7, 9}),
        ({0, 1, 2, 3, 4}, 8, {0, 1}, {2, 3, 4}),
    ],
)
def test_arms_get_a_core_per_worker_and_at_most_half(
    usable: set[int], workers: int, arms: set[int], others: set[int]
) -> None:
    assert split(usable, workers=workers) == Cores(frozenset(arms), frozenset(others))


@pytest.mark.parametrize("usable", [None, {3}])
def test_nothing_is_pinned_where_there_is_nothing_to_split(usable: set[int] | None) -> None:
    assert split(usable) is None


@contextmanager
def another_thread(first: Callable[[], None] = lambda: None) -> Iterator[int]:
    """A thread that does this and then waits for the end of the block: its number for the kernel."""
    begun, ended = threading.Event(), threading.Event()

    def live() -> None:
        first()
        begun.set()
        ended.wait()

    thread = threading.Thread(target=live)
    thread.start()
    begun.wait()
    assert thread.native_id is not None
    try:
        yield thread.native_id
    finally:
        ended.set()
        thread.join()


@on_two_cores
def test_every_thread_is_tied_and_gets_back_what_it_had() -> None:
    before = os.sched_getaffinity(0)
    one, other = sorted(before)[:2]
    with another_thread() as free, another_thread(lambda: os.sched_setaffinity(0, {other})) as choosy:
        with pin_self({one}):
            assert [os.sched_getaffinity(thread) for thread in (0, free, choosy)] == [{one}] * 3
        assert [os.sched_getaffinity(thread) for thread in (0, free, choosy)] == [before, before, {other}]


@on_two_cores
def test_what_is_started_while_tied_is_tied_and_a_thread_that_stays_is_set_free() -> None:
    before = os.sched_getaffinity(0)
    core = max(before)
    asked = [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]
    with ExitStack() as living:
        with pin_self({core}):
            thread = living.enter_context(another_thread())
            assert os.sched_getaffinity(thread) == {core}
            assert subprocess.check_output(asked, text=True).strip() == str({core})
        assert os.sched_getaffinity(thread) == before


@on_two_cores
def test_the_tie_ends_with_an_error_too() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(KeyboardInterrupt), pin_self({min(before)}):
        raise KeyboardInterrupt
    assert os.sched_getaffinity(0) == before


@on_two_cores
def test_cores_that_are_not_there_tie_nothing() -> None:
    before = os.sched_getaffinity(0)
    with another_thread() as thread:
        with pytest.raises(OSError, match="Invalid argument"), pin_self({1_000}):
            pytest.fail("tied to a core that is not there")
        assert os.sched_getaffinity(0) == os.sched_getaffinity(thread) == before


def test_where_there_is_nothing_to_split_nothing_is_tied() -> None:
    before = available()
    with pin_self(None):
        assert available() == before


def test_free_port_lies_below_the_range_of_outgoing_connections() -> None:
    port = ports.free_port()
    assert 20000 <= port < 32768
    assert ports.is_free(port)


def test_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        assert not ports.is_free(holder.getsockname()[1])


def test_machine_without_free_ports_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", port)
        monkeypatch.setattr(ports, "LAST", port)
        with pytest.raises(EnvironmentLacking, match="no free port"):
            ports.free_port()


def test_a_port_given_to_a_server_that_is_still_starting_is_given_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = ports.free_port(), ports.free_port()
    monkeypatch.setattr(ports, "FIRST", min(first, second))
    monkeypatch.setattr(ports, "LAST", min(first, second))
    with pytest.raises(EnvironmentLacking, match="no free port"):
        ports.free_port()


def test_another_process_is_not_given_it_either_but_may_listen_on_it() -> None:
    port = ports.free_port()
    choose = (
        "from gainbench.stack.processes import ports; import socket;"
        f"ports.FIRST = ports.LAST = {port};"
        f"socket.create_server((ports.HOST, {port})).close(); print('listened'); ports.free_port()"
    )
    other = subprocess.run([sys.executable, "-c", choose], capture_output=True, text=True, check=False)
    assert other.stdout == "listened\n"
    assert "no free port" in other.stderr


def test_ports_given_long_ago_may_be_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "KEPT", 1)
    port = ports.free_port()
    ports.free_port()
    chosen = iter([port])
    monkeypatch.setattr(random.SystemRandom, "randint", lambda *_: next(chosen))
    assert ports.free_port() == port


def test_a_process_that_comes_first_does_so_where_the_system_allows_it():
    program = (
        "import os; from gainbench.stack.processes.cores import come_first, may_come_first;"
        "allowed = may_come_first(3); come_first(3);"
        "print(allowed, os.getpriority(os.PRIO_PROCESS, 0))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    before = os.getpriority(os.PRIO_PROCESS, 0)
    allowed, niceness = said.split()
    assert int(niceness) == (-3 if allowed == "True" else before)
