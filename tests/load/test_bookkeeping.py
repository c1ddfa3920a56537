"""Every request is counted exactly once, and equals what the server saw."""

from collections import Counter

import pytest

from gainbench.load import histogram
from gainbench.load.protocol import Workload

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
        assert measured.remainder.sent[server.name] == seen
        assert measured.counted(server.name) == seen
    assert measured.task_exceptions() == {}


def test_a_window_reports_its_arm_alone_with_a_latency_for_each_success(locustfile, measure):
    measured = measure(locustfile(READ))
    assert [window.arm for window in measured.windows] == ["left", "right", "right", "left"]
    for window in measured.windows:
        assert window.successes > 0
        assert window.failures == {}
        assert window.seconds >= 0.1
        assert histogram.count(window.latency) == window.successes


def test_time_in_flight_and_time_between_requests_make_up_all_users(locustfile, measure):
    for window in measure(locustfile(EVERY_KIND_OF_TASK)).windows:
        users = (window.in_flight_seconds + window.gap_seconds) / window.seconds
        assert users == pytest.approx(3, rel=1e-6)
        assert window.in_flight_seconds > 0
        assert window.gap_seconds > 0


def test_a_dead_user_is_missing_from_that_sum(locustfile, measure):
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
    *_, last = measure(path).windows
    assert (last.in_flight_seconds + last.gap_seconds) / last.seconds == pytest.approx(2, rel=1e-6)


def test_a_stuck_user_is_missing_from_that_sum_but_a_waiting_one_is_not(locustfile, measure):
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
    *_, last = measure(path, users=2).windows
    assert last.successes == 0
    assert last.latency is None
    assert (last.in_flight_seconds + last.gap_seconds) / last.seconds == pytest.approx(1, rel=1e-6)


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
    measured = measure(path, users=2)
    failures = measured.failures("left")
    assert set(failures) == {"HTTP 503", "ConnectionRefusedError", "empty list"}
    seen = servers[0].counts()
    assert failures["HTTP 503"] == seen["- /busy"]
    assert failures["empty list"] == seen["- /read"]
    assert measured.counted("left") == measured.remainder.sent["left"] == failures.total()
    assert all(window.successes == 0 for window in measured.windows)


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


def test_a_request_whose_with_block_never_reports_is_counted_at_the_end(locustfile, servers, measure):
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
    assert measured.counted("left") == measured.remainder.sent["left"] == seen


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
        assert measured.counted(server.name) == measured.remainder.sent[server.name] == seen


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
    generator.begin("left", guard_seconds=0.2, seconds=0.1)
    window = generator.finish()
    assert window.successes == 0
    assert (window.in_flight_at_open, window.in_flight_at_close) == (2, 2)
    assert window.in_flight_seconds == pytest.approx(2 * window.seconds, rel=1e-6)
    assert not generator.pause(drain_seconds=0.01)
    remainder = generator.finish_workload()
    assert remainder.outside["left"].failures == {"GreenletExit": 2}
    assert remainder.sent == {"left": 2, "right": 0}


def test_the_requests_of_a_window_that_was_given_up_lie_outside_of_any(locustfile, generator, servers):
    left, right = servers
    generator.prepare(Workload(locustfile(READ), None, 2, (left.target, right.target), seed=1))
    generator.begin("left", guard_seconds=0.0, seconds=60)
    while not left.counts():
        pass
    remainder = generator.finish_workload()
    assert remainder.outside["left"].successes == remainder.sent["left"] == left.counts().total() > 0
    assert remainder.outside["left"].failures == {}
