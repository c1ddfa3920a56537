"""Apps of known needs, seen as a run would see them, and what is then said of them elsewhere."""

import pytest

from gainbench.analyse.forecast import Exchange, Line, Looks, Needs, Pair, Sight, exchange_of, served
from gainbench.plan.condition import Condition, Pool
from tests.known_apps import NEAR_MS, SEVERAL, TRIPS, App


def condition(users: int = 4, rtt_ms: float = NEAR_MS, pool: int = 40, workers: int = 1) -> Condition:
    return Condition(users=users, rtt_ms=rtt_ms, pool=Pool(size=pool), workers=workers)


def forecast(needs: Needs, asked: Condition, *, cores: int = 1, threads: int = 40) -> float:
    found = served(needs, asked, cores=cores, threads=threads)
    assert found.rate_rps is not None
    return found.rate_rps


SYNC, ASYNC = App(3.0), App(2.6, is_async=True)
BLOCKING = App(2.8, waits_in_loop=True)
EXCHANGE = Exchange(busy=Line(TRIPS, -0.4, 0.1), alone=Line(TRIPS, -0.4, 0.1))


@pytest.mark.parametrize("users", [1, 2, 4, 8, 64])
@pytest.mark.parametrize("rtt_ms", [0.0, 0.5, 3.0, 20.0])
def test_an_app_in_threads_is_known_everywhere(users, rtt_ms):
    needs = SYNC.looks().needs()
    assert needs.style == "threads"
    truth = SYNC.sight(users, rtt_ms).rate * 1000
    assert forecast(needs, condition(users, rtt_ms, pool=100), threads=100) == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("users", [1, 4, 16])
@pytest.mark.parametrize("rtt_ms", [0.0, 0.5, 3.0, 20.0])
def test_an_event_loop_that_waits_is_seen_and_known_everywhere(users, rtt_ms):
    needs = BLOCKING.looks().needs()
    assert needs.style == "loop"
    truth = BLOCKING.sight(users, rtt_ms).rate * 1000
    assert forecast(needs, condition(users, rtt_ms)) == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize("users", [1, 4, 16])
@pytest.mark.parametrize("rtt_ms", [0.0, 0.5, 3.0, 20.0])
def test_the_other_driver_seen_from_threads(users, rtt_ms):
    other = SYNC.looks().needs().with_driver(EXCHANGE)
    truth = ASYNC.sight(users, rtt_ms).rate * 1000
    assert forecast(other, condition(users, rtt_ms)) == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("rtt_ms", [0.0, 0.5, 3.0, 20.0])
def test_the_other_driver_seen_from_an_event_loop_that_waits(rtt_ms):
    """Whose requests, alone, take as long as without waiting: only beside each other they differ."""
    saved = Exchange(busy=Line(TRIPS, ASYNC.cpu_ms - BLOCKING.cpu_ms), alone=Line(TRIPS, -0.2))
    other = BLOCKING.looks().needs().with_driver(saved)
    truth = ASYNC.sight(8, rtt_ms).rate * 1000
    assert forecast(other, condition(8, rtt_ms)) == pytest.approx(truth, rel=0.04)


def test_an_idle_core_that_is_slow_to_begin():
    """CPU time alone and beside others differ: between them it goes by the use of the core."""
    looks = Looks(
        alone=Sight(1, 0.5, 1 / 6.0, 4.0, 2.0, 2.0),
        alone_far=Sight(1, 8.5, 1 / 14.0, 4.0, 18.0, 2.0),
        several=Sight(16, 0.5, 1 / 3.0, 3.0, 2.0, 2.0),
        several_far=Sight(16, 8.5, 1 / 3.0, 3.0, 18.0, 2.0),
    )
    needs = looks.needs()
    assert forecast(needs, condition(1)) == pytest.approx(1000 / 6, rel=0.001)
    assert forecast(needs, condition(64, pool=100), threads=100) == pytest.approx(1000 / 3, rel=0.001)
    assert 1000 / 3.5 < forecast(needs, condition(3)) < 1000 / 3


def test_few_connections_bound_both_forms():
    needs = SYNC.looks().needs()
    asked = condition(64, rtt_ms=20.0, pool=4)
    found = served(needs, asked, cores=1, threads=40)
    assert found.bound == "connections"
    assert found.rate_rps == pytest.approx(4 / (2 * 20.4 + 3.0) * 1000, rel=0.1)
    assert served(needs.with_driver(EXCHANGE), asked, cores=1, threads=40).bound == "connections"


def test_few_threads_bound_the_sync_form_alone():
    needs, asked = SYNC.looks().needs(), condition(64, rtt_ms=20.0, pool=100)
    assert forecast(needs, asked, threads=4) < 0.5 * forecast(needs, asked, threads=100)
    other = needs.with_driver(EXCHANGE)
    assert forecast(other, asked, threads=4) == forecast(other, asked, threads=100)


def test_a_second_worker_is_worth_a_second_core():
    needs = SYNC.looks().needs()
    alone = forecast(needs, condition(64, pool=100), threads=100)
    assert forecast(needs, condition(64, pool=100, workers=2), cores=2, threads=100) == pytest.approx(
        2 * alone
    )


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (condition(users=16, pool=8), "can stop for good"),
        (condition(workers=2), "chance"),
        (condition(workers=3), "chance"),
    ],
)
def test_what_no_model_covers_has_a_reason_and_no_figure(asked, reason):
    found = served(BLOCKING.looks().needs(), asked, cores=2, threads=40)
    assert found.rate_rps is None
    assert reason in (found.reason or "")


def test_more_workers_than_cores_have_no_figure_in_either_form():
    needs = SYNC.looks().needs()
    for form in (needs, needs.with_driver(EXCHANGE)):
        assert "more workers than cores" in (
            served(form, condition(workers=2), cores=1, threads=40).reason or ""
        )


@pytest.mark.parametrize(("app", "style"), [(SYNC, "threads"), (App(1.0, waits_in_loop=True), "loop")])
def test_without_a_round_trip_that_can_be_set_the_wait_there_is_has_to_tell(app, style):
    looks = app.looks(far_ms=NEAR_MS)
    assert looks.needs().style == style
    truth = 1000 * app.sight(SEVERAL, NEAR_MS).rate
    assert forecast(looks.needs(), condition(SEVERAL)) == pytest.approx(truth, rel=0.01)


def test_what_the_model_cannot_explain_is_told():
    assert SYNC.looks().misfit() < 0.01
    assert BLOCKING.looks().misfit() < 0.02
    # a wait that the proxy's round trips do not explain: a lock, say
    assert BLOCKING.looks(far_ms=NEAR_MS).misfit() > 0.2


def test_an_exchange_is_split_into_what_a_request_and_what_a_trip_adds():
    def pair(trips: float, change: float) -> Pair:
        before = Sight(16, 0.5, 1 / 3, 3.0, 1.0, trips)
        after = Sight(16, 0.5, 1 / (3 + change), 3.0 + change, 1.0, trips)
        return Pair((before, after), (before, after))

    found = exchange_of(pair(2.0, -0.4), pair(4.0, -0.2))
    assert found.busy(0.0) == pytest.approx(-0.6)
    assert found.busy(3.0) == pytest.approx(-0.3)
