"""The arm's own clock: it stands still while the arm is parked, and so do those who sleep on it."""

from time import monotonic

import gevent
import pytest

from gainbench.load.arm_clock import ArmClock


class Sleepers:
    """Greenlets on one clock, and the order in which they woke."""

    def __init__(self, clock):
        self.clock = clock
        self.woken = []
        self.greenlets = {}

    def sleep(self, name, deadline):
        def run():
            self.clock.sleep_until(deadline)
            self.woken.append(name)

        self.greenlets[name] = gevent.spawn(run)

    def join(self, *names):
        gevent.joinall(
            [self.greenlets[name] for name in names or self.greenlets], timeout=20, raise_error=True
        )


@pytest.fixture
def clock():
    return ArmClock()


@pytest.fixture
def sleepers(clock):
    return Sleepers(clock)


def test_the_clock_shows_only_the_time_for_which_it_went_on(clock):
    began = monotonic()
    clock.go_on(began)
    clock.stand_still(began + 2.0)
    assert clock.now() == pytest.approx(2.0)
    gevent.sleep(0.01)
    assert clock.now() == pytest.approx(2.0)
    clock.go_on(began + 100.0)
    assert clock.shown_at(began + 101.5) == pytest.approx(3.5)
    clock.stand_still(began + 103.0)
    assert clock.now() == pytest.approx(5.0)


def test_going_on_twice_and_standing_still_twice_is_as_once(clock):
    began = monotonic()
    clock.go_on(began)
    clock.go_on(began + 1.0)
    clock.stand_still(began + 2.0)
    clock.stand_still(began + 9.0)
    assert clock.now() == pytest.approx(2.0)


def test_nobody_wakes_while_the_clock_stands_still(clock, sleepers):
    sleepers.sleep("one", 0.02)
    gevent.sleep(0.05)
    assert sleepers.woken == []
    began = monotonic()
    clock.go_on(began)
    clock.stand_still(began + 0.015)
    gevent.sleep(0.05)
    assert sleepers.woken == []
    clock.go_on(monotonic())
    sleepers.join()
    assert sleepers.woken == ["one"]
    assert clock.now() >= 0.02


def test_sleepers_wake_in_the_order_of_their_deadlines(clock, sleepers):
    sleepers.sleep("second", 0.2)
    sleepers.sleep("third", 0.25)
    gevent.sleep(0)
    clock.go_on(monotonic())
    sleepers.sleep("first", 0.15)  # earlier than what the alarm has been set for
    sleepers.join()
    assert sleepers.woken == ["first", "second", "third"]


def test_a_killed_sleeper_is_forgotten_and_the_others_wake(clock, sleepers):
    for name, deadline in (("killed", 0.3), ("one", 0.35), ("other", 0.35)):
        sleepers.sleep(name, deadline)
    gevent.sleep(0)
    clock.go_on(monotonic())
    sleepers.greenlets["killed"].kill()
    sleepers.join("one", "other")
    assert sleepers.woken == ["one", "other"]
    assert clock._sleepers == []


def test_one_who_begins_to_sleep_when_all_others_have_woken_wakes_too(clock, sleepers):
    clock.go_on(monotonic())
    sleepers.sleep("one", 0.005)
    sleepers.join()
    sleepers.sleep("other", clock.now() + 0.005)
    sleepers.join()
    assert sleepers.woken == ["one", "other"]


def test_many_sleepers_over_many_turns_each_wake_once_and_not_too_early(clock):
    deadlines = [(number * 37 % 1000) / 20_000 for number in range(1000)]  # up to 50 ms, in no order
    woke_at = {}

    def run(number):
        clock.sleep_until(deadlines[number])
        woke_at[number] = clock.now()

    greenlets = [gevent.spawn(run, number) for number in range(1000)]
    for _ in range(10):
        clock.go_on(monotonic())
        gevent.sleep(0.007)
        clock.stand_still(monotonic())
        gevent.sleep(0.001)
    clock.go_on(monotonic())
    gevent.joinall(greenlets, timeout=20, raise_error=True)
    assert len(woke_at) == 1000
    assert all(woke_at[number] >= deadlines[number] for number in range(1000))


def test_all_are_woken_when_the_users_leave(clock, sleepers):
    sleepers.sleep("one", 3600.0)
    sleepers.sleep("other", 7200.0)
    gevent.sleep(0)
    clock.let_go()
    sleepers.join()
    assert sleepers.woken == ["one", "other"]
