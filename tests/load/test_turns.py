"""Users belong to an arm, and send nothing while it is another one's turn."""

from itertools import pairwise

import pytest

from gainbench.load.protocol import Workload
from tests.load.conftest import comb

SESSIONS = """
    from locust import HttpUser, FastHttpUser, events, task

    seen = {"init": 0, "test_start": 0, "requests": 0}

    @events.init.add_listener
    def on_init(environment, **_kwargs):
        assert environment.parsed_options.flavour == "plain"
        seen["init"] += 1

    @events.init_command_line_parser.add_listener
    def on_parser(parser):
        parser.add_argument("--flavour", default="plain")

    @events.test_start.add_listener
    def on_test_start(environment, **_kwargs):
        seen["test_start"] += 1

    @events.request.add_listener
    def on_request(name, response_time, **_kwargs):
        seen["requests"] += 1

    class Shopper(FastHttpUser):
        def on_start(self):
            self.client.post("/login", json={})

        @task
        def read(self):
            if seen["init"] == 1 and seen["test_start"] == 1 and seen["requests"] > 0:
                self.client.get("/listened")
            else:
                self.client.get("/unheard")

        def on_stop(self):
            self.client.post("/logout", json={})
"""


def test_logins_cookies_and_listeners_of_the_file_work_and_stay_with_their_arm(locustfile, servers, measure):
    by_client = {"fast.py": SESSIONS, "plain.py": SESSIONS.replace("FastHttpUser):", "HttpUser):")}
    for name, source in by_client.items():
        before = [server.counts() for server in servers]
        measured = measure(locustfile(source, name), users=3)
        for server, earlier in zip(servers, before, strict=True):
            seen = server.counts() - earlier
            users = {entry.split()[0] for entry in seen if entry.endswith("/listened")}
            assert len(users) == 3
            assert all(user.startswith(server.name) for user in users)
            assert set(seen) == {"- /login"} | {
                f"{user} {path}" for user in users for path in ("/listened", "/logout")
            }
            assert seen["- /login"] == 3
            assert all(seen[f"{user} /logout"] == 1 for user in users)
            assert measured.counted(server.name) == seen.total()


def test_a_parked_arm_receives_nothing_while_the_other_is_loaded(locustfile, generator, servers):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            def on_start(self):
                self.client.get("/hello")

            @task
            def read(self):
                self.client.get("/read")
    """)
    left, right = servers
    generator.prepare(Workload(path, "Reader", 4, (left.target, right.target), seed=1))
    assert left.counts() == right.counts() == {"- /hello": 4}
    report = generator.run_comb(comb("left"))
    assert report.turns[0].successes > 0
    assert right.counts() == {"- /hello": 4}
    parked = left.counts()
    report = generator.run_comb(comb("right"))
    assert report.turns[0].successes > 0
    assert left.counts() == parked
    assert right.counts()["- /read"] > 4
    assert report.outside["left"].requests == 0


def test_nothing_of_one_arm_is_in_flight_while_the_other_is_open(locustfile, generator, delayed):
    path = locustfile("""
        from locust import FastHttpUser, between, task

        class Reader(FastHttpUser):
            wait_time = between(0, 0.02)

            @task
            def read(self):
                self.client.get("/read")
    """)
    left, right = delayed
    generator.prepare(Workload(path, None, 8, (left.target, right.target), seed=1))
    report = generator.run_comb(comb(*("left", "right", "right", "left") * 2))
    for server in delayed:
        served = server.served()
        assert served
        for came, answered in served:
            turns = [
                turn
                for turn in report.turns
                if turn.opened_at <= answered
                and came <= turn.opened_at + turn.guard_seconds + turn.seconds + turn.drain_seconds
            ]
            assert [turn.arm for turn in turns] == [server.name]


def test_a_request_that_outlives_the_wait_for_it_is_noted_and_the_turns_go_on(locustfile, generator, delayed):
    path = locustfile("""
        import itertools
        from locust import FastHttpUser, task

        numbers = itertools.count()

        class Reader(FastHttpUser):
            def on_start(self):
                self.is_slow = next(numbers) % 2 == 0

            @task
            def read(self):
                self.client.get("/after/0.8" if self.is_slow else "/read")
    """)
    left, right = delayed
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    report = generator.run_comb(comb("left", "right", "right", "left", drain_seconds=0.1))
    assert report.stalled is None
    assert report.turns[0].undrained == 1
    assert 0.1 <= report.turns[0].drain_seconds < 0.7
    assert report.arms["left"].longest_seconds >= 0.8
    assert report.arms["left"].unsettled == 0  # when the comb was over, the cycle's length was known


def test_an_arm_that_answers_nothing_ends_the_comb_and_is_named(locustfile, generator, delayed):
    path = locustfile(
        """
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            @task
            def read(self):
                self.client.get("/never" if self.host.endswith(HUNG) else "/read")
    """.replace("HUNG", repr(delayed[1].url[-6:]))
    )
    left, right = delayed
    generator.prepare(Workload(path, None, 3, (left.target, right.target), seed=1))
    ordered = comb("left", "right", "right", "left", drain_seconds=0.1, patience_seconds=0.4)
    report = generator.run_comb(ordered)
    assert report.stalled == "right"
    assert [turn.arm for turn in report.turns] == ["left", "right"]
    assert report.turns[1].undrained == 3
    assert report.turns[1].drain_seconds >= 0.4
    assert report.arms["left"].requests > 0
    assert report.arms["right"].requests == 0


def test_a_slow_arm_is_waited_for_as_long_as_patience_lasts(locustfile, generator, delayed):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            @task
            def read(self):
                self.client.get("/after/0.5")
    """)
    left, right = delayed
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    report = generator.run_comb(comb("left", "right", drain_seconds=0.05, patience_seconds=10))
    assert report.stalled is None
    assert [turn.arm for turn in report.turns] == ["left", "right"]
    assert report.turns[0].drain_seconds >= 0.3


def test_a_parked_custom_client_sends_nothing_either(locustfile, generator, servers):
    path = locustfile("""
        import urllib.request
        from locust import User, task

        class Own(User):
            @task
            def read(self):
                with self.environment.events.request.measure("GET", "own"):
                    urllib.request.urlopen(self.host + "/own").read()
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 2, (left.target, right.target), seed=1))
    assert left.counts() == right.counts() == {}
    for arm, other in ((left, right), (right, left), (left, right)):
        before = other.counts()
        assert generator.run_comb(comb(arm.name)).turns[0].successes > 0
        assert other.counts() == before


@pytest.mark.parametrize("client", ["FastHttpUser", "HttpUser"])
def test_a_connection_that_the_server_closed_while_its_user_was_parked_is_opened_anew(
    client, locustfile, generator, servers
):
    path = locustfile(f"""
        from locust import FastHttpUser, HttpUser, task

        class Writer({client}):
            @task
            def write(self):
                self.client.post("/write", data="1")
    """)
    left, right = servers
    generator.prepare(Workload(path, "Writer", 2, (left.target, right.target), seed=1))
    for _ in range(2):
        report = generator.run_comb(comb("left"))
        assert report.turns[0].successes > 0
        assert report.arms["left"].failures == report.outside["left"].failures == {}
        left.drop_connections()
    assert generator.finish_workload().outside["left"].failures == {}


def test_one_generator_runs_one_workload_after_the_other(locustfile, servers, measure):
    path = locustfile("""
        from locust import FastHttpUser, task

        class First(FastHttpUser):
            @task
            def read(self):
                self.client.get("/first")

        class Second(FastHttpUser):
            @task
            def read(self):
                self.client.get("/second")
    """)
    first = measure(path, user="First")
    second = measure(path, user="Second")
    seen = servers[0].counts()
    assert first.finished.sent["left"] == first.counted("left") == seen["- /first"]
    assert second.finished.sent["left"] == second.counted("left") == seen["- /second"]


def test_without_a_class_name_the_users_are_shared_out_by_the_files_weights(locustfile, servers, generator):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Common(FastHttpUser):
            weight = 3

            def on_start(self):
                self.client.get("/common")

        class Rare(FastHttpUser):
            weight = 1

            def on_start(self):
                self.client.get("/rare")

            @task
            def nothing(self):
                pass
    """)
    generator.prepare(Workload(path, None, 8, tuple(server.target for server in servers), seed=1))
    for server in servers:
        assert server.counts() == {"- /common": 6, "- /rare": 2}


def spread(moments: list[float], *, cycle_seconds: float) -> float:
    """Over how much of a cycle they lie."""
    phases = sorted(moment % cycle_seconds for moment in moments)
    gaps = [after - before for before, after in pairwise([*phases, phases[0] + cycle_seconds])]
    return cycle_seconds - max(gaps)


@pytest.mark.parametrize("apart", [0.0, 0.025])
def test_users_go_on_as_far_apart_as_they_had_come_to_the_gate(locustfile, generator, delayed, apart):
    """Their first responses bring them apart by that much, or not at all."""
    path = locustfile(f"""
        from collections import defaultdict
        from itertools import count
        from locust import FastHttpUser, task

        numbers = defaultdict(count)

        class Reader(FastHttpUser):
            def on_start(self):
                number = next(numbers[self.host])
                self.paths = [f"/after/{{0.01 + {apart} * number}}"]

            @task
            def read(self):
                self.client.get(self.paths.pop() if self.paths else "/after/0.1")
    """)
    left, right = delayed
    generator.prepare(Workload(path, "Reader", 4, (left.target, right.target), seed=1))
    order = comb("left", "left", guard_seconds=0.1, window_seconds=0.3)
    spreads = []
    for _ in range(2):
        for turn in generator.run_comb(order).turns:
            came = sorted(came for came, _ in left.served() if came >= turn.opened_at)
            spreads.append(spread(came[:4], cycle_seconds=0.102))
    assert all(abs(seen - 3 * apart) < 0.03 for seen in spreads[1:]), spreads


OPTIONS = """
    from locust import FastHttpUser, LoadTestShape, TaskSet, events, tag, task

    @events.init_command_line_parser.add_listener
    def on_parser(parser):
        parser.add_argument("--token", required=True)

    class Shopper(FastHttpUser):
        @task
        class Deeper(TaskSet):
            @tag("read")
            @task
            def read(self):
                options = self.user.environment.parsed_options
                assert self.user.environment.host == self.user.host
                self.client.get(f"/{options.token}")

            @tag("write")
            @task
            def write(self):
                self.client.get("/written")

    class Waves(LoadTestShape):
        def tick(self):
            return 1, 1
"""


def test_options_and_tags_of_the_plan_reach_the_file_and_its_shape_is_said_to_be_ignored(
    locustfile, servers, measure
):
    path = locustfile(OPTIONS)
    for token, tags, exclude_tags, expected in (
        ("one", ("read",), (), {"/one"}),
        ("two", (), ("write",), {"/two"}),
        ("three", ("write",), (), {"/written"}),
        ("four", (), (), {"/four", "/written"}),
    ):
        before = [server.counts() for server in servers]
        measured = measure(path, args=("--token", token), tags=tags, exclude_tags=exclude_tags)
        for server, earlier in zip(servers, before, strict=True):
            assert {entry.split()[1] for entry in server.counts() - earlier} == expected
        assert not measured.task_exceptions()
        assert ["Waves" in said for said in measured.finished.ignored] == [True]


TWO_NAMES = """
    from locust import FastHttpUser, task

    class Reader(FastHttpUser):
        @task
        def both(self):
            self.client.get("/first")
            self.client.get("/second/1", name="/second/[id]")
"""


def test_requests_are_also_counted_by_their_names(locustfile, measure):
    report = measure(locustfile(TWO_NAMES)).report
    for counts in report.arms.values():
        assert set(counts.by_request) == {"GET /first", "GET /second/[id]"}
        assert sum(one.requests for one in counts.by_request.values()) == counts.requests
        latencies = sum(len(one.latencies_us) for one in counts.by_request.values())
        assert latencies == len(counts.latencies_us) > 0
        first, second = (one.requests for one in counts.by_request.values())
        assert abs(first - second) <= 3  # of three users


MANY_NAMES = """
    import itertools
    from locust import FastHttpUser, task

    number = itertools.count()

    class Reader(FastHttpUser):
        @task
        def one(self):
            self.client.get(f"/read/{next(number)}")
"""


def test_a_file_that_names_nothing_fills_no_memory(locustfile, measure):
    counts = measure(locustfile(MANY_NAMES)).report.arms["left"]
    assert len(counts.by_request) <= 61
    assert sum(one.requests for one in counts.by_request.values()) == counts.requests
