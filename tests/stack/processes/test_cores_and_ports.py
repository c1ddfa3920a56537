"""Which cores go to whom, and which ports are free."""

import socket

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.processes import ports
from gainbench.stack.processes.cores import Cores, split


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


def test_free_port_lies_below_the_range_of_outgoing_connections() -> None:
    port = ports.free_port()
    assert 20000 <= port < 32768
    assert ports.require_free(port, "the test") == port


def test_taken_port_is_refused_with_its_number_and_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(EnvironmentLacking, match=f"port {port} for the web UI is taken"):
            ports.require_free(port, "the web UI")


def test_machine_without_free_ports_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", port)
        monkeypatch.setattr(ports, "LAST", port)
        with pytest.raises(EnvironmentLacking, match="no free port"):
            ports.free_port()
