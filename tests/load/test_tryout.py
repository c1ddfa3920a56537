"""Each task of a file once, and what the arms answer: before anything is timed."""

from gainbench.load.protocol import Workload

SHOP = """
    import random
    from locust import FastHttpUser, HttpUser, TaskSet, tag, task

    class Shopper(FastHttpUser):
        def on_start(self):
            self.client.post("/login", json={})

        @task(5)
        def read(self):
            self.client.get(f"/read/{random.randrange(1000)}", name="/read/[id]")

        @task
        class Deeper(TaskSet):
            @task
            def look(self):
                self.client.get("/deeper")

            @task
            def leave(self):
                self.interrupt()

        @tag("broken")
        @task
        def broken(self):
            self.client.get("http://elsewhere.invalid/")

    class Plain(HttpUser):
        @task
        def check(self):
            with self.client.get("/checked", catch_response=True) as response:
                response.failure("not what was wanted")
"""


def tried(generator, path, servers, **more):
    targets = tuple(server.target for server in servers)
    return generator.try_out(Workload(path, None, 1, targets, seed=1, **more))


def test_every_task_is_done_once_by_a_user_of_its_class(locustfile, generator, servers):
    before = [server.counts() for server in servers]
    found = tried(generator, locustfile(SHOP), servers, exclude_tags=("broken",)).arms
    expected = ["POST /login", "GET /read/[id]", "GET /deeper", "GET /checked"]
    assert [[one.request for one in arm.requests] for arm in found.values()] == [expected, expected]
    sent = [
        {entry.split()[1] for entry in server.counts() - earlier}
        for server, earlier in zip(servers, before, strict=True)
    ]
    assert sent[0] == sent[1]  # the same draws
    assert len(sent[0]) == 4
    assert [one.failure for one in found["left"].requests] == ["", "", "", "not what was wanted"]
    assert {one.status for one in found["left"].requests} == {200}
    assert [arm.raised for arm in found.values()] == [(), ()]


def test_what_a_task_raises_is_told_and_nothing_leaves_the_arm(locustfile, generator, servers):
    path = locustfile(SHOP.replace("class Plain(HttpUser)", "class Plain"))
    found = tried(generator, path, servers, tags=("broken",)).arms["left"]
    assert [one.request for one in found.requests] == ["POST /login"]
    (raised,) = found.raised
    assert "elsewhere.invalid is not the arm's server" in raised


def test_a_workload_can_be_measured_afterwards(locustfile, generator, servers, measure):
    path = locustfile(SHOP)
    tried(generator, path, servers, exclude_tags=("broken",))
    measured = measure(path, exclude_tags=("broken",))
    assert measured.counted("left") == measured.finished.sent["left"] > 0
