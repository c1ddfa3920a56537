"""Counting by shares of cycles: one arm's turns, with numbers that can be checked by hand.

Unless a test says otherwise there is one turn: the gate opens at 10, counting begins at 11, and it closes at
15; a bin of the profile is a quarter of a second.
"""

import pytest

from gainbench.load.cycle import Cycle, Stretch
from gainbench.load.cycles import BINS, tally

TURN_SECONDS = 5.0


def turn(opened_at=10.0):
    return Stretch(opened_at, opened_at + 1.0, opened_at + TURN_SECONDS)


def cycle(began, ended, *, answered=None, frozen=0.0, failure="", loose=False, latency_ms=None):
    """One whose response came when it ended, unless told."""
    made = Cycle(began, is_loose=loose)
    made.ended = ended
    made.answered = ended if answered is None else answered
    made.frozen = frozen
    made.failure = failure
    made.latency_ms = (made.answered - began) * 1000 if latency_ms is None else latency_ms
    made.bytes = 7
    return made


def counted(*cycles, turns=None, now=20.0, lengths=None, by_request=False, expected=None):
    return tally(
        cycles,
        turns or [turn()],
        now=now,
        lengths=lengths or {},
        turn_seconds=TURN_SECONDS,
        by_request=by_request,
        expected=expected,
    )


def test_a_cycle_wholly_inside_a_window_counts_as_one():
    found = counted(cycle(12.0, 14.0))
    assert found.turns[0].successes == 1.0
    assert found.turns[0].guard_successes == 0.0
    assert (found.requests, found.received_bytes, found.unsettled) == (1, 7, 0)


@pytest.mark.parametrize(
    ("began", "ended", "guard", "window"),
    [
        (10.5, 12.5, 0.25, 0.75),  # from the guard into the window
        (14.0, 18.0, 0.0, 0.25),  # it drains for three seconds
        (9.5, 15.5, 1 / 6, 4 / 6),  # over the whole turn
        (10.0, 11.0, 1.0, 0.0),  # in the guard alone
        (15.0, 16.0, 0.0, 0.0),  # it begins as the gate closes
        (8.0, 10.0, 0.0, 0.0),  # it ends as the gate opens
    ],
)
def test_a_cycle_across_an_edge_counts_by_what_lies_on_each_side(began, ended, guard, window):
    (shares,) = counted(cycle(began, ended)).turns
    assert shares.guard_successes == pytest.approx(guard)
    assert shares.successes == pytest.approx(window)


@pytest.mark.parametrize("phase", [0.0, 0.3, 1.1, 1.9])
def test_a_window_holds_users_times_seconds_by_cycle_whatever_the_phase(phase):
    # Two users without a pause, 2 s each time: 2 x 4 s / 2 s = 4.
    starts = [6.0 + phase + 2.0 * number for number in range(6)]
    found = counted(*(cycle(start, start + 2.0) for start in starts for _user in range(2)))
    assert found.turns[0].successes == pytest.approx(4.0)
    assert found.covered_seconds == pytest.approx(8.0)


def test_a_cycle_over_several_turns_leaves_a_share_in_each():
    # 14 to 36 with the arm parked from 15 to 20 and from 25 to 30: 12 s of its own time.
    found = counted(
        cycle(14.0, 36.0, answered=14.5, frozen=10.0), turns=[turn(10.0), turn(20.0), turn(30.0)], now=40.0
    )
    assert [shares.successes for shares in found.turns] == pytest.approx([1 / 12, 4 / 12, 4 / 12])
    assert [shares.guard_successes for shares in found.turns] == pytest.approx([0, 1 / 12, 1 / 12])
    assert (found.requests, found.completions) == (1, 1)


def test_the_time_of_a_cycle_that_stood_still_is_no_part_of_its_length():
    (shares,) = counted(cycle(14.0, 24.0, answered=14.5, frozen=8.0)).turns
    assert shares.successes == pytest.approx(1 / 2)


def test_a_cycle_whose_user_rests_counts_by_the_length_that_it_will_have():
    resting = cycle(13.0, None, answered=14.0)
    found = counted(resting, lengths={resting: 8.0})
    assert found.turns[0].successes == pytest.approx(2 / 8)
    assert found.unsettled == 0


@pytest.mark.parametrize(("failure", "successes", "failures"), [("", 0.25, 0), ("HTTP 503", 0, 0.25)])
def test_a_rest_before_a_request_that_is_still_to_come_counts_as_the_last_one_went(
    failure, successes, failures
):
    resting = Cycle(13.0)
    resting.failure = failure
    found = counted(expected={resting: 8.0})
    assert (found.turns[0].successes, found.turns[0].failures) == (successes, failures)
    assert found.covered_seconds == 2.0
    assert (found.requests, found.unsettled, found.in_flight_seconds) == (0, 0, 0)


def test_a_cycle_of_unknown_length_is_unsettled_and_counts_for_nothing():
    found = counted(cycle(13.0, None, answered=14.0), cycle(11.0, 12.0))
    assert found.unsettled == 1
    assert found.turns[0].successes == 1.0
    assert found.covered_seconds == 1.0
    assert (found.requests, found.completions) == (2, 2)


def test_an_unanswered_request_is_unsettled_in_flight_and_no_request_yet():
    waiting = Cycle(13.0)
    found = counted(waiting)
    assert (found.unsettled, found.requests, found.completions) == (1, 0, 0)
    assert found.in_flight_seconds == 2.0
    assert found.longest_seconds == 7.0
    assert not waiting.is_counted


def test_a_response_that_the_file_has_not_judged_yet_is_neither_a_success_nor_counted():
    open_block = cycle(12.0, None, answered=13.0, failure=None)
    found = counted(open_block)
    assert (found.unsettled, found.requests, found.completions) == (1, 0, 0)
    assert found.turns[0].successes == 0
    open_block.failure, open_block.ended = "", 14.0
    assert counted(open_block).turns[0].successes == 1.0


def test_a_failure_counts_by_its_share_and_never_as_a_success():
    found = counted(cycle(10.5, 12.5, failure="HTTP 503"), cycle(12.5, 14.5, failure="HTTP 503"))
    (shares,) = found.turns
    assert (shares.successes, shares.guard_successes, shares.failures) == (0, 0, 1.75)
    assert found.failures == {"HTTP 503": 2}
    assert list(found.latencies_us) == []
    assert sum(found.profile) == 0


def test_a_loose_request_counts_by_its_own_time_and_covers_no_users():
    found = counted(cycle(14.0, None, answered=16.0, loose=True))
    assert found.turns[0].successes == 0.5
    assert (found.loose, found.unsettled, found.covered_seconds) == (1, 0, 0)


def test_requests_on_a_schedule_count_by_their_own_time_whenever_their_user_comes_back():
    sent = cycle(14.0, 19.0, answered=15.0)
    assert counted(sent, by_request=True).turns[0].successes == 1.0
    sent.ended = None
    assert counted(sent, by_request=True).unsettled == 0


def test_the_profile_spreads_each_success_over_the_bins_that_it_crosses():
    # Four bins of a quarter of a second each, from 12.125 on: the first and the last are crossed by half.
    profile = counted(cycle(12.125, 13.125)).profile
    assert len(profile) == BINS
    assert profile[8:13] == pytest.approx((0.125, 0.25, 0.25, 0.25, 0.125))
    assert sum(profile) == pytest.approx(1.0)


def test_the_profile_covers_the_guard_and_ends_as_the_gate_closes():
    profile = counted(cycle(9.0, 17.0)).profile
    assert profile == pytest.approx((0.25 / 8,) * BINS)


def test_in_flight_is_the_time_of_the_requests_within_the_window():
    # 0.5 s of the first lie behind the guard, 1 s of the second before the close.
    found = counted(cycle(10.5, 12.0, answered=11.5), cycle(14.0, 17.0))
    assert found.in_flight_seconds == pytest.approx(1.5)


def test_completions_are_those_answered_in_the_window_with_the_latency_that_the_client_saw():
    found = counted(
        cycle(10.2, 10.9, latency_ms=650.0),
        cycle(10.9, 11.5, latency_ms=550.0),
        cycle(14.0, 14.5, latency_ms=480.0),
        cycle(14.5, 15.0, latency_ms=490.0),  # as the gate closes: no longer inside
    )
    assert found.completions == 2
    assert found.latency_seconds == pytest.approx(1.03)
    assert list(found.latencies_us) == [550_000, 480_000]


def test_a_request_is_counted_in_one_comb_and_its_cycle_in_every_one_that_it_crosses():
    long = cycle(14.0, None, answered=14.5)
    first = counted(long, lengths={long: 4.0})
    long.ended, long.frozen = 103.0, 85.0
    second = counted(long, turns=[turn(100.0)], now=110.0)
    assert (first.requests, second.requests) == (1, 0)
    assert (first.completions, second.completions) == (1, 0)
    assert first.longest_seconds == 0.5
    assert second.longest_seconds == 0
    assert first.turns[0].successes == pytest.approx(0.25)
    assert second.turns[0].guard_successes + second.turns[0].successes == pytest.approx(0.75)


def usual_cycles():
    """Three that no gate cut, with responses of 2 s; all of them in the window."""
    return [cycle(11.0, 13.0), cycle(11.5, 13.5), cycle(12.0, 14.0)]


def test_a_request_cut_by_the_closing_gate_counts_with_the_usual_response_time():
    # A fourth begins at 14.5 and would take 2 s too, but the server has nothing else to do once the gate is
    # closed, and answers after 1 s. Half a second of 2 lies inside, not of 1.
    found = counted(*usual_cycles(), cycle(14.5, 15.5))
    assert found.turns[0].successes == pytest.approx(3.25)


def test_what_is_usual_is_told_by_requests_that_lasted_as_long_as_the_cut_one_had():
    # It has lasted for 3.5 s when the gate closes: those of 2 s say nothing of it, and its own 4 s stand.
    found = counted(*usual_cycles(), cycle(11.5, 15.5))
    assert found.turns[0].successes == pytest.approx(3 + 3.5 / 4.0)


def test_a_server_that_stands_still_is_not_excused_by_the_closing_gate():
    found = counted(*usual_cycles(), cycle(14.5, 24.5), now=30.0)
    assert found.turns[0].successes == pytest.approx(3 + 0.5 / 10.0)


def test_where_every_request_is_cut_each_counts_with_its_own_length():
    found = counted(cycle(14.0, 16.0), cycle(14.5, 15.5))
    assert found.turns[0].successes == pytest.approx(0.5 + 0.5)


def test_a_rest_that_goes_on_when_the_gate_closes_is_not_cut():
    resting = cycle(12.0, None, answered=13.0)
    found = counted(cycle(11.0, 12.0), resting, lengths={resting: 6.0})
    assert found.turns[0].successes == pytest.approx(1 + 0.5)  # 12 to 15, of 6


def test_the_rest_after_a_request_that_was_cut_keeps_its_own_length():
    # The usual response takes 2 s; the one cut at 15 came after 1 s, and its user rests for 7 s of arm time.
    cut = cycle(14.5, None, answered=15.5)
    found = counted(*usual_cycles(), cut, lengths={cut: 8.0})
    assert found.turns[0].successes == pytest.approx(3 + 0.5 / 9.0)


def two_users(*, last_length):
    """From 10 on, each cycle after the other: 0.5 s, but the one that begins at 14.5."""
    starts = [10.0 + 0.5 * number for number in range(9)]
    return [cycle(start, start + 0.5) for start in starts for _user in range(2)] + [
        cycle(14.5, 14.5 + last_length) for _user in range(2)
    ]


def test_many_cycles_that_began_in_a_window_say_what_it_holds():
    # 16 begin in it, each of 0.5 s: 8 user-seconds hold 16.
    found = counted(*two_users(last_length=0.5))
    assert found.turns[0].successes == pytest.approx(16.0)
    assert found.turns[0].guard_successes == pytest.approx(4.0)


def test_a_standstill_counts_in_full_however_little_of_it_lies_in_the_window():
    # The two that begin at 14.5 are answered 10 s later: 16 cycles take 14 x 0.5 + 2 x 10 = 27 s together. By
    # their shares alone they would be missing from half a second of the window, and the rest of it from none.
    found = counted(*two_users(last_length=10.0), now=30.0)
    assert found.turns[0].successes == pytest.approx(8.0 * 16 / 27)


def test_failures_among_them_are_no_successes():
    cycles = two_users(last_length=0.5)
    cycles[-1].failure = "HTTP 503"
    found = counted(*cycles)
    assert found.turns[0].successes == pytest.approx(8.0 * 15 / 8.0)
