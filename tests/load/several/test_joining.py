"""Joining the reports of several generators: sums that can be checked by hand."""

from array import array

import msgpack
import pytest

from gainbench.load.protocol import Remainder, Tally, WindowClosed, WindowCounts
from gainbench.load.several.channel import Forged, Handshake, Packet, read_packet
from gainbench.load.several.joining import Part, join, join_remainders
from gainbench.load.several.orders import Share

NOTHING = Remainder({}, {}, {})


def part(users, *, clock_ahead=0.0, opened_at=10.0, seconds=1.0, successes=5, lag=0.0, latencies=(100,)):
    window = WindowCounts(
        arm="left",
        opened_at=opened_at,
        seconds=seconds,
        lag_seconds=lag,
        successes=successes,
        failures={"HTTP 503": 1},
        in_flight_at_open=0,
        in_flight_at_close=users,
        in_flight_seconds=users * seconds,
        gap_seconds=0.0,
        worker_cpu_seconds=(0.25,),
    )
    return Part(users, clock_ahead, WindowClosed(window, array("I", latencies).tobytes(), NOTHING))


def test_counts_and_latencies_of_a_window_add_up():
    closed = join(
        [part(2, successes=5, latencies=[1, 2]), part(1, successes=7, latencies=[3])], NOTHING, None
    )
    assert closed.window.successes == 12
    assert closed.window.failures == {"HTTP 503": 2}
    assert closed.window.in_flight_at_close == 3
    assert closed.window.worker_cpu_seconds == (0.25, 0.25)
    assert list(array("I", closed.latencies_us)) == [1, 2, 3]


def test_users_times_seconds_stay_what_they_were_when_windows_differ_in_length():
    window = join([part(2, seconds=1.0), part(1, seconds=1.3)], NOTHING, None).window
    assert window.seconds == pytest.approx(1.1)
    assert window.in_flight_seconds == pytest.approx(3 * window.seconds)


def test_a_window_opens_when_the_first_of_its_parts_does_in_the_masters_clock():
    early, late = part(1, clock_ahead=100.0, opened_at=110.0), part(1, clock_ahead=-5.0, opened_at=5.2)
    assert join([late, early], NOTHING, None).window.opened_at == pytest.approx(10.0)


def test_the_latest_part_makes_the_lag():
    assert join([part(1, lag=0.01), part(1, lag=0.2)], NOTHING, None).window.lag_seconds == 0.2


def test_tallies_outside_of_windows_add_up_by_arm():
    remainders = [
        Remainder({"left": Tally(1, {"x": 1}), "right": Tally(2, {})}, {}, {"E": 1}),
        Remainder({"left": Tally(10, {"x": 2})}, {}, {"E": 1}),
    ]
    joined = join_remainders(remainders, sent=[{"left": 14}, {"right": 2}])
    assert joined.outside == {"left": Tally(11, {"x": 3}), "right": Tally(2, {})}
    assert joined.sent == {"left": 14, "right": 2}
    assert joined.task_exceptions == {"E": 2}


@pytest.mark.parametrize("users", [1, 2, 3, 7, 40])
def test_shares_differ_by_one_user_at_most_and_make_up_all(users):
    counts = [Share(number, 3).count(users) for number in range(3)]
    assert sum(counts) == users
    assert max(counts) - min(counts) <= 1


def sealed_pair(secret="s"):
    meeting = Handshake(secret, "worker-1", "aa", "bb")
    return meeting.master_seal(), meeting.worker_seal()


def test_a_sealed_message_opens_at_the_other_end_only():
    master, worker = sealed_pair()
    message = master.close(b"begin")
    with pytest.raises(Forged):
        master.open(message)
    assert worker.open(message) == b"begin"


def test_a_message_that_was_changed_or_sent_again_does_not_open():
    master, worker = sealed_pair()
    message = master.close(b"begin")
    with pytest.raises(Forged):
        worker.open(message | {"body": b"begim"})
    worker.open(message)
    with pytest.raises(Forged):
        worker.open(message)


def test_only_the_same_secret_proves_itself():
    mine, theirs = (Handshake(secret, "worker-1", "aa", "bb") for secret in ("one", "two"))
    assert mine.is_proven("worker", mine.proof("worker"))
    assert not mine.is_proven("worker", theirs.proof("worker"))
    assert not mine.is_proven("master", mine.proof("worker"))


NONSENSE = {
    "not msgpack": b"\xc1",
    "nothing": b"",
    "more than one object": b"\x05\x05",
    "an object that ends early": b"\x93\x01",
    "a list too deep": b"\x91" * 3000,
    "text that is none": b"\xa1\xff",
    "a mapping as a key": b"\x81\x80\x01",
    "a number": msgpack.dumps(5),
    "two parts": msgpack.dumps(("heartbeat", "me")),
    "a number for a kind": msgpack.dumps((5, None, "me")),
    "no sender": msgpack.dumps(("heartbeat", None, None)),
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_a_packet_that_is_no_message_is_not_read(body):
    assert read_packet([b"me", body]) is None


def test_a_message_is_read_as_locust_packs_it_and_only_with_one_name_before_it():
    body = msgpack.dumps(("heartbeat", {"state": "ready"}, "me"))
    assert read_packet([b"me", body]) == Packet("me", "heartbeat", {"state": "ready"}, "me")
    for frames in ([], [b"me"], [b"me", b"", body], [b"\xff", body]):
        assert read_packet(frames) is None


def test_dates_and_other_objects_that_locust_would_make_stay_plain_mappings():
    odd = {"__datetime__": True, "as_str": "no date"}
    assert read_packet([b"me", msgpack.dumps(("heartbeat", odd, "me"))]).data == odd
