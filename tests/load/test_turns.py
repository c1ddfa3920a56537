"""Users belong to an arm, and send nothing while it is another one's turn."""

import pytest

from gainbench.load.protocol import Workload

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
    generator.begin("left", guard_seconds=0.05, seconds=0.1)
    window = generator.finish()
    assert window.successes > 0
    assert right.counts() == {"- /hello": 4}
    assert generator.pause(drain_seconds=5)
    parked = left.counts()
    generator.begin("right", guard_seconds=0.05, seconds=0.1)
    window = generator.finish()
    assert left.counts() == parked
    assert right.counts()["- /read"] > 4
    assert window.outside["left"].failures == {}


def test_the_load_goes_on_after_a_window_until_the_next_turn(locustfile, generator, servers):
    path = locustfile("""
        from locust import FastHttpUser, task

        class Reader(FastHttpUser):
            @task
            def read(self):
                self.client.get("/read")
    """)
    left, right = servers
    generator.prepare(Workload(path, None, 1, (left.target, right.target), seed=1))
    generator.begin("left", guard_seconds=0.0, seconds=0.05)
    first = generator.finish()
    at_the_edge = left.counts().total()
    while left.counts().total() == at_the_edge:
        pass
    assert generator.pause(drain_seconds=5)
    remainder = generator.finish_workload()
    assert remainder.outside["left"].successes >= 1
    assert first.successes + first.outside["left"].successes + remainder.outside["left"].successes == (
        left.counts().total()
    )


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
        generator.begin(arm.name, guard_seconds=0.1, seconds=0.05)
        before = other.counts()
        assert generator.finish().successes > 0
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
        generator.begin("left", guard_seconds=0.0, seconds=0.05)
        window = generator.finish()
        assert window.successes > 0
        assert window.failures == window.outside["left"].failures == {}
        assert generator.pause(drain_seconds=5)
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
    assert first.remainder.sent["left"] == first.counted("left") == seen["- /first"]
    assert second.remainder.sent["left"] == second.counted("left") == seen["- /second"]


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
