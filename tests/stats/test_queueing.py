import heapq
import random
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainbench.stats.queueing import IN_TURN, SHARED, Flow, Network, Station, flow


def network(demand: float, delay: float, **more: object) -> Network:
    spared = more.pop("spared", IN_TURN)
    servers = more.pop("servers", 1)
    return Network((Station("core", demand, servers, spared),), delay, **more)  # type: ignore[arg-type]


def repairman(users: int, demand: float, delay: float) -> float:
    """The closed queue with one exponential server, exactly: what the server is not idle of."""
    weights = [factorial(users) / factorial(users - k) * (demand / delay) ** k for k in range(users + 1)]
    return (1 - 1 / sum(weights)) / demand


def served_in_turn(users: int, demand: float, delay: float, *, requests: int = 60_000) -> float:
    """A simulation: one server, services of constant length, delays that differ by a third at most."""
    dice = random.Random(5)
    arrivals = [(delay * dice.uniform(0.7, 1.3), user) for user in range(users)]
    heapq.heapify(arrivals)
    free = 0.0
    for _ in range(requests):
        arrived, user = heapq.heappop(arrivals)
        free = max(free, arrived) + demand
        heapq.heappush(arrivals, (free + delay * dice.uniform(0.7, 1.3), user))
    return requests / free


def test_one_user_waits_for_nobody():
    assert flow(network(2.0, 6.0), 1) == Flow(pytest.approx(1 / 8), None)


def test_many_users_are_bound_by_the_busiest_station():
    both = Network((Station("core", 2.0), Station("database", 0.5)), delay=6.0)
    assert flow(both, 50) == Flow(pytest.approx(0.5), "core")


@pytest.mark.parametrize("users", [1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize(("demand", "delay"), [(2.0, 6.0), (1.0, 1.0), (0.5, 20.0)])
def test_a_shared_server_is_exact(users, demand, delay):
    assert flow(network(demand, delay, spared=SHARED), users).rate == pytest.approx(
        repairman(users, demand, delay)
    )


@pytest.mark.parametrize("users", [2, 4, 8])
@pytest.mark.parametrize(("demand", "delay"), [(2.0, 6.0), (3.0, 9.0), (1.0, 2.0)])
def test_constant_services_in_turn_as_a_simulation_has_them(users, demand, delay):
    simulated = served_in_turn(users, demand, delay)
    assert flow(network(demand, delay), users).rate == pytest.approx(simulated, rel=0.035)


def test_two_servers_serve_two_at_once():
    assert flow(network(2.0, 0.0, servers=2), 2).rate == pytest.approx(1.0)
    assert flow(network(2.0, 6.0, servers=2), 1).rate == pytest.approx(1 / 8)


def test_connections_that_are_held_bound_what_the_core_would_serve():
    slow = network(1.0, 20.0, held=39.0, permits=2, permit="connections")
    found = flow(slow, 100)
    assert found.bound == "connections"
    assert found.rate == pytest.approx(2 / 40, rel=0.02)


def test_enough_connections_change_nothing():
    assert flow(network(1.0, 20.0, held=39.0, permits=8), 8) == flow(network(1.0, 20.0), 8)


@given(
    demand=st.floats(0.1, 10),
    delay=st.floats(0, 100),
    users=st.integers(1, 60),
    spared=st.sampled_from([SHARED, IN_TURN]),
)
def test_no_law_of_queues_is_broken(demand, delay, users, spared):
    rate = flow(network(demand, delay, spared=spared), users).rate
    assert rate <= min(1 / demand, users / (demand + delay)) * (1 + 1e-9)
    assert rate <= flow(network(demand, delay, spared=spared), users + 1).rate * (1 + 1e-9)
    assert rate >= flow(network(demand * 1.1, delay, spared=spared), users).rate * (1 - 1e-9)
