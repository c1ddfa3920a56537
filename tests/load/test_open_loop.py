"""An open loop sends when it planned to, and times from there; a closed loop waits and hides the wait."""

import os
import signal
import threading
import time
from itertools import islice, pairwise
from random import Random

import pytest

from gainbench.load import histogram
from gainbench.load.openloop import Cohort, PacedLane, Start, Timetable
from gainbench.load.protocol import Arrivals, Pace, Workload
from gainbench.load.several.orders import Share
from gainbench.load.turnstile import Lane, Turnstile

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


def slower_than(latency: str | None, milliseconds: float) -> int:
    decoded = histogram.HdrHistogram.decode(latency)
    return sum(
        item.count_added_in_this_iter_step
        for item in decoded.get_recorded_iterator()
        if item.value_iterated_to > milliseconds * 1000
    )


def stop_for_a_second(server) -> threading.Thread:
    """Stand the server still, from now on."""

    def stop() -> None:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            time.sleep(STOPPED_SECONDS)
        finally:
            os.kill(server.pid, signal.SIGCONT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    return stopping


def stalled_window(generator, server):
    generator.begin(server.name, guard_seconds=0.1, seconds=2.0)
    stopping = stop_for_a_second(server)
    window = generator.finish()
    stopping.join()
    return window


def test_constant_arrivals_are_evenly_spaced_and_poisson_ones_come_at_the_same_rate():
    even = Timetable("constant", 4.0).planned_starts(10.0, 10.0, Random(1))
    assert [next(even) for _ in range(4)] == [10.25, 10.5, 10.75, 11.0]
    one, other = (Timetable("poisson", 4.0).planned_starts(10.0, 10.0, Random(7)) for _ in range(2))
    first = [next(one) for _ in range(4000)]
    assert first == [next(other) for _ in range(4000)]
    assert first == sorted(first)
    assert first[-1] - 10.0 == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("generators", [1, 2, 3, 8])
def test_constant_arrivals_of_several_generators_are_those_of_one(generators):
    # A window opens at 10.0 for all; each generator hears of it at another moment, up to a second before.
    hear_at = [9.0 + 0.11 * number for number in range(generators)]
    timetables = [Timetable("constant", 4.0, Share(number, generators)) for number in range(generators)]
    starts = []
    for timetable, began in zip(timetables, hear_at, strict=True):
        own = list(islice(timetable.planned_starts(began, 10.0, Random(1)), 24))
        assert began < own[0] <= began + generators / 4
        assert [later - earlier for earlier, later in pairwise(own)] == [generators / 4] * 23
        starts += own
    assert sorted(start for start in starts if 10.0 < start <= 14.0) == [
        10.0 + tick / 4 for tick in range(1, 17)
    ]


def test_the_ticks_are_counted_from_the_opening_that_is_the_same_for_all_generators():
    turnstile = Turnstile()
    turnstile.set_up(["left"], lambda arm: PacedLane(arm, Timetable("constant", 100, Share(1, 4)), Random(1)))
    open_at = time.monotonic() + 0.055
    turnstile.schedule("left", open_at=open_at, seconds=0.05)
    turnstile.wait_for_opening()
    turnstile.give_up_window()
    ticks = [(turnstile.lanes["left"].next_start().planned - open_at) * 100 for _ in range(3)]
    turnstile.turn_to(None)
    assert ticks in (pytest.approx([-2, 2, 6], abs=0.01), pytest.approx([2, 6, 10], abs=0.01))


@pytest.mark.parametrize("generators", [1, 4])
def test_poisson_arrivals_of_several_generators_make_up_the_rate(generators):
    for number in range(generators):
        own = Timetable("poisson", 4.0, Share(number, generators)).planned_starts(10.0, 10.0, Random(number))
        last = next(islice(own, 3999, None))
        assert 4000 / (last - 10.0) == pytest.approx(4.0 / generators, rel=0.05)


def test_a_latency_runs_from_the_planned_start_and_the_unanswered_enter_with_their_age():
    cohort = Cohort(opened_at=100.0)
    for planned in (99.9, 100.0, 100.5, 101.0):
        cohort.plan(planned)
    cohort.closed_at = 101.5
    cohort.plan(101.5)
    cohort.begin(Start(100.0, queued=False, dispatched_late=False), 0.0)
    cohort.end(100.0, 0.002)
    cohort.begin(Start(100.5, queued=True, dispatched_late=False), 0.4)
    cohort.end(100.5, None)
    starts = cohort.close_the_books(now=104.0)
    assert (starts.planned, starts.unanswered) == (3, 1)
    assert (starts.late_for_users, starts.late_for_generator, starts.longest_late_seconds) == (1, 0, 0.4)
    assert list(cohort.latencies_us) == [2_000, 3_000_000]


class SlowToSettle(Lane):
    def settle(self, latencies_us):
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        return super().settle(latencies_us)


def test_the_cpu_time_of_a_window_ends_with_it_and_not_with_the_last_answer():
    turnstile = Turnstile()
    turnstile.set_up(["left"], SlowToSettle)
    turnstile.schedule("left", open_at=time.monotonic(), seconds=0.01)
    turnstile.wait_for_report()
    assert 0 < turnstile.window_cpu_seconds < 0.1


def test_the_schedule_is_kept_whatever_the_files_wait_time_says(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(open_loop(locustfile(READER), left))
    generator.begin("left", guard_seconds=0.1, seconds=0.5)
    window = generator.finish()
    assert window.starts.planned in range(49, 53)  # 100/s for half a second
    assert histogram.count(window.latency) == window.starts.planned
    assert generator.pause(drain_seconds=5)
    remainder = generator.finish_workload()
    seen = left.counts()
    assert seen["- /login"] == 40
    assert remainder.sent["left"] == seen.total()


def test_a_server_that_stands_still_for_a_second_cannot_hide_its_queue(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(open_loop(locustfile(READER), left))
    window = stalled_window(generator, left)
    # One request is planned every 10 ms. Those of the first half of the second wait for at least the rest.
    assert slower_than(window.latency, 500) >= 45
    assert slower_than(window.latency, 900) >= 8
    (p99,) = histogram.quantiles_ms(window.latency, (0.99,))
    assert p99 > 900
    assert window.starts.planned in range(198, 203)
    assert window.starts.unanswered == 0
    # 40 users fill up within 0.4 s; the other 60 starts of the second have to wait for one.
    assert window.starts.late_for_users >= 50
    assert window.starts.longest_late_seconds > 0.4


def test_a_closed_loop_sees_the_same_second_once_for_each_user(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(
        Workload(locustfile(READER.replace("60, 61", "0.03, 0.05")), None, 4, (left.target,), 1)
    )
    window = stalled_window(generator, left)
    assert 1 <= slower_than(window.latency, 500) <= 4
    assert window.starts is None


def test_what_was_planned_in_a_window_counts_although_it_ends_after_it(locustfile, generator, servers):
    left, _ = servers
    generator.prepare(open_loop(locustfile(READER), left))
    generator.begin("left", guard_seconds=0.1, seconds=0.2)
    stopping = stop_for_a_second(left)
    window = generator.finish()
    stopping.join()
    assert slower_than(window.latency, 700) >= 15  # 20 were planned, and none answered within the window
    assert window.starts.unanswered == 0


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
    generator.begin("left", guard_seconds=0.1, seconds=0.5)
    window = generator.finish()
    assert 20 <= window.starts.planned <= 90  # 50 on average
    assert histogram.count(window.latency) == window.starts.planned
