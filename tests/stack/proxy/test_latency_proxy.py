"""The latency proxy as a process between real sockets, and in front of a real server."""

import asyncio
import contextlib
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import aiomysql
import psutil
import pymysql
import pytest

from gainbench.errors import EnvironmentLacking, InvalidMeasurement
from gainbench.stack.database import sql
from gainbench.stack.database.server import Account, DatabaseServer, start_private
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.proxy.handle import ArmTraffic, KindTraffic, LatencyProxy, Lateness, check_capacity
from gainbench.stack.proxy.ping import RoundTripProbe, RoundTrips

PATIENCE_SECONDS = 20.0
WIRE = "gainbench.stack.database.mysql.wire"
LONG_VALUE = 17 * 1024 * 1024
TASKS = """
    CREATE TABLE tasks (id INT PRIMARY KEY AUTO_INCREMENT, title LONGTEXT);
    INSERT INTO tasks (title) VALUES ('one'), ('two');
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


@contextmanager
def proxy_to(
    supervisor: Supervisor, upstream: tuple[str, int], *, rtt_ms: float = 0.0, connections: int = 600
) -> Iterator[LatencyProxy]:
    proxy = LatencyProxy.start(
        supervisor,
        upstream=upstream,
        wire=WIRE,
        arms=["sync", "sync#2"],
        rtt_ms=rtt_ms,
        connections=connections,
    )
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def account(database: DatabaseServer) -> Account:
    account = database.create_schema("gainbench_latency_proxy")
    database.run_script(account.name, TASKS)
    database.run_script(account.name, "SET GLOBAL max_allowed_packet = 67108864")
    return account


@pytest.fixture
def proxy(supervisor: Supervisor, database: DatabaseServer) -> Iterator[LatencyProxy]:
    with proxy_to(supervisor, (database.host, database.port)) as started:
        yield started


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that does nothing by itself."""
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listening:
        listening.settimeout(PATIENCE_SECONDS)
        yield listening


@pytest.fixture
def plain(supervisor: Supervisor, listener: socket.socket) -> Iterator[LatencyProxy]:
    with proxy_to(supervisor, listener.getsockname()) as started:
        yield started


def connect(proxy: LatencyProxy, account: Account, arm: str = "sync") -> "pymysql.Connection[Any]":
    return pymysql.connect(
        host="127.0.0.1",
        port=proxy.port(arm),
        user=account.user,
        password=account.password,
        database=account.name,
        ssl_disabled=True,
        max_allowed_packet=2 * LONG_VALUE,
    )


def execute(connection: "pymysql.Connection[Any]", statement: str, *arguments: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchall()


def ends(proxy: LatencyProxy, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A client's socket and, behind the proxy, its server's."""
    client = socket.create_connection(("127.0.0.1", proxy.port("sync")), PATIENCE_SECONDS)
    server, _ = listener.accept()
    server.settimeout(PATIENCE_SECONDS)
    return client, server


def read_all(sock: socket.socket) -> bytes:
    chunks = []
    while chunk := sock.recv(1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def break_off(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def trips(traffic: ArmTraffic) -> dict[str, int]:
    return {kind: count.trips for kind, count in traffic.by_kind.items() if count.trips}


# What is counted


def test_a_known_sequence_of_statements_is_counted_by_kind(proxy: LatencyProxy, account: Account) -> None:
    with closing(connect(proxy, account)) as connection:
        before = proxy.counters()["sync"]
        for _ in range(3):
            execute(connection, "SELECT title FROM tasks WHERE id = %s", 1)
            connection.rollback()
        execute(connection, "/* from a route */ insert into tasks (title) values ('three')")
        execute(connection, "UPDATE tasks SET title = 'four' WHERE title = 'three'")
        execute(connection, "DELETE FROM tasks WHERE title = 'four'")
        connection.commit()
        connection.begin()
        connection.ping(reconnect=False)
        execute(connection, "SHOW STATUS LIKE 'Uptime'")
        traffic = proxy.counters()["sync"].since(before)
    kinds = {"select": 3, "rollback": 3, "insert": 1, "update": 1, "delete": 1}
    assert trips(traffic) == kinds | {"commit": 1, "begin": 1, "ping": 1, "other": 1}
    assert traffic.trips == 13
    assert (traffic.connections, traffic.open_connections, traffic.open_trips) == (0, 1, 0)
    assert trips(proxy.counters()["sync#2"]) == {}


def test_the_async_driver_is_counted_alike(proxy: LatencyProxy, account: Account) -> None:
    async def use() -> None:
        connection = await aiomysql.connect(
            host="127.0.0.1",
            port=proxy.port("sync#2"),
            user=account.user,
            password=account.password,
            db=account.name,
        )
        before = proxy.counters()["sync#2"]
        async with connection.cursor() as cursor:
            for _ in range(5):
                await cursor.execute("SELECT title FROM tasks")
                await connection.rollback()
            await cursor.execute("INSERT INTO tasks (title) VALUES ('three')")
            await connection.rollback()
        expected = {"select": 5, "rollback": 6, "insert": 1}
        wait_until(lambda: trips(proxy.counters()["sync#2"].since(before)) == expected)
        await connection.ensure_closed()

    asyncio.run(use())


def test_the_server_counts_the_same_selects(
    proxy: LatencyProxy, account: Account, database: DatabaseServer
) -> None:
    with closing(connect(proxy, account)) as connection:
        before = database.statement_counters()["select"]
        for _ in range(40):
            execute(connection, "SELECT title FROM tasks")
        assert database.statement_counters()["select"] - before == 40
    assert trips(proxy.counters()["sync"])["select"] == 40


def test_a_login_is_counted_apart(proxy: LatencyProxy, account: Account) -> None:
    for _ in range(3):
        connect(proxy, account).close()
    traffic = proxy.counters()["sync"]
    assert (traffic.connections, traffic.connect.trips) == (3, 3)
    assert traffic.connect.wait_seconds > 0
    assert set(trips(traffic)) == {"set"}
    wait_until(lambda: proxy.counters()["sync"].open_connections == 0)


def test_long_results_and_commands_longer_than_a_packet_are_one_trip(
    proxy: LatencyProxy, account: Account
) -> None:
    proxy.set_rtt(2.0)
    with closing(connect(proxy, account)) as connection:
        before = proxy.counters()["sync"]
        execute(connection, "INSERT INTO tasks (title) VALUES (%s)", "x" * LONG_VALUE)
        rows = execute(connection, "SELECT title FROM tasks WHERE LENGTH(title) > 1000")
        connection.rollback()
        traffic = proxy.counters()["sync"].since(before)
    assert rows == (("x" * LONG_VALUE,),)
    assert trips(traffic) == {"insert": 1, "select": 1, "rollback": 1}


def test_waiting_time_holds_both_delays_of_each_trip(proxy: LatencyProxy, account: Account) -> None:
    with closing(connect(proxy, account)) as connection:
        proxy.set_rtt(10.0)
        before = proxy.counters()["sync"]
        started = time.monotonic()
        for _ in range(5):
            execute(connection, "SELECT 1")
        elapsed = time.monotonic() - started
        waited = proxy.counters()["sync"].since(before).by_kind["select"]
    assert waited.trips == 5
    assert 5 * 0.010 <= waited.wait_seconds <= elapsed


def test_a_trip_in_progress_is_open_and_not_yet_counted(proxy: LatencyProxy, account: Account) -> None:
    with closing(connect(proxy, account)) as connection, closing(connect(proxy, account)) as sleeper:
        execute(connection, "SELECT GET_LOCK('gainbench', 0)")
        before = proxy.counters()["sync"]
        query = threading.Thread(target=execute, args=(sleeper, "SELECT GET_LOCK('gainbench', 60)"))
        query.start()
        wait_until(lambda: proxy.counters()["sync"].open_trips == 1)
        assert proxy.counters()["sync"].since(before).trips == 0
        execute(connection, "SELECT RELEASE_LOCK('gainbench')")
        query.join()
        assert trips(proxy.counters()["sync"].since(before)) == {"select": 2}


def test_a_connection_that_the_server_kills_while_idle_has_not_waited(
    proxy: LatencyProxy, account: Account, database: DatabaseServer
) -> None:
    with closing(connect(proxy, account)) as connection:
        execute(connection, "SELECT 1")
        before = proxy.counters()["sync"]
        sql.run(database.administrator, f"KILL {connection.thread_id()}")
        with pytest.raises(pymysql.OperationalError):
            connection.ping(reconnect=False)
        after = proxy.counters()["sync"].since(before)
    assert after.by_kind["select"] == KindTraffic(0, 0.0)


def test_behind_tls_trips_are_counted_as_unknown() -> None:
    with Supervisor.start() as supervisor:
        server = start_private(supervisor, tls=True)
        account = server.create_schema("gainbench_tls")
        with proxy_to(supervisor, (server.host, server.port)) as proxy:
            connection = pymysql.connect(
                host="127.0.0.1",
                port=proxy.port("sync"),
                user=account.user,
                password=account.password,
                ssl={"check_hostname": False},
            )
            before = proxy.counters()["sync"]
            assert execute(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[0][1]
            for _ in range(5):
                execute(connection, "SELECT 1")
            assert trips(proxy.counters()["sync"].since(before)) == {"unknown": 6}
            connection.close()


# How it delays


def test_a_round_trip_takes_at_least_what_was_asked(proxy: LatencyProxy, database: DatabaseServer) -> None:
    with RoundTripProbe(proxy, database.administrator) as probe:
        for rtt_ms in (0.0, 0.5, 20.0, 5.0):
            proxy.set_rtt(rtt_ms)
            assert min(probe.measure(10).through_ms) >= rtt_ms
    assert trips(proxy.counters()["sync"]) == {}


def test_the_probe_subtracts_what_the_server_itself_takes() -> None:
    found = RoundTrips(through_ms=(1.2, 1.3, 1.4), direct_ms=(0.1, 0.2, 0.9))
    assert found.p50_ms == pytest.approx(1.1)
    assert found.p99_ms == pytest.approx(1.398 - 0.2)


def test_a_long_transfer_arrives_whole_while_the_delay_changes(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    client, server = ends(plain, listener)
    sent = b"".join(number.to_bytes(4, "big") for number in range(2_000_000))
    with client, server:
        writing = threading.Thread(target=lambda: (server.sendall(sent), server.shutdown(socket.SHUT_WR)))
        writing.start()
        received = bytearray()
        for rtt_ms in (5.0, 0.0, 1.0, 20.0, 0.0, 0.2):
            plain.set_rtt(rtt_ms)
            received += client.recv(1 << 20)
        received += read_all(client)
        writing.join()
    assert received == sent


def test_the_delay_does_not_add_up_over_the_chunks_of_a_result(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    """A megabyte is at least 16 chunks: one after the other they would take 8 s."""
    client, server = ends(plain, listener)
    plain.set_rtt(1_000.0)
    with client, server:
        started = time.monotonic()
        server.sendall(bytes(1_000_000))
        server.shutdown(socket.SHUT_WR)
        assert len(read_all(client)) == 1_000_000
        assert 0.5 <= time.monotonic() - started < 8.0


def test_a_reader_that_is_slow_stops_the_writer_before_memory_fills(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    client, server = ends(plain, listener)
    with client, server:
        server.setblocking(False)
        sent = 0
        while select.select([], [server], [], 0.3)[1]:
            sent += server.send(bytes(1 << 20))
            assert sent < 100 << 20
        server.shutdown(socket.SHUT_WR)
        assert len(read_all(client)) == sent


# How connections end


def test_what_follows_the_end_of_one_direction_still_arrives(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    plain.set_rtt(1.0)
    client, server = ends(plain, listener)
    with client, server:
        client.sendall(b"the last request")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"the last request"
        assert plain.counters()["sync"].open_connections == 1
        server.sendall(b"the answer")
        server.close()
        assert read_all(client) == b"the answer"
    wait_until(lambda: plain.counters()["sync"].open_connections == 0)


@pytest.mark.parametrize("rtt_ms", [0.0, 1.0])
def test_a_reset_is_passed_on_in_either_direction(
    plain: LatencyProxy, listener: socket.socket, rtt_ms: float
) -> None:
    plain.set_rtt(rtt_ms)
    for breaking in (0, 1):
        pair = ends(plain, listener)
        break_off(pair[breaking])
        with pair[1 - breaking] as other, pytest.raises(ConnectionResetError):
            other.recv(1)
    wait_until(lambda: plain.counters()["sync"].open_connections == 0)


def test_a_client_that_leaves_without_reading_its_answer_frees_both_sockets(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    for rtt_ms in (0.0, 5.0):
        plain.set_rtt(rtt_ms)
        client, server = ends(plain, listener)
        with server:
            client.sendall(b"question")
            assert server.recv(100) == b"question"
            server.sendall(b"answer")
            client.close()
            wait_until(lambda server=server: is_over(server))
    wait_until(lambda: plain.counters()["sync"].open_connections == 0)


def is_over(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1)
    except ConnectionResetError:
        return True


def test_a_command_to_a_server_that_is_gone_is_not_left_waiting(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    """The proxy reads the command and finds the server broken off in one and the same look."""
    client, server = ends(plain, listener)
    with client:
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        with standing_still(plain):
            client.sendall(b"\x09\0\0\0\x03SELECT 1")
            break_off(server)
        wait_until(lambda: plain.counters()["sync"].open_connections == 0)
    assert plain.counters()["sync"].open_trips == 0


@contextmanager
def standing_still(proxy: LatencyProxy) -> Iterator[None]:
    """What is done in the block reaches the proxy all at once, at its end."""
    process = psutil.Process(proxy.pid)
    process.suspend()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    yield
    process.resume()


def test_a_server_that_refuses_ends_the_client_and_nothing_else(supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        upstream = closed.getsockname()
    with proxy_to(supervisor, upstream) as proxy:
        for _ in range(20):
            with socket.socket() as client:
                client.settimeout(PATIENCE_SECONDS)
                with contextlib.suppress(ConnectionResetError):
                    client.connect(("127.0.0.1", proxy.port("sync")))
                    assert client.recv(1) == b""
        wait_until(lambda: proxy.counters()["sync"].open_connections == 0)
        assert proxy.counters()["sync"].connections == 20


def test_two_thousand_connections_leave_no_descriptor_behind(
    plain: LatencyProxy, listener: socket.socket
) -> None:
    process = psutil.Process(plain.pid)
    before = process.num_fds()
    for _ in range(2_000):
        client, server = ends(plain, listener)
        client.close()
        server.close()
    wait_until(lambda: plain.counters()["sync"].open_connections == 0)
    assert plain.counters()["sync"].connections == 2_000
    assert process.num_fds() == before


# Room


def test_1300_connections_are_carried(supervisor: Supervisor, listener: socket.socket) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.skip(f"this test itself needs 2 600 open files; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_096), hard))
    with ExitStack() as opened, proxy_to(supervisor, listener.getsockname(), connections=1_300) as proxy:
        pairs = [ends(proxy, listener) for _ in range(1_300)]
        for sock in (sock for pair in pairs for sock in pair):
            opened.enter_context(sock)
        for number, (client, _) in enumerate(pairs):
            client.sendall(b"%4d" % number)
        assert sorted(server.recv(100) for _, server in pairs) == [b"%4d" % n for n in range(1_300)]
        assert proxy.counters()["sync"].open_connections == 1_300
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_connections_are_refused_with_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 2_048))
    check_capacity(990, arms=4)
    with pytest.raises(EnvironmentLacking) as refusal:
        check_capacity(1_300, arms=4)
    message = (
        "2 x 1300 connections + 4 listeners + 64 of its own = 2668 open files; the hard limit here is 2048"
    )
    assert message in refusal.value.message
    assert "2668" in str(refusal.value.cure)


# The handle


def test_figures_between_two_readings_are_their_difference() -> None:
    earlier = ArmTraffic(
        2,
        2,
        0,
        1,
        KindTraffic(2, 0.5),
        {"select": KindTraffic(10, 1.0)},
        chunks=40,
        late_seconds=0.5,
        longest_late_seconds=0.375,
        bytes_to_client=5_000,
        bytes_to_server=700,
    )
    later = ArmTraffic(
        5,
        3,
        1,
        0,
        KindTraffic(5, 0.75),
        {"select": KindTraffic(14, 1.5), "ping": KindTraffic(1, 0.25)},
        chunks=48,
        late_seconds=0.75,
        longest_late_seconds=0.125,
        bytes_to_client=5_900,
        bytes_to_server=750,
    )
    between = later.since(earlier)
    assert between == ArmTraffic(
        3,
        3,
        1,
        0,
        KindTraffic(3, 0.25),
        {"select": KindTraffic(4, 0.5), "ping": KindTraffic(1, 0.25)},
        chunks=8,
        late_seconds=0.25,
        longest_late_seconds=0.125,
        bytes_to_client=900,
        bytes_to_server=50,
    )
    assert (between.trips, between.wait_seconds) == (5, 0.75)
    assert between.mean_late_seconds == 0.25 / 8
    assert later.since(later).mean_late_seconds is None


def test_lateness_is_read_from_its_bins() -> None:
    earlier, later = Lateness(5, (1, 0, 0, 0)), Lateness(5, (1, 90, 9, 1))
    between = later.since(earlier)
    assert between.chunks == 100
    assert between.quantile_ms(0.50) == pytest.approx(0.0075)
    assert between.quantile_ms(0.99) == pytest.approx(0.0125)
    assert between.quantile_ms(1.00) == pytest.approx(0.0175)
    assert Lateness(5, (0, 0)).quantile_ms(0.50) is None


def test_chunks_that_were_early_have_bins_below_zero() -> None:
    early, late = Lateness(5, (8, 0, 0), first_us=-10), Lateness(5, (1, 0, 1), first_us=-10)
    both = early.joined(late)
    assert both == Lateness(5, (9, 0, 1), first_us=-10)
    assert both.quantile_ms(0.50) == pytest.approx(-0.0075)
    assert both.quantile_ms(1.00) == pytest.approx(0.0025)
    assert both.since(late) == early


# How punctual it was


def test_every_chunk_is_on_the_account_of_its_arm(plain: LatencyProxy, listener: socket.socket) -> None:
    client, server = ends(plain, listener)
    with client, server:
        for _ in range(10):
            client.sendall(b"to")
            assert server.recv(100) == b"to"
            server.sendall(b"fro")
            assert client.recv(100) == b"fro"
    traffic = plain.counters()
    assert (traffic["sync"].bytes_to_server, traffic["sync"].bytes_to_client) == (20, 30)
    # Neither connecting nor hanging up is a chunk.
    assert traffic["sync"].chunks == 20
    assert plain.lateness_by_arm()["sync"].chunks == plain.lateness().chunks == 20
    assert traffic["sync#2"].chunks == plain.lateness_by_arm()["sync#2"].chunks == 0
    assert (traffic["sync#2"].bytes_to_server, traffic["sync#2"].mean_late_seconds) == (0, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only there does the kernel note when a chunk came")
@pytest.mark.parametrize("rtt_ms", [0.0, 10.0])
def test_a_standstill_is_in_the_sum_and_the_longest_until_it_was_read(
    plain: LatencyProxy, listener: socket.socket, rtt_ms: float
) -> None:
    """Two chunks wait for 0.2 s or more, less the delay asked for; the arm beside them has none."""
    plain.set_rtt(rtt_ms)
    client, server = ends(plain, listener)
    with client, server:
        client.sendall(b"at leisure")
        assert server.recv(100) == b"at leisure"
        before = plain.counters()["sync"]
        with standing_still(plain):
            client.sendall(b"a question")
            server.sendall(b"an answer")
            time.sleep(0.2)
        assert server.recv(100) == b"a question"
        assert client.recv(100) == b"an answer"
        wait_until(lambda: plain.lateness().chunks == 3)
        after = plain.counters()
        again = plain.counters()["sync"]
    between = after["sync"].since(before)
    fewest = 0.2 - rtt_ms / 2_000
    assert between.chunks == 2
    assert fewest <= between.longest_late_seconds <= between.late_seconds
    assert between.mean_late_seconds is not None
    assert between.mean_late_seconds >= fewest
    assert after["sync#2"].longest_late_seconds == 0.0
    assert again.longest_late_seconds == 0.0
    assert again.late_seconds == after["sync"].late_seconds
    assert plain.lateness_by_arm()["sync"].quantile_ms(1.0) == pytest.approx(4.9975)  # the last bin


def test_the_sum_of_lateness_is_that_of_the_chunks_bins(plain: LatencyProxy, listener: socket.socket) -> None:
    """Each chunk lies within one bin's width of where its bin begins; none is in the last, open one."""
    plain.set_rtt(2.0)
    client, server = ends(plain, listener)
    with client, server:
        for number in range(200):
            client.sendall(b"%4d" % number)
            assert server.recv(100) == b"%4d" % number
    wait_until(lambda: plain.lateness().chunks == 200)
    spread = plain.lateness_by_arm()["sync"]
    inside = sum((spread.first_us + position * 5) * count for position, count in enumerate(spread.bins))
    summed_us = plain.counters()["sync"].late_seconds * 1e6
    if spread.bins[-1]:
        assert summed_us >= inside
    else:
        assert inside <= summed_us <= inside + 5 * 200


def test_what_a_reader_left_behind_was_not_passed_on(plain: LatencyProxy, listener: socket.socket) -> None:
    plain.set_rtt(400.0)
    client, server = ends(plain, listener)
    with server:
        server.sendall(b"never read")
        break_off(client)
        with pytest.raises(ConnectionResetError):
            server.recv(1)
    traffic = plain.counters()["sync"]
    assert (traffic.connections, traffic.chunks, traffic.bytes_to_client) == (1, 0, 0)


def test_a_proxy_that_cannot_find_its_server_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "proxy.log"
    with pytest.raises(EnvironmentLacking, match="gaierror"):
        LatencyProxy.start(
            supervisor, upstream=("no.such.invalid", 1), wire=WIRE, arms=["a"], connections=1, log=log
        )


def test_a_proxy_that_is_to_understand_what_nobody_wrote_says_so(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    log = tmp_path / "proxy.log"
    with pytest.raises(EnvironmentLacking, match="No module named 'no'"):
        LatencyProxy.start(
            supervisor, upstream=("127.0.0.1", 1), wire="no.such.wire", arms=["a"], connections=1, log=log
        )


def test_a_proxy_that_was_killed_makes_the_measurement_invalid(plain: LatencyProxy) -> None:
    os.kill(plain.pid, signal.SIGKILL)
    with pytest.raises(InvalidMeasurement, match="latency proxy has stopped"):
        plain.counters()
