"""Load from several generators: counts stay exact, and what is missing or late is said."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgpack
import pytest
import zmq

from gainbench.errors import ConfigurationError
from gainbench.load.handle import GeneratorLost
from gainbench.load.protocol import CombReport, Pace, Workload, WorkloadFinished
from gainbench.load.several.channel import Address
from gainbench.load.several.crew import Crew, Generators
from gainbench.stack.processes.ports import free_port
from gainbench.stack.processes.supervisor import Supervisor
from tests.load.conftest import CountingServer, comb, counting_servers
from tests.load.hosts import three_hosts

READ = """
    from locust import FastHttpUser, task

    class Reader(FastHttpUser):
        @task
        def read(self):
            self.client.get("/read")
"""
# One class comes three times as often as the other.
MIXED = """
    from locust import FastHttpUser, constant, task

    class Often(FastHttpUser):
        weight = 3
        wait_time = constant(60)

        @task
        def read(self):
            self.client.get("/often")

    class Seldom(FastHttpUser):
        weight = 1
        wait_time = constant(60)

        @task
        def read(self):
            self.client.get("/seldom")
"""

Servers = tuple[CountingServer, CountingServer]


@contextmanager
def hired(logs: Path, wanted: Generators = Generators(2)) -> Iterator[Crew]:  # noqa: B008 - it is frozen
    with Supervisor.start() as supervisor, Crew.hire(supervisor, wanted, logs=logs) as crew:
        yield crew


def prepare(crew: Crew, path: Path, servers: Servers, users: int) -> None:
    crew.prepare(Workload(path, None, users, tuple(server.target for server in servers), seed=1))


def run_comb(crew: Crew, *order: str, window_seconds: float = 0.15) -> CombReport:
    """Its guards are long, so that no worker on a busy machine is late by more than a tenth of one."""
    return crew.run_comb(
        comb(
            *order, guard_seconds=0.8, window_seconds=window_seconds, drain_seconds=0.2, patience_seconds=1.0
        )
    )


def counted(arm: str, reports: list[CombReport], finished: WorkloadFinished) -> int:
    """Every request of the arm that some report counted."""
    inside = sum(report.arms[arm].requests for report in reports if arm in report.arms)
    return inside + sum(part.outside[arm].requests for part in (*reports, finished) if arm in part.outside)


def covered_users(report: CombReport, arm: str) -> float:
    seconds = sum(turn.seconds for turn in report.turns if turn.arm == arm)
    return report.arms[arm].covered_seconds / seconds


@contextmanager
def soon(command: str) -> Iterator[None]:
    """Run a shell command beside what is measured."""
    with subprocess.Popen(["sh", "-c", command]):
        yield


def worker_command(address: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "gainbench.load.several.worker", "--master", address, *more]


@pytest.fixture
def remote(tmp_path: Path, record_property) -> Iterator[tuple[Crew, Servers, list[subprocess.Popen[str]]]]:
    """A master and two workers on three hosts, with a secret, and the servers on the master's host."""
    secret = tmp_path / "secret"
    secret.write_text("a long random text\n")
    with three_hosts() as hosts:
        record_property("hosts", hosts.kind)
        print(f"three hosts are {hosts.kind}")  # noqa: T201 - shown with -rP
        address = Address(hosts.address, free_port())
        wanted = Generators(2, address, secret.read_text().strip())
        command = worker_command(str(address), "--secret-file", str(secret))
        with counting_servers(hosts.address) as servers, hired(tmp_path, wanted) as crew:
            workers = [
                subprocess.Popen([*place, *command], stderr=subprocess.PIPE, text=True)
                for place in hosts.run_on_worker
            ]
            try:
                yield crew, servers, workers
            finally:
                crew.stop()
                for process in workers:
                    process.kill()
                    process.wait()
                    process.stderr.close()


def test_joined_counts_of_three_hosts_equal_the_servers_own(remote, locustfile):
    crew, servers, _ = remote
    prepare(crew, locustfile(READ), servers, users=5)
    report = run_comb(crew, "left", "right", "right", "left")
    finished = crew.finish_workload()
    assert report.incomplete is None
    assert [turn.arm for turn in report.turns] == ["left", "right", "right", "left"]
    assert all(turn.successes for turn in report.turns)
    for server in servers:
        assert counted(server.name, [report], finished) == finished.sent[server.name]
        assert finished.sent[server.name] == server.counts().total()
        assert covered_users(report, server.name) == pytest.approx(5, rel=0.02)
        assert len(report.use[server.name].worker_cpu_seconds) == 2


def test_a_killed_worker_spoils_the_combs_it_had_a_part_in_and_the_rest_go_on(remote, locustfile):
    crew, servers, workers = remote
    prepare(crew, locustfile(READ), servers, users=4)
    whole = run_comb(crew, "left")
    with soon(f"sleep 0.4; kill -KILL {workers[1].pid}"):
        struck = run_comb(crew, "left", "right")
    after = run_comb(crew, "right")
    crew.finish_workload()
    assert whole.incomplete is None
    assert "with 2 users was lost" in struck.incomplete
    assert "with 2 users was lost" in after.incomplete

    before = {server.name: server.counts().total() for server in servers}
    prepare(crew, locustfile(READ), servers, users=4)
    report = run_comb(crew, "left", "right")
    finished = crew.finish_workload()
    assert report.incomplete is None
    for server in servers:
        seen = server.counts().total() - before[server.name]
        assert counted(server.name, [report], finished) == finished.sent[server.name] == seen


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """Two generators on this machine."""
    with hired(tmp_path) as two:
        yield two


def test_a_worker_late_for_its_turn_spoils_the_comb_and_no_count(crew, servers, locustfile):
    prepare(crew, locustfile(READ), servers, users=2)
    halted = crew.workers[0].pid
    with soon(f"sleep 0.4; kill -STOP {halted}; sleep 1.2; kill -CONT {halted}"):
        late = run_comb(crew, "left", "right")
    finished = crew.finish_workload()
    assert "s behind the others" in late.incomplete
    assert late.lag_seconds > 0.1
    for server in servers:
        seen = server.counts().total()
        assert counted(server.name, [late], finished) == finished.sent[server.name] == seen


def test_with_fewer_users_than_generators_some_have_none(crew, servers, locustfile):
    prepare(crew, locustfile(READ), servers, users=1)
    report = run_comb(crew, "left")
    finished = crew.finish_workload()
    assert report.incomplete is None
    assert covered_users(report, "left") == pytest.approx(1, rel=0.02)
    assert counted("left", [report], finished) == servers[0].counts().total()


def test_the_mix_of_user_classes_is_that_of_one_generator(crew, servers, locustfile):
    prepare(crew, locustfile(MIXED), servers, users=4)
    run_comb(crew, "left")
    assert servers[0].counts() == {"- /often": 3, "- /seldom": 1}


def test_a_worker_that_has_died_is_no_longer_among_those_that_carry_the_load(crew):
    first, second = crew.workers
    os.kill(first.pid, signal.SIGKILL)
    first.wait(5)
    assert list(crew.other_pids().values()) == [second.pid]


def test_when_all_workers_are_gone_the_measurement_is_invalid(crew, servers, locustfile):
    prepare(crew, locustfile(READ), servers, users=2)
    for worker in crew.workers:
        os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(GeneratorLost) as lost:
        run_comb(crew, "left")
    assert "no load generator is left" in lost.value.cure


def test_an_arm_that_stops_answering_an_open_loop_loses_no_generator(crew, servers, locustfile):
    left, right = servers
    pace = Pace("constant", {"left": 100.0, "right": 100.0})
    crew.prepare(Workload(locustfile(READ), None, 10, (left.target, right.target), seed=1, pace=pace))
    os.kill(left.pid, signal.SIGSTOP)
    try:
        stalled = run_comb(crew, "left", window_seconds=0.3)
    finally:
        os.kill(left.pid, signal.SIGCONT)
    after = run_comb(crew, "right")
    finished = crew.finish_workload()
    assert stalled.stalled == "left"
    assert stalled.arms["left"].starts.unanswered == stalled.arms["left"].starts.planned >= 25  # of 30
    assert "was lost" not in f"{stalled.incomplete} {after.incomplete}"
    assert after.stalled is None
    assert finished.sent["left"] == left.counts().total()


def test_a_mistake_in_the_locust_file_reaches_the_caller(crew, servers, locustfile):
    with pytest.raises(ConfigurationError, match="the Locust file does not import"):
        prepare(crew, locustfile("import nothing_of_this_name"), servers, users=2)
    prepare(crew, locustfile(READ), servers, users=2)
    assert run_comb(crew, "left").turns[0].successes


def test_a_workload_that_was_not_finished_ends_before_the_next_one(own_generator, servers, locustfile):
    left, right = servers
    path = locustfile(READ)
    for _ in range(2):
        own_generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
        own_generator.run_comb(comb("left"))
    sent = own_generator.finish_workload().sent
    assert 0 < sent["left"] < left.counts().total()  # only the second one's
    assert sent["right"] == 0


OTHER_VERSION = """
import sys, gainbench
gainbench.__version__ = "0.0.0"
from gainbench.load.several.worker import main
main(sys.argv[1:])
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Crew, str, Callable[[str], Path]]]:
    """A master that waits for one worker that knows "right", and secrets in files."""

    def secret_file(text: str) -> Path:
        path = tmp_path / f"secret-{text}"
        path.write_text(text)
        return path

    address = Address("127.0.0.1", free_port())
    with hired(tmp_path, Generators(1, address, "right")) as crew:
        yield crew, str(address), secret_file


def refused(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    return ended.stderr


def test_a_worker_with_another_secret_is_refused_on_both_sides(guarded, tmp_path):
    _, address, secret_file = guarded
    said = refused(worker_command(address, "--secret-file", str(secret_file("wrong"))))
    assert "the master does not know this worker's secret" in said
    assert "is not accepted: the worker has another secret" in (tmp_path / "generator.log").read_text()


def test_a_worker_of_another_version_is_refused_on_both_sides(guarded, tmp_path):
    _, address, secret_file = guarded
    command = worker_command(address, "--secret-file", str(secret_file("right")))
    said = refused([sys.executable, "-c", OTHER_VERSION, *command[3:]])
    assert "it is gainbench 0.0.0" in said
    assert "is not accepted: it is gainbench 0.0.0" in (tmp_path / "generator.log").read_text()


def test_refused_workers_get_no_users_and_those_who_know_the_secret_do(guarded, servers, locustfile):
    crew, address, secret_file = guarded
    refused(worker_command(address, "--secret-file", str(secret_file("wrong"))))
    worker = subprocess.Popen(worker_command(address, "--secret-file", str(secret_file("right"))))
    try:
        prepare(crew, locustfile(READ), servers, users=2)
        assert run_comb(crew, "left").incomplete is None
        crew.stop()
        assert worker.wait(timeout=20) == 0  # it goes home with its master
    finally:
        worker.kill()
        worker.wait()


STRANGER = "stranger"
# Each of these would end Locust's listener, or reach a handler that takes something else for granted.
NONSENSE = [
    b"\xc1",
    b"",
    b"\x05\x05",
    msgpack.dumps(("heartbeat", {"__datetime__": True, "as_str": "no date"}, STRANGER)),
    msgpack.dumps(("heartbeat", {"__ObjectId__": True, "as_str": ""}, STRANGER)),
    *(
        msgpack.dumps((kind, data, STRANGER))
        for kind in ("client_ready", "heartbeat", "stats", "quit", "gainbench-greeting", "gainbench-answer")
        for data in (None, 5, [], {}, {"text": b"{}"}, {"text": "hello"}, {"state": "missing"})
    ),
]


def talk_nonsense(address: str) -> None:
    """Return when the master has heard all of it: it still answers a message that makes sense."""
    hello = msgpack.dumps(("client_ready", version("locust"), STRANGER))
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.IDENTITY, STRANGER.encode())
        stranger.setsockopt(zmq.LINGER, 0)
        stranger.connect(f"tcp://{address}")
        for packet in (hello, *NONSENSE, hello):
            stranger.send(packet)
        acknowledged = 0
        while acknowledged < 2:
            assert stranger.poll(5000), "the master no longer listens"
            acknowledged += msgpack.loads(stranger.recv())[0] == "ack"


def test_a_stranger_who_talks_nonsense_disturbs_no_count(guarded, servers, locustfile):
    crew, address, secret_file = guarded
    worker = subprocess.Popen(worker_command(address, "--secret-file", str(secret_file("right"))))
    try:
        prepare(crew, locustfile(READ), servers, users=2)
        with ThreadPoolExecutor() as beside:
            talking = beside.submit(talk_nonsense, address)
            report = run_comb(crew, "left", "right")
            talking.result()
        finished = crew.finish_workload()
    finally:
        worker.kill()
        worker.wait()
    assert report.incomplete is None
    for server in servers:
        seen = server.counts().total()
        assert counted(server.name, [report], finished) == finished.sent[server.name] == seen > 0


@pytest.mark.parametrize("address", ["0.0.0.0:5557", "10.1.2.3:5557", "load.example:5557"])
def test_beyond_loopback_there_must_be_a_secret(address):
    with pytest.raises(ConfigurationError, match="shared secret"):
        Generators(2, Address.parse(address))
    environment = {name: value for name, value in os.environ.items() if name != "GAINBENCH_SECRET"}
    ended = subprocess.run(
        worker_command(address), capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "shared secret" in ended.stderr
