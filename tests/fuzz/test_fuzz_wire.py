"""What arrives on a socket: nothing is believed that was not proven, and nothing falls over."""

import contextlib
from collections.abc import Callable
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainbench.errors import ConfigurationError
from gainbench.load import histogram
from gainbench.load.several.channel import Forged, Handshake, Seal, read_packet
from gainbench.stack.database.mysql import wire as mysql
from gainbench.stack.database.postgresql import wire as postgresql
from gainbench.stack.proxy.trips import Exchange, Tally

JSONISH = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text()
    | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=10,
)
PACKET = st.tuples(st.integers(0, 255), st.binary(max_size=400)).map(
    lambda packet: len(packet[1]).to_bytes(3, "little") + bytes([packet[0]]) + packet[1]
)
NAMES = st.sampled_from([b"\0", b"\0s\0", b"s\0", b"Ss\0", b"Ps\0"])  # that one message can take from another
MESSAGE = st.tuples(
    st.sampled_from([bytes([kind]) for kind in b"BCDEFHPQSXcdfp?"]),
    NAMES | st.just(b""),
    st.binary(max_size=400),
).map(lambda parts: parts[0] + (4 + len(parts[1] + parts[2])).to_bytes(4, "big") + parts[1] + parts[2])
FIRST_MESSAGE = st.sampled_from([3 << 16, 80_877_102, 80_877_103, 80_877_104]).map(
    lambda code: b"\0\0\0\x08" + code.to_bytes(4, "big")
)
LOGIN = b"\0\0\0\x08\0\3\0\0"
NOISE = st.binary(max_size=60)
NewReader = Callable[[], mysql.CommandReader | postgresql.CommandReader]
READERS: list[NewReader] = [mysql.CommandReader, postgresql.CommandReader]
STREAM = (
    st.lists(PACKET | NOISE, max_size=8)
    | st.lists(FIRST_MESSAGE | MESSAGE | NOISE, max_size=8)
    | st.lists(MESSAGE | NOISE, max_size=8).map(lambda messages: [LOGIN, *messages])
).map(b"".join)


@given(st.lists(st.binary(max_size=200) | JSONISH.map(msgpack.dumps), max_size=4))
def test_any_frames_are_a_packet_or_nothing(frames: list[bytes]) -> None:
    packet = read_packet(frames)
    assert packet is None or (isinstance(packet.kind, str) and isinstance(packet.sender, str))


@given(JSONISH)
def test_no_message_opens_a_seal_but_the_other_side_s(message: object) -> None:
    master = Handshake("secret", "worker", "aa", "bb").master_seal()
    with contextlib.suppress(Forged):
        master.open(message)
        raise AssertionError("it was believed")


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=6), st.data())
def test_messages_that_are_left_out_repeated_or_moved_are_not_believed(
    bodies: list[bytes], data: st.DataObject
) -> None:
    meeting = Handshake("secret", "worker", "aa", "bb")
    worker, master = meeting.worker_seal(), meeting.master_seal()
    sealed = [worker.close(body) for body in bodies]
    order = data.draw(st.lists(st.integers(0, len(bodies) - 1), max_size=8))
    for place, number in enumerate(order):
        if number != place:
            with contextlib.suppress(Forged):
                master.open(sealed[number])
                raise AssertionError("a message was believed out of its place")
            return
        assert master.open(sealed[number]) == bodies[number]


@pytest.mark.parametrize("new_reader", READERS)
@given(STREAM, st.lists(st.integers(0, 2_000), max_size=10))
def test_commands_are_the_same_however_their_stream_is_cut(
    new_reader: NewReader, stream: bytes, cuts: list[int]
) -> None:
    """Until a client asks for TLS or compression: from there on a chunk is all that can be told."""
    whole = new_reader()
    kinds = whole.kinds(stream)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    cut = new_reader()
    pieces = [kind for start, end in pairwise(edges) for kind in cut.kinds(stream[start:end])]
    if not (whole._sealed or cut._sealed):
        assert pieces == kinds


@pytest.mark.parametrize("new_reader", READERS)
@given(
    st.lists(
        st.tuples(st.booleans(), PACKET | MESSAGE | FIRST_MESSAGE | st.binary(min_size=1, max_size=300)),
        max_size=20,
    )
)
def test_sums_of_an_exchange_never_shrink_and_no_trip_is_lost(
    new_reader: NewReader, steps: list[tuple[bool, bytes]]
) -> None:
    tally = Tally()
    exchange = Exchange(tally, new_reader(), 0)
    before = 0
    for at, (is_client, chunk) in enumerate(steps, start=1):
        (exchange.asked if is_client else exchange.answered)(chunk, at * 1_000)
        kinds = tally.as_record()["kinds"]
        assert isinstance(kinds, dict)
        waited = sum(wait for _, wait in kinds.values())
        assert waited >= before
        before = waited
        assert tally.open_trips in (0, 1)
    exchange.abandon()
    assert tally.open_trips == 0


@given(st.text(max_size=80) | st.binary(max_size=80).map(bytes.hex))
def test_no_text_but_a_histogram_of_ours_is_one(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert histogram.count(text) >= 0


def test_a_seal_is_of_one_meeting() -> None:
    one, other = (Handshake("secret", "worker", nonce, "bb") for nonce in ("aa", "ab"))
    with contextlib.suppress(Forged):
        Seal.open(other.master_seal(), one.worker_seal().close(b"body"))
        raise AssertionError("it was believed")
