"""Looking for a difference and shortening it, on arms that are a few lines: no server, no clock but ours."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from gainbench.parity.comparison import Difference
from gainbench.parity.requests import Request, RequestSequence
from gainbench.parity.search import NO_RESET, NOT_AGAIN, RESTORE_EVERY, Search, search
from gainbench.parity.shorten import CUT_SHORT, SHORTEN_SECONDS, Shortening

GET, PUT, DELETE = (Request(method, "/") for method in ("GET", "PUT", "DELETE"))


@dataclass
class FakeArms:
    """Differ when everything sent since the last restore says so."""

    differs: Callable[[RequestSequence], bool]
    in_statements: bool = False
    can_restore: bool = True
    sent: RequestSequence = ()
    compared: list[RequestSequence] = field(default_factory=list)
    restored: int = 0

    def restore(self) -> None:
        self.sent = ()
        self.restored += 1

    def compare(self, sequence: RequestSequence, *, quiet_seconds: float | None = 0.0) -> Difference | None:
        self.sent += sequence
        self.compared.append(sequence)
        if not self.differs(self.sent):
            return None
        step = None if self.in_statements else len(sequence) - 1
        return Difference("different", step, tuple(request.method for request in sequence), {}, {})


def third_delete(sent: RequestSequence) -> bool:
    return sent.count(DELETE) >= 3


def found_in(arms: FakeArms, *drawn: RequestSequence) -> Search:
    """Send these sequences in this order; what is found is shortened, its values kept."""
    looked = Search(arms)
    for sequence in drawn:
        if looked.difference is None:
            looked._send(sequence)
    if looked.shortening is not None:
        looked.shortening.leave_out_the_needless()
        looked.difference = looked.shortening.difference
    return looked


def test_only_the_requests_that_matter_are_left() -> None:
    sequence = (GET, DELETE, PUT, GET, DELETE, PUT, PUT, DELETE, GET)

    (difference,) = [found_in(FakeArms(third_delete), sequence).difference]

    assert difference is not None
    assert difference.requests == ("DELETE", "DELETE", "DELETE")
    assert difference.note is None


def test_requests_of_earlier_sequences_are_shown_where_the_difference_needs_them() -> None:
    arms = FakeArms(third_delete)

    difference = found_in(arms, (GET, DELETE), (PUT,), (DELETE, GET), (GET,), (PUT, DELETE)).difference

    assert difference is not None
    assert difference.requests == ("DELETE", "DELETE", "DELETE")


def test_what_was_sent_before_the_data_was_put_back_is_not_looked_at() -> None:
    arms = FakeArms(third_delete)
    quiet = [(DELETE,), *[(GET,)] * (RESTORE_EVERY - 1)]

    assert found_in(arms, *quiet, (DELETE,), (DELETE,)).difference is None
    assert arms.restored == 2


def test_an_answer_that_is_unlike_only_once_is_still_told() -> None:
    arms = FakeArms(lambda _: len(arms.compared) == 2)

    difference = found_in(arms, (GET,), (GET, PUT), (GET,)).difference

    assert difference is not None
    assert (difference.requests, difference.note) == (("GET", "PUT"), NOT_AGAIN)


def test_a_count_of_statements_that_is_unlike_only_once_is_somebody_else_s() -> None:
    arms = FakeArms(lambda _: len(arms.compared) == 2, in_statements=True)

    looked = found_in(arms, (GET,), (GET, PUT), (GET,))

    assert looked.difference is None
    assert looked.tried == 3


def test_data_that_cannot_be_put_back_leaves_the_sequence_as_it_was() -> None:
    arms = FakeArms(third_delete, can_restore=False)

    difference = found_in(arms, (GET, DELETE, DELETE), (GET, DELETE)).difference

    assert difference is not None
    assert (difference.requests, difference.note) == (("GET", "DELETE"), NO_RESET)
    assert arms.restored == 0


def test_a_search_that_takes_too_long_says_that_there_may_be_a_shorter_one() -> None:
    ticks = iter(range(0, 1000, int(SHORTEN_SECONDS) // 4))
    shortening = Shortening(FakeArms(third_delete), (DELETE, GET) * 20, False, lambda: next(ticks))

    shortening.leave_out_the_needless()

    assert shortening.difference is not None
    assert shortening.difference.note == CUT_SHORT
    assert 3 < len(shortening.sequence) < 40


def test_hypothesis_finds_it_and_makes_its_values_plain() -> None:
    def sent_to(row: int) -> Request:
        return Request("PUT", "/{row}", in_path=(("row", str(row)),))

    def beyond_500(sent: RequestSequence) -> bool:
        return any(int(request.in_path[0][1]) > 500 for request in sent)

    requests = st.integers(1, 1000).map(sent_to)
    arms = FakeArms(beyond_500)

    looked = search(
        st.lists(requests, min_size=1, max_size=8).map(tuple),
        lambda sequence: st.tuples(*(requests for _ in sequence)),
        arms,
        sequences=100,
        seed=0,
    )

    assert looked.shortening is not None
    assert looked.shortening.sequence == (sent_to(501),)
    assert looked.difference is looked.shortening.difference
    assert 1 <= looked.tried <= 100
