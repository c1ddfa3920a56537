"""Servers that only wait, 40 ms against 20: what the counts must come to whatever the Locust file does.

The truth is taken from the response times that the client saw, so that a slow machine changes both sides: a
window holds users x seconds / (what lies between two requests of a user).
"""

import pytest

from gainbench.load.protocol import Pace, Workload
from tests.load.conftest import comb, throughput_rps

FILE = """
    import gevent
    from gevent.pool import Group
    from locust import FastHttpUser, HttpUser, User, between, constant, constant_pacing, task

    class Reader({client}):
        wait_time = {wait}

        @task
        def read(self):
            {task}
"""
PLAIN = 'self.client.get("/read")'


def source(*, client="FastHttpUser", wait="constant(0)", task=PLAIN):
    return FILE.format(client=client, wait=wait, task=task)


def turns(times, **lengths):
    return comb(*("left", "right", "right", "left") * times, **lengths)


@pytest.fixture
def load(locustfile, generator, delayed):
    """Carry out combs on both arms; the reports."""

    def carry_out(text, *combs, users=8):
        targets = tuple(server.target for server in delayed)
        generator.prepare(Workload(locustfile(text), None, users, targets, seed=1))
        return [generator.run_comb(ordered) for ordered in combs]

    return carry_out


def latency_seconds(report, arm, at_least):
    """The mean response time in the windows, as the client saw it."""
    counted = report.arms[arm]
    mean = counted.latency_seconds / counted.completions
    assert mean >= at_least * 0.99  # the server's timer has a grain of a millisecond
    return mean


def truth_rps(report, arm, users, between_seconds, at_least):
    return users / (between_seconds + latency_seconds(report, arm, at_least))


def assert_true(report, users, between_seconds, within):
    """Each arm's throughput, and their ratio."""
    true = {
        arm: truth_rps(report, arm, users, between_seconds, at_least)
        for arm, at_least in (("left", 0.04), ("right", 0.02))
    }
    found = {arm: throughput_rps(report, arm) for arm in true}
    assert found == pytest.approx(true, rel=within)
    assert found["right"] / found["left"] == pytest.approx(true["right"] / true["left"], rel=within)


def test_a_wait_time_of_a_second_leaves_two_per_cent_of_gain_and_not_fifty(load):
    _, second = load(source(wait="constant(1)"), turns(4), turns(4))
    found = [throughput_rps(second, arm) for arm in ("left", "right")]
    assert found[1] / found[0] == pytest.approx(1.04 / 1.02, rel=0.005)
    assert found == pytest.approx([8 / 1.04, 8 / 1.02], rel=0.02)
    assert second.arms["left"].unsettled == second.arms["left"].astray == 0


def test_with_a_random_wait_time_the_mean_counts(load):
    # 8 users and 0.8 s for each arm: some 60 cycles, each +-13 %; four deviations are 7 %.
    (report,) = load(source(wait="between(0.05, 0.1)"), turns(4))
    assert_true(report, 8, 0.075, within=0.07)


def test_without_a_wait_time_a_user_sends_as_soon_as_it_has_its_answer(load):
    (report,) = load(source(), turns(2, guard_seconds=0.1, window_seconds=0.2))
    assert_true(report, 8, 0.0, within=0.1)
    for arm, counted in report.arms.items():
        assert counted.unsettled == counted.astray == counted.loose == 0, arm


def test_responses_longer_than_a_turn_are_counted_right(load):
    # A response takes 0.3 s and a turn 0.12: each cycle that begins in one ends in its drain.
    text = source(task='self.client.get("/after/0.3" if self.host in LEFT else "/after/0.15")')
    (report,) = load(text.replace("in LEFT", ".__class__ and True"), turns(2), users=8)
    for arm in ("left", "right"):
        assert throughput_rps(report, arm) == pytest.approx(8 / 0.3, rel=0.1)
        assert all(turn.successes < 8 for turn in report.turns)


def test_the_pace_of_a_paced_user_is_not_shortened_by_parking(load):
    # Each arm is parked for more than half of the time; a pace in wall time would leave no rest at all.
    _, report = load(source(wait="constant_pacing(0.4)"), turns(3), turns(5))
    for arm in ("left", "right"):
        assert throughput_rps(report, arm) == pytest.approx(8 / 0.4, rel=0.1)


def test_a_task_that_sleeps_by_itself_is_noted_and_counted_right(load):
    text = source(task=f"{PLAIN}\n            gevent.sleep(0.7)")
    (report,) = load(text, turns(1))
    assert report.arms["left"].astray == 8
    assert report.arms["left"].unsettled == 0  # the comb's end was put off until they had come back
    for arm in ("left", "right"):
        assert throughput_rps(report, arm) == pytest.approx(truth_rps(report, arm, 8, 0.7, 0.02), rel=0.05)


def test_the_requests_of_greenlets_that_a_task_spawns_are_each_counted_once(load, delayed, generator):
    text = source(
        task="""group = Group()
            for _ in range(3):
                group.spawn(self.client.get, "/read")
            group.join()"""
    )
    reports = load(text, turns(1), turns(1), users=2)
    finished = generator.finish_workload()
    for server in delayed:
        counts = [report.arms[server.name] for report in reports]
        outside = [part.outside[server.name].requests for part in (*reports, finished)]
        seen = len(server.served())
        assert sum(counted.requests for counted in counts) + sum(outside) == seen
        assert finished.sent[server.name] == seen
        assert all(counted.loose > 0 and counted.unsettled == 0 for counted in counts)
    # 2 users with 3 requests at once: as many as 6 users.
    assert_true(reports[1], 6, 0.0, within=0.15)


def test_a_client_of_the_files_own_is_counted_by_what_lies_between_its_events(load):
    text = source(
        client="User",
        wait="constant(0.2)",
        task="""import urllib.request
            with self.environment.events.request.measure("GET", "own"):
                urllib.request.urlopen(self.host + "/read").read()""",
    )
    _, report = load(text, turns(1), turns(3, guard_seconds=0.1))
    for arm, counted in report.arms.items():
        seconds = sum(turn.seconds for turn in report.turns if turn.arm == arm)
        # Without the rests that a comb's end cuts short, a fifth would be missing.
        assert counted.covered_seconds == pytest.approx(8 * seconds, rel=0.01)
        # On a busy machine urllib takes a good while outside of what it measures.
        assert throughput_rps(report, arm) == pytest.approx(truth_rps(report, arm, 8, 0.2, 0.02), rel=0.25)
        assert counted.unsettled == 0


def test_a_task_that_never_sends_counts_for_nothing_and_holds_nobody_up(load):
    first, second = load(
        source(task="gevent.sleep(0.01)"), turns(1, drain_seconds=0.1), turns(1, drain_seconds=60.0)
    )
    for report in (first, second):
        assert report.stalled is None
        assert [turn.successes for turn in report.turns] == [0.0] * 4
        assert {arm: counted.requests for arm, counted in report.arms.items()} == {"left": 0, "right": 0}
        assert report.arms["left"].astray == 8
    assert second.ended_at - second.started_at < 30  # although it might wait for a minute


def test_one_user_is_measured_as_many_are(load):
    _, report = load(source(wait="constant(0.5)"), turns(2), turns(4), users=1)
    # By whole completions a comb of 0.8 s would hold one or two: 30 per cent off, up or down.
    assert throughput_rps(report, "left") == pytest.approx(1 / 0.54, rel=0.1)
    assert throughput_rps(report, "right") == pytest.approx(1 / 0.52, rel=0.1)


def test_failures_are_shares_too_and_leave_the_successes_alone(load):
    text = source(
        wait="constant(0.2)",
        task="""with self.client.get("/read", catch_response=True) as response:
                response.failure("no good")
            self.client.get("/read")""",
    )
    _, report = load(text, turns(1), turns(3))
    for arm in ("left", "right"):
        latency = latency_seconds(report, arm, 0.02)
        counted = [turn for turn in report.turns if turn.arm == arm]
        seconds = sum(turn.seconds for turn in counted)
        # A user sends a failing request and a good one in a round of 0.2 s and two latencies.
        true = 8 * seconds / (0.2 + 2 * latency)
        assert throughput_rps(report, arm) * seconds == pytest.approx(true, rel=0.25)
        assert sum(turn.failures for turn in counted) > 0
        assert set(report.arms[arm].failures) == {"no good"}


def test_two_hundred_users_are_all_counted(load):
    (report,) = load(source(wait="constant(2)"), turns(1, guard_seconds=0.05), users=200)
    for arm in ("left", "right"):
        assert report.arms[arm].unsettled == 0
        # Their first requests all come at once, so that a response may take long.
        assert 200 / 4 < throughput_rps(report, arm) < 200 / 2.01


def test_the_turnaround_of_fast_users_is_measured_and_lies_within_the_cycle(load):
    (report,) = load(source(), turns(1))
    for counted in report.arms.values():
        assert 0 < counted.turnarounds <= counted.requests
        assert 0 < counted.turnaround_seconds / counted.turnarounds < 0.02


def test_the_turnaround_leaves_wait_times_out(load):
    (report,) = load(source(wait="constant(0.05)"), turns(1))
    assert report.arms["left"].requests > 0
    assert report.arms["left"].turnarounds == 0


def test_the_turnaround_of_users_on_requests_stays_unknown(load):
    (report,) = load(source(client="HttpUser"), turns(1))
    for counted in report.arms.values():
        assert counted.requests > 0
        assert (counted.turnarounds, counted.turnaround_seconds) == (0, 0)


def test_an_open_loop_holds_its_rate_on_both_arms_although_each_is_parked(locustfile, generator, delayed):
    targets = tuple(server.target for server in delayed)
    pace = Pace("constant", {"left": 50.0, "right": 50.0})
    generator.prepare(Workload(locustfile(source()), None, 20, targets, seed=1, pace=pace))
    generator.run_comb(turns(1))
    report = generator.run_comb(turns(2))
    for arm in ("left", "right"):
        seconds = sum(turn.seconds for turn in report.turns if turn.arm == arm)
        assert report.arms[arm].starts.planned == pytest.approx(50 * seconds, abs=5)
        assert report.arms[arm].unsettled == 0
