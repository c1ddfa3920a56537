"""Joining the reports of several generators: sums that can be checked by hand."""

import subprocess
import sys
from array import array
from dataclasses import replace

import msgpack
import pytest

from gainbench.errors import ConfigurationError
from gainbench.load.protocol import (
    ArmCounts,
    Comb,
    CombReport,
    Outside,
    PlannedStarts,
    TurnCounts,
    Use,
)
from gainbench.load.several.channel import (
    Address,
    Forged,
    Handshake,
    Packet,
    read_packet,
    require_secret,
)
from gainbench.load.several.joining import Part, join, join_counts, join_outside
from gainbench.load.several.orders import Share

COUNTS = ArmCounts(
    requests=10,
    failures={"HTTP 503": 1},
    received_bytes=100,
    latencies_us=array("I", [100]).tobytes(),
    completions=8,
    latency_seconds=0.8,
    in_flight_seconds=0.9,
    covered_seconds=1.0,
    profile=(1.0, 2.0),
    longest_seconds=0.3,
    loose=1,
    unsettled=0,
    astray=0,
    turnarounds=5,
    turnaround_seconds=0.001,
)
TURN = TurnCounts(
    arm="left",
    opened_at=10.0,
    guard_seconds=0.1,
    seconds=1.0,
    drain_seconds=0.02,
    undrained=0,
    guard_successes=0.5,
    successes=5.5,
    failures=0.25,
)
USE = Use(seconds=1.2, generator_cpu_seconds=0.25, core_seconds=2.0, core_idle_seconds=0.5)


def part(users=1, *, clock_ahead=0.0, turns=(TURN,), counts=COUNTS, use=USE, **more):
    report = CombReport(
        started_at=turns[0].opened_at,
        ended_at=turns[-1].opened_at + 2.0,
        turns=turns,
        arms={"left": counts},
        use={"left": use},
        outside={"left": Outside(2, {"x": 1})},
        task_exceptions={"E": 1},
        lag_seconds=0.0,
    )
    return Part(users, clock_ahead, replace(report, **more))


def test_shares_requests_and_latencies_of_a_comb_add_up():
    other = replace(
        COUNTS, latencies_us=array("I", [300, 200]).tobytes(), longest_seconds=0.7, profile=(4.0, 0.5)
    )
    report = join([part(2), part(1, counts=other)], None)
    (turn,), counted = report.turns, report.arms["left"]
    assert (turn.successes, turn.guard_successes, turn.failures) == (11.0, 1.0, 0.5)
    assert (counted.requests, counted.completions, counted.loose, counted.turnarounds) == (20, 16, 2, 10)
    assert counted.failures == {"HTTP 503": 2}
    assert list(array("I", counted.latencies_us)) == [100, 300, 200]
    assert counted.profile == (5.0, 2.5)
    assert counted.longest_seconds == 0.7
    assert counted.starts is None
    assert report.task_exceptions == {"E": 2}


def test_cpu_time_adds_up_over_processes_and_what_they_saw_of_the_machine_does_not():
    use = join([part(), part(use=replace(USE, generator_cpu_seconds=0.5))], None).use["left"]
    assert use.generator_cpu_seconds == 0.75
    assert use.worker_cpu_seconds == (0.25, 0.5)
    assert (use.core_seconds, use.core_idle_seconds) == (2.0, 0.5)


def test_users_times_seconds_stay_what_they_were_when_windows_differ_in_length():
    longer = replace(TURN, seconds=1.3, drain_seconds=0.05, undrained=2)
    (turn,) = join([part(2), part(1, turns=(longer,))], None).turns
    assert turn.seconds == pytest.approx(1.1)  # 2 x 1.0 + 1 x 1.3 = 3 x 1.1
    assert (turn.drain_seconds, turn.undrained) == (0.05, 2)


def test_a_turn_opens_when_the_first_of_its_parts_does_in_the_masters_clock():
    early = part(clock_ahead=100.0, turns=(replace(TURN, opened_at=110.0),))
    late = part(clock_ahead=-5.0, turns=(replace(TURN, opened_at=5.2),))
    report = join([late, early], None)
    assert report.turns[0].opened_at == pytest.approx(10.0)
    assert report.started_at == pytest.approx(10.0)
    assert report.ended_at == pytest.approx(12.2)


def test_the_latest_part_makes_the_lag():
    assert join([part(lag_seconds=0.01), part(lag_seconds=0.2)], None).lag_seconds == 0.2


def test_a_comb_has_stalled_when_it_has_for_every_part():
    stalled, going = part(stalled="left"), part(turns=(TURN, TURN))
    assert join([stalled, stalled], None).stalled == "left"
    joined = join([stalled, going], None)
    assert joined.stalled is None
    assert len(joined.turns) == 1  # as many as all have carried out


def test_planned_starts_add_up():
    starts = PlannedStarts(10, 1, 2, 3, longest_late_seconds=0.4)
    other = PlannedStarts(20, 0, 1, 0, longest_late_seconds=0.1)
    report = join([part(counts=replace(COUNTS, starts=each)) for each in (starts, other)], None)
    assert report.arms["left"].starts == PlannedStarts(30, 1, 3, 3, longest_late_seconds=0.4)


def test_tallies_outside_of_combs_add_up_by_arm():
    parts = [{"left": Outside(2, {"x": 1}), "right": Outside(2, {})}, {"left": Outside(12, {"x": 2})}]
    assert join_outside(parts) == {"left": Outside(14, {"x": 3}), "right": Outside(2, {})}
    assert join_counts([{"left": 14}, {"right": 2}, {"left": 1}]) == {"left": 15, "right": 2}


JUDGE = """
from gainbench.load.several.master import why_incomplete
for faults, lag in (([], 0.009), ([], 0.011), (["one was lost"], 0.0), (["one was lost"], 0.2)):
    print(why_incomplete(faults, {"first": 0.0, "second": lag}, guard_seconds=0.1))
"""


def test_the_master_calls_a_comb_incomplete_when_a_worker_is_lost_or_late_for_its_turn():
    # In a process of its own: the master's module patches the interpreter. A tenth of the guard is 10 ms.
    judged = subprocess.run([sys.executable, "-c", JUDGE], check=True, capture_output=True, text=True)
    assert judged.stdout.splitlines() == [
        "None",
        "load generator second was 0.011 s behind the others",
        "one was lost",
        "one was lost; load generator second was 0.200 s behind the others",
    ]


def test_whoever_orders_a_comb_waits_for_all_that_it_may_wait_for():
    # Two turns of 0.5 s and drains of 2 s, patience of 5 s and one more drain, then 2.05 s for each arm.
    ordered = Comb(("left", "right"), 0.1, 0.4, drain_seconds=2.0, patience_seconds=5.0)
    assert ordered.longest_seconds == pytest.approx(2 * 2.5 + 5 + 2 + 2 * 2.05)
    assert replace(ordered, slot_seconds=10.0).longest_seconds == pytest.approx(20 + 5 + 2 + 2 * 2.05)


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


@pytest.mark.parametrize("text", ["127.0.0.1:5557", "10.0.0.5:5557"])
def test_a_secret_is_asked_for_also_on_loopback_where_any_user_may_be_the_master(text):
    with pytest.raises(ConfigurationError, match="need a shared secret"):
        require_secret(Address.parse(text), None)
    assert require_secret(Address.parse(text), "long") == "long"


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
