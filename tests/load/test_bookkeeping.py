"""Every request is counted exactly once, and equals what the server saw."""

import time
from collections import Counter

import pytest

from gainbench.load.protocol import Workload
from tests.load.conftest import comb

READ = """
    from locust import FastHttpUser, task

    class Reader(FastHttpUser):
        @task
        def read(self):
            self.client.get("/read")
"""

READ_WITH_REQUESTS = READ.replace("FastHttpUser", "HttpUser")

EVERY_KIND_OF_TASK = """
    from locust import FastHttpUser, SequentialTaskSet, constant, task

    class Steps(SequentialTaskSet):
        def on_start(self):
            self.client.get("/steps-start")

        @task
        def first(self):
            self.client.get("/first")

        @task
        def second(self):
            with self.client.get("/second", catch_response=True) as outer:
                with self.rest_inside() as inner:
                    inner.failure("not what we want")
                outer.success()
            self.interrupt()

        def rest_inside(self):
            return self.client.get("/inside", catch_response=True)

    class Mixed(FastHttpUser):
        wait_time = constant(0.002)
        tasks = [Steps]

        @task
        def several(self):
            self.client.post("/a", json={"x": 1})
            self.client.get("/busy")
            with self.rest("GET", "/c") as response:
                assert response.js["path"] == "/c"
"""


@pytest.mark.parametrize("source", [READ, READ_WITH_REQUESTS, EVERY_KIND_OF_TASK])
def test_sent_equals_the_counted_and_what_the_server_saw(source, locustfile, servers, measure):
    measured = measure(locustfile(source))
    for server in servers:
        seen = server.counts().total()
        assert seen > 0
        assert measured.finished.sent[server.name] == seen
        assert measured.counted(server.name) == seen
    assert measured.task_exceptions() == {}


def test_a_comb_reports_each_turn_and_each_arm_with_a_latency_for_each_completion(locustfile, measure):
    report = measure(locustfile(READ)).report
    assert [turn.arm for turn in report.turns] == ["left", "right", "right", "left"]
    for turn in report.turns:
        assert turn.successes > 0
        assert turn.guard_successes > 0
        assert turn.failures == 0
        assert turn.guard_seconds == pytest.approx(0.02)
        assert turn.seconds > 0.0999
        assert turn.undrained == 0
    for counted in report.arms.values():
        assert counted.failures == {}
        assert len(counted.latencies_us) == 4 * counted.completions > 0
        assert counted.completions <= counted.requests
        assert counted.received_bytes > 0


def test_the_shares_of_a_comb_make_up_its_requests(locustfile, servers, generator):
    """Guards and windows hold all of them, but for what drained after a gate had closed.

    They are held to the cycles that began in windows, which may have been a little quicker or slower.
    """
    left, right = servers
    generator.prepare(Workload(locustfile(READ), None, 3, (left.target, right.target), seed=1))
    generator.run_comb(comb("left"))  # from now on, no user is in its first cycle
    report = generator.run_comb(comb("left", "right", "right", "left"))
    for arm, counted in report.arms.items():
        turns = [turn for turn in report.turns if turn.arm == arm]
        shares = sum(turn.successes + turn.guard_successes for turn in turns)
        assert counted.requests - 3 * len(turns) <= shares * 1.1
        assert shares * 0.9 <= counted.requests
        assert sum(counted.profile) == pytest.approx(shares, rel=0.05)


def covered_users(report, arm):
    """How many users' time in the windows lies in cycles."""
    seconds = sum(turn.seconds for turn in report.turns if turn.arm == arm)
    return report.arms[arm].covered_seconds / seconds


def test_the_cycles_make_up_the_time_of_all_users(locustfile, generator, servers):
    # No with-block, whose request has no outcome while its user stands at the gate in the middle of it.
    path = locustfile("""
        from locust import FastHttpUser, constant, task

        class Mixed(FastHttpUser):
            wait_time = constant(0.002)

            @task
            def several(self):
                self.client.post("/a", json={"x": 1})
                self.client.get("/busy")
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 3, (left.target, right.target), seed=1))
    # The guard is long enough for all users to be under way, however slowly this machine wakes them.
    report = generator.run_comb(comb("left", "right", "right", "left", guard_seconds=0.25))
    for arm, counted in report.arms.items():
        assert covered_users(report, arm) == pytest.approx(3, rel=1e-6)
        seconds = sum(turn.seconds for turn in report.turns if turn.arm == arm)
        assert 0 < counted.in_flight_seconds < 3 * seconds
        assert (counted.unsettled, counted.astray, counted.loose) == (0, 0, 0)


def test_a_dead_user_is_missing_from_that_time(locustfile, generator, servers):
    path = locustfile("""
        import itertools
        from locust import FastHttpUser, task
        from locust.exception import StopUser

        numbers = itertools.count()

        class Mortal(FastHttpUser):
            def on_start(self):
                self.number = next(numbers)

            @task
            def read(self):
                self.client.get("/read")
                if self.number % 3 == 0:
                    raise StopUser()
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 3, (left.target, right.target), seed=1))
    generator.run_comb(comb("left"))
    report = generator.run_comb(comb("left", guard_seconds=0.25))
    assert covered_users(report, "left") == pytest.approx(2, rel=1e-6)
    assert (report.arms["left"].unsettled, report.arms["left"].astray) == (0, 0)


def test_a_stuck_user_is_missing_from_that_time_but_a_waiting_one_is_not(locustfile, generator, servers):
    path = locustfile("""
        import gevent
        from locust import FastHttpUser, constant, task

        class Stuck(FastHttpUser):
            fixed_count = 1

            @task
            def read(self):
                self.client.get("/read")
                gevent.sleep(3600)

        class Waiting(FastHttpUser):
            fixed_count = 1
            wait_time = constant(3600)

            @task
            def read(self):
                self.client.get("/read")
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    generator.run_comb(comb("left", drain_seconds=0.1))
    report = generator.run_comb(comb("left", drain_seconds=0.1))
    counted = report.arms["left"]
    assert (counted.requests, counted.latencies_us) == (0, b"")
    assert covered_users(report, "left") == pytest.approx(1, rel=1e-6)
    assert (counted.unsettled, counted.astray) == (1, 1)
    assert report.turns[0].successes == pytest.approx(report.turns[0].seconds / 3600, rel=0.01)


def test_failures_are_counted_by_kind_and_not_as_successes(locustfile, servers, measure):
    path = locustfile("""
        from locust import HttpUser, FastHttpUser, task

        class Fast(FastHttpUser):
            fixed_count = 1

            @task
            def all(self):
                self.client.get("/busy")
                self.client.get("http://127.0.0.1:9/closed-port")
                with self.client.get("/read", catch_response=True) as response:
                    response.failure("empty list")

        class Slow(HttpUser):
            fixed_count = 1

            @task
            def all(self):
                self.client.get("/busy")
                self.client.get("http://127.0.0.1:9/closed-port")
    """)
    measured = measure(path, users=2, allowed=("127.0.0.1:9",))
    failures = measured.failures("left")
    assert set(failures) == {"HTTP 503", "ConnectionRefusedError", "empty list"}
    assert measured.report.arms["left"].examples["HTTP 503"] == 'GET /busy: HTTP 503, {"detail": "busy"}'
    seen = servers[0].counts()
    assert failures["HTTP 503"] == seen["- /busy"]
    assert failures["empty list"] == seen["- /read"]
    assert measured.counted("left") == measured.finished.sent["left"] == failures.total()
    assert all(turn.successes == 0 and turn.failures > 0 for turn in measured.report.turns)
    assert measured.report.arms["left"].latencies_us == b""


def test_a_request_to_another_server_is_not_sent_unless_it_is_allowed(locustfile, servers, measure):
    left, right = servers
    path = locustfile(f"""
        from locust import FastHttpUser, HttpUser, task

        class Fast(FastHttpUser):
            fixed_count = 1

            @task
            def all(self):
                self.client.get(url="{right.target.host}/past")

        class Slow(HttpUser):
            fixed_count = 1

            @task
            def all(self):
                self.client.get("{left.target.host}/own")
                self.client.get("{right.target.host}/past")
    """)
    measured = measure(path, users=2)
    assert measured.failures("left")["SentElsewhere"] > 0
    assert right.target.host.removeprefix("http://") in measured.report.arms["left"].examples["SentElsewhere"]
    assert left.counts()["- /own"] > 0
    assert left.counts()["- /past"] == 0
    allowed = measure(path, users=2, allowed=("127.0.0.1",))
    assert not allowed.failures("left") + allowed.failures("right")


def test_the_outcome_of_a_with_block_is_decided_when_it_ends(locustfile, servers, measure):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Careful(FastHttpUser):
            @task
            def forgiven(self):
                with self.client.get("/busy", catch_response=True) as response:
                    assert response.status_code == 503
                    response.success()
    """)
    measured = measure(path)
    assert measured.failures("left") == {}
    assert measured.counted("left") == servers[0].counts()["- /busy"] > 0


def test_a_raising_task_is_reported_and_its_open_request_counts_as_a_failure(locustfile, servers, measure):
    path = locustfile("""
        from locust import FastHttpUser, constant, task

        class Buggy(FastHttpUser):
            wait_time = constant(0.005)

            @task
            def read(self):
                with self.client.get("/read", catch_response=True) as response:
                    response.js["missing"]
    """)
    measured = measure(path)
    raised = measured.task_exceptions()
    (name,) = raised
    assert name == "AttributeError: 'ResponseContextManager' object has no attribute 'js' (load.py:10)"
    seen = sum((server.counts() for server in servers), Counter())
    assert raised[name] == seen.total()
    failed = measured.failures("left") + measured.failures("right")
    assert failed == {"task raised AttributeError": seen.total()}


def test_a_request_that_no_with_block_has_judged_by_the_end_of_its_task_has_failed(
    locustfile, servers, measure
):
    path = locustfile("""
        from locust import FastHttpUser, constant, task

        class Forgetful(FastHttpUser):
            wait_time = constant(0.005)

            @task
            def read(self):
                self.client.get("/read", catch_response=True)
    """)
    measured = measure(path)
    seen = servers[0].counts().total()
    assert seen > 0
    assert measured.failures("left") == {"outcome never reported": seen}
    assert all(turn.successes == 0 and turn.failures > 0 for turn in measured.report.turns)
    assert measured.counted("left") == measured.finished.sent["left"] == seen


def test_a_client_of_the_users_own_is_counted_by_the_event_it_fires(locustfile, servers, measure):
    path = locustfile("""
        import time
        import urllib.request
        from locust import User, task

        class Own(User):
            @task
            def read(self):
                start = time.perf_counter()
                urllib.request.urlopen(self.host + "/own").read()
                self.environment.events.request.fire(
                    request_type="GET", name="own", response_time=(time.perf_counter() - start) * 1000,
                    response_length=0, exception=None, context={},
                )
    """)
    measured = measure(path)
    for server in servers:
        seen = server.counts().total()
        assert seen > 0
        assert measured.counted(server.name) == measured.finished.sent[server.name] == seen


def test_an_event_fired_beside_the_users_own_requests_counts_once_and_ends_no_cycle(
    locustfile, servers, measure
):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Both(FastHttpUser):
            @task
            def read(self):
                self.client.get("/read")
                self.environment.events.request.fire(
                    request_type="SUM", name="all of it", response_time=1.0, response_length=0,
                    exception=None, context={},
                )
    """)
    measured = measure(path)
    for server in servers:
        reads, counted = server.counts().total(), measured.report.arms[server.name]
        assert reads > 0
        assert measured.counted(server.name) == measured.finished.sent[server.name] == 2 * reads
        assert counted.loose > 0
        assert counted.unsettled == 0
        assert covered_users(measured.report, server.name) <= 3 * (1 + 1e-6)


def test_a_request_that_hangs_is_in_flight_and_fails_when_its_user_is_stopped(locustfile, generator, servers):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Patient(FastHttpUser):
            @task
            def read(self):
                self.client.get("/hang")
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    report = generator.run_comb(comb("left", drain_seconds=0.01, patience_seconds=0.05))
    (turn,), counted = report.turns, report.arms["left"]
    assert (turn.successes, turn.failures, turn.undrained) == (0, 0, 2)
    assert (counted.requests, counted.unsettled) == (0, 2)
    assert counted.in_flight_seconds == pytest.approx(2 * turn.seconds, rel=0.2)
    finished = generator.finish_workload()
    assert finished.outside["left"].failures == {"GreenletExit": 2}
    assert finished.sent == {"left": 2, "right": 0}


def test_what_is_answered_between_two_combs_lies_outside_of_any(locustfile, generator, delayed):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Patient(FastHttpUser):
            @task
            def read(self):
                self.client.get("/after/1.5")
    """)
    left, right = delayed
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    first = generator.run_comb(comb("left", drain_seconds=0.01, patience_seconds=0.02))
    assert first.stalled == "left"
    while any(answered is None for _came, answered in left.served()):
        time.sleep(0.02)
    second = generator.run_comb(comb("right", drain_seconds=0.01, patience_seconds=0.02))
    assert first.arms["left"].requests == 0
    assert second.outside["left"].requests == 2
    assert second.arms.keys() == {"right"}


def test_sent_equals_counted_equals_seen_over_several_combs_with_logins_and_goodbyes(
    locustfile, generator, servers
):
    path = locustfile("""
        from locust import FastHttpUser, between, task

        class Polite(FastHttpUser):
            wait_time = between(0.0, 0.3)

            def on_start(self):
                self.client.post("/login", json={})

            @task
            def read(self):
                self.client.get("/read")

            def on_stop(self):
                self.client.post("/logout", json={})
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 5, (left.target, right.target), seed=1))
    reports = [generator.run_comb(comb("left", "right", "right", "left")) for _ in range(4)]
    finished = generator.finish_workload()
    for server in servers:
        inside = sum(report.arms[server.name].requests for report in reports)
        outside = sum(part.outside[server.name].requests for part in (*reports, finished))
        assert inside + outside == finished.sent[server.name] == server.counts().total()
        assert inside > 0
        assert reports[0].outside[server.name].requests == 5  # the logins
        # The goodbyes; and a user that stood at the gate sends first what it stood there with.
        assert 5 <= finished.outside[server.name].requests <= 10
