"""An open loop sends when it planned to, and times from there; a closed loop waits and hides the wait."""

import os
import signal
import threading
import time
from array import array
from itertools import islice, pairwise
from random import Random

import gevent
import pytest

from gainbench.load.openloop import PacedLane, Schedule, Start, Timetable
from gainbench.load.protocol import Arrivals, Pace, Workload
from gainbench.load.several.orders import Share
from tests.load.conftest import comb

READER = """
    from locust import FastHttpUser, between, task

    class Reader(FastHttpUser):
        wait_time = between(60, 61)  # an open loop has no use for it

        def on_start(self):
            self.client.post("/login", json={})

        @task
        def read(self):
            self.client.get("/read")
"""
RATE_RPS = 100.0
STOPPED_SECONDS = 1.0


def open_loop(path, server, *, users=40, rate_rps=RATE_RPS, arrivals: Arrivals = "constant") -> Workload:
    return Workload(path, None, users, (server.target,), seed=1, pace=Pace(arrivals, {server.name: rate_rps}))


def latencies_ms(counted) -> list[float]:
    return [latency / 1000 for latency in array("I", counted.latencies_us)]


def slower_than(counted, milliseconds: float) -> int:
    return sum(latency > milliseconds for latency in latencies_ms(counted))


def stop_for_a_second(server) -> threading.Thread:
    """Stand the server still, when it has served a few requests."""
    logins = server.counts().total()

    def stop() -> None:
        while server.counts().total() < logins + 3:
            time.sleep(0.005)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            time.sleep(STOPPED_SECONDS)
        finally:
            os.kill(server.pid, signal.SIGCONT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    return stopping


def stalled(generator, server, *, window_seconds=2.0):
    stopping = stop_for_a_second(server)
    report = generator.run_comb(comb(server.name, guard_seconds=0.1, window_seconds=window_seconds))
    stopping.join()
    return report.arms[server.name]


def test_constant_arrivals_are_evenly_spaced_and_poisson_ones_come_at_the_same_rate():
    even = Timetable("constant", 4.0).planned_starts(Random(1))
    assert [next(even) for _ in range(4)] == [0.25, 0.5, 0.75, 1.0]
    one, other = (Timetable("poisson", 4.0).planned_starts(Random(7)) for _ in range(2))
    first = [next(one) for _ in range(4000)]
    assert first == [next(other) for _ in range(4000)]
    assert first == sorted(first)
    assert first[-1] == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("generators", [1, 2, 3, 8])
def test_constant_arrivals_of_several_generators_are_those_of_one(generators):
    starts = []
    for number in range(generators):
        timetable = Timetable("constant", 4.0, Share(number, generators))
        own = list(islice(timetable.planned_starts(Random(1)), 24))
        assert own[0] == (number + 1) / 4
        assert [later - earlier for earlier, later in pairwise(own)] == [generators / 4] * 23
        starts += own
    assert sorted(starts)[: 4 * 6] == [tick / 4 for tick in range(1, 25)]


@pytest.mark.parametrize("generators", [1, 4])
def test_poisson_arrivals_of_several_generators_make_up_the_rate(generators):
    for number in range(generators):
        own = Timetable("poisson", 4.0, Share(number, generators)).planned_starts(Random(number))
        last = next(islice(own, 3999, None))
        assert 4000 / last == pytest.approx(4.0 / generators, rel=0.05)


def start(planned, *, queued=False):
    return Start(planned, is_queued=queued, is_dispatched_late=False)


def test_a_latency_runs_from_the_planned_start_and_the_unanswered_enter_with_their_age():
    schedule = Schedule()
    soon, failed, never, in_line = start(100.0), start(100.5, queued=True), start(101.0), start(102.0)
    for planned in (soon, failed, never, in_line):
        schedule.plan(planned)
    schedule.begin(soon, 0.0)
    schedule.end(soon, 0.002)
    schedule.begin(never, 0.0)
    schedule.begin(failed, 0.4)
    schedule.end(failed, None)
    starts = schedule.close(now=104.0, in_line=[in_line])
    assert (starts.planned, starts.unanswered) == (4, 2)
    assert (starts.late_for_users, starts.late_for_generator, starts.longest_late_seconds) == (1, 0, 0.4)
    assert sorted(schedule.latencies_us) == [2_000, 2_000_000, 3_000_000]


def test_a_start_that_the_closing_gate_kept_from_leaving_belongs_to_no_window():
    schedule = Schedule()
    sent, kept = start(100.0), start(101.0)
    for planned in (sent, kept):
        schedule.plan(planned)
    schedule.begin(sent, 0.0)
    schedule.end(sent, 0.002)
    starts = schedule.close(now=101.001)
    assert (starts.planned, starts.unanswered) == (1, 0)
    assert list(schedule.latencies_us) == [2_000]


def test_what_was_planned_in_a_guard_or_before_the_comb_is_in_no_schedule():
    schedule = Schedule()
    stranger = start(99.9)
    schedule.begin(stranger, 2.0)
    schedule.end(stranger, 3.0)
    starts = schedule.close(now=104.0)
    assert (starts.planned, starts.unanswered, starts.longest_late_seconds) == (0, 0, 0.0)
    assert list(schedule.latencies_us) == []


def test_the_schedule_stands_still_while_the_arm_is_parked():
    """A tick every 10 ms of arm time: none falls into the time between two turns, and none is made up for."""
    lane = PacedLane("left", Timetable("constant", 100.0), Random(1))
    taken = []

    def take():
        while (begun := lane.next_start()) is not None:
            taken.append(begun.planned)

    takers = [gevent.spawn(take) for _ in range(20)]
    for _ in range(2):
        lane.open()
        gevent.sleep(0.055)
        lane.close()
        gevent.sleep(0)  # for whoever has just been called
        shown, so_far = lane.clock.now(), len(taken)
        gevent.sleep(0.1)
        assert len(taken) == so_far
        assert taken == pytest.approx([tick / 100 for tick in range(1, so_far + 1)])
        assert so_far <= shown * 100
    assert len(taken) >= 4
    lane.let_go()
    gevent.joinall(takers, timeout=10, raise_error=True)


def test_the_schedule_is_kept_whatever_the_files_wait_time_says(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(open_loop(locustfile(READER), left))
    report = generator.run_comb(comb("left", guard_seconds=0.1, window_seconds=0.5))
    counted = report.arms["left"]
    # 100/s for half a second, or for as long as it took this machine to close the gate.
    assert counted.starts.planned == pytest.approx(100 * report.turns[0].seconds, abs=2)
    assert counted.starts.unanswered == 0
    assert len(latencies_ms(counted)) == counted.starts.planned
    finished = generator.finish_workload()
    seen = left.counts()
    assert seen["- /login"] == 40
    assert finished.sent["left"] == seen.total()


def test_a_server_that_stands_still_for_a_second_cannot_hide_its_queue(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(open_loop(locustfile(READER), left))
    counted = stalled(generator, left)
    # One request is planned every 10 ms. Those of the first half of the second wait for at least the rest.
    assert slower_than(counted, 500) >= 40
    assert slower_than(counted, 900) >= 1
    assert counted.starts.unanswered == 0
    # 40 users fill up within 0.4 s; the other 60 starts of the second have to wait for one.
    assert counted.starts.late_for_users >= 40
    assert counted.starts.longest_late_seconds > 0.4


def test_a_closed_loop_sees_the_same_second_once_for_each_user(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(
        Workload(locustfile(READER.replace("60, 61", "0.03, 0.05")), None, 4, (left.target,), 1)
    )
    counted = stalled(generator, left)
    assert 1 <= slower_than(counted, 800) <= 4
    assert counted.starts is None


def test_what_was_planned_in_a_window_counts_although_it_ends_after_it(locustfile, generator, delayed):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            @task
            def read(self):
                self.client.get("/after/0.5")
    """)
    generator.prepare(open_loop(path, delayed[0], users=60))
    ordered = comb("left", guard_seconds=0.1, window_seconds=0.3)
    counted = generator.run_comb(ordered).arms["left"]
    assert (
        counted.starts.planned > 20
    )  # 30, and only those of the guard may be answered before the gate closes
    assert counted.starts.unanswered == 0
    assert len(latencies_ms(counted)) == counted.starts.planned
    assert slower_than(counted, 490) == counted.starts.planned


def test_requests_that_fail_or_never_leave_are_no_unanswered_starts(locustfile, generator, servers):
    left, _ = servers
    path = locustfile("""
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            @task
            def raises(self):
                with self.client.get("/read", catch_response=True):
                    raise ValueError

            @task
            def forgets(self):
                self.client.get("/read", catch_response=True)

            @task
            def mistakes(self):
                self.client.get("http://[nowhere")
    """)
    generator.prepare(open_loop(path, left))
    counted = generator.run_comb(comb("left", guard_seconds=0.1, window_seconds=0.5)).arms["left"]
    assert len(counted.failures) == 3
    assert counted.starts.planned > 0
    assert counted.starts.unanswered == 0
    assert latencies_ms(counted) == []


def test_a_client_of_the_files_own_making_keeps_to_the_schedule_too(locustfile, generator, servers):
    path = locustfile("""
        import urllib.request
        from locust import User, task

        class Own(User):
            @task
            def read(self):
                with self.environment.events.request.measure("GET", "own"):
                    urllib.request.urlopen(self.host + "/own").read()
    """)
    left, _ = servers
    generator.prepare(open_loop(path, left, users=5, arrivals="poisson"))
    counted = generator.run_comb(comb("left", guard_seconds=0.1, window_seconds=0.5)).arms["left"]
    assert counted.starts.planned >= 20  # 50 on average
    assert len(latencies_ms(counted)) == counted.starts.planned
    assert counted.starts.unanswered == 0
