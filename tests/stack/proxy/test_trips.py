"""What is counted, from commands and moments alone."""

from gainbench.stack.proxy.trips import Count, Exchange, Tally

FAREWELL = b"farewell"
LOGIN = b""


class Words:
    """A protocol in which a client says the kinds of its commands, and nothing while it logs in."""

    def kinds(self, chunk: bytes) -> list[str]:
        return chunk.decode().split()

    def is_farewell(self, chunk: bytes) -> bool:
        return chunk == FAREWELL


def as_counted(count: Count) -> tuple[int, int]:
    return count.trips, count.wait_ns


def logged_in(tally: Tally) -> Exchange:
    """A client whose login took 10 ns for the greeting and 20 ns for the rest."""
    exchange = Exchange(tally, Words(), 0)
    exchange.answered(b"greeting", 10)
    exchange.asked(LOGIN, 50)
    exchange.answered(b"welcome", 70)
    return exchange


def test_a_trip_lasts_from_the_command_to_the_last_chunk_of_its_answer() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(b"select", 1_000)
    exchange.answered(b"first chunk", 4_000)
    exchange.answered(b"second chunk", 6_000)
    exchange.asked(b"select", 9_000)
    exchange.answered(b"whole answer", 9_100)
    assert as_counted(tally.count("select")) == (2, 5_100)


def test_a_trip_in_progress_is_open_and_not_counted() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(b"select", 1_000)
    assert tally.open_trips == 1
    assert as_counted(tally.count("select")) == (0, 0)
    exchange.abandon()
    assert tally.open_trips == 0
    assert as_counted(tally.count("select")) == (0, 0)


def test_a_login_is_counted_apart_and_without_the_time_the_client_takes() -> None:
    tally = Tally()
    logged_in(tally)
    assert tally.as_record()["kinds"] == {"connect": [1, 30]}


def test_each_of_several_commands_sent_at_once_counts_and_their_wait_counts_once() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(b"begin select", 1_000)
    exchange.asked(b"ping", 1_500)
    assert tally.open_trips == 1
    exchange.answered(b"all three answers", 3_000)
    counts = {kind: as_counted(tally.count(kind)) for kind in ("begin", "select", "ping")}
    assert counts == {"begin": (1, 0), "select": (1, 0), "ping": (1, 2_000)}
    assert tally.open_trips == 0


def test_a_farewell_to_an_idle_client_adds_no_wait() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(b"select", 1_000)
    exchange.answered(b"answer", 1_200)
    exchange.answered(FAREWELL, 900_000)
    assert as_counted(tally.count("select")) == (1, 200)


def test_a_farewell_that_answers_a_command_ends_its_trip() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(b"select", 1_000)
    exchange.answered(FAREWELL, 1_200)
    assert as_counted(tally.count("select")) == (1, 200)


def test_a_server_is_silent_while_a_trip_waits_and_no_other_of_the_arm_is_answered() -> None:
    tally = Tally()
    slow, quick = logged_in(tally), logged_in(tally)
    slow.asked(b"select", 1_000)
    for at in (2_000, 3_000, 4_000):
        quick.asked(b"select", at)
        quick.answered(b"answer", at + 500)
    slow.answered(b"answer", 6_000)
    assert tally.as_record()["longest_silence_ns"] == 1_500
    quick.asked(b"select", 20_000)
    quick.answered(b"answer", 22_000)
    assert tally.as_record()["longest_silence_ns"] == 2_000, "between 6 000 and 20 000 nobody asked"
