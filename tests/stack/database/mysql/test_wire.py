"""The commands of MySQL's protocol, from bytes made by hand."""

import struct

import pytest

from gainbench.stack.database.mysql.wire import CommandReader
from gainbench.stack.proxy.trips import Exchange, Tally

SELECT = b"\x03SELECT 1"
PING = b"\x0e"
QUIT = b"\x01"
LOGIN = struct.pack("<I", 0x00AA_A285) + bytes(28) + b"user\0"
SSL_REQUEST = struct.pack("<I", 0x00AA_AE85) + bytes(28)
LONGEST_PAYLOAD = 0xFF_FFFF


def packet(payload: bytes, sequence: int = 0) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


def logged_in(tally: Tally) -> Exchange:
    """A client whose login took 10 ns for the greeting and 20 ns for the rest."""
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.answered(packet(b"greeting"), 10)
    exchange.asked(packet(LOGIN, 1), 50)
    exchange.answered(packet(b"\x00", 2), 70)
    return exchange


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (b"SELECT 1", "select"),
        (b"  (select 1) union (select 2)", "select"),
        (b"/* a route */ /* a trace */\nInsert into t values (1)", "insert"),
        (b"UPDATE t SET a = 1", "update"),
        (b"delete from t", "delete"),
        (b"COMMIT", "commit"),
        (b"rollback", "rollback"),
        (b"BEGIN", "begin"),
        (b"START TRANSACTION", "begin"),
        (b"SET NAMES utf8mb4", "set"),
        (b"SHOW STATUS", "other"),
        (b"", "other"),
        (b"/* no end of it, select", "other"),
        (b"/*/select/**/ commit", "commit"),
    ],
)
def test_a_query_is_named_by_its_first_word(statement: bytes, kind: str) -> None:
    assert CommandReader().kinds(packet(b"\x03" + statement)) == [kind]


@pytest.mark.timeout(20)
def test_a_row_of_comments_with_no_word_behind_it_takes_no_time() -> None:
    """Sixty comments could be divided in 2 ** 59 ways."""
    assert CommandReader().kinds(packet(b"\x03" + 60 * b"/**/" + b"1")) == ["other"]


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        (PING, ["ping"]),
        (b"\x16SELECT ?", ["prepare"]),
        (b"\x17\x01\x00\x00\x00", ["execute"]),
        (b"\x02schema", ["other"]),
        (QUIT, []),
        (b"\x18\x01\x00\x00\x00", []),
        (b"\x19\x01\x00\x00\x00", []),
    ],
)
def test_a_command_that_gets_no_answer_is_no_trip(command: bytes, kinds: list[str]) -> None:
    assert CommandReader().kinds(packet(command)) == kinds


def test_commands_are_the_same_however_the_stream_is_cut() -> None:
    stream = packet(LOGIN, 1) + packet(SELECT) + packet(b"\x03COMMIT -- " + b"x" * 600) + packet(PING)
    for size in (1, 2, 3, 5, 7, 64, len(stream)):
        reader = CommandReader()
        chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [kind for chunk in chunks for kind in reader.kinds(chunk)] == ["select", "commit", "ping"]


def test_a_command_of_several_packets_is_one() -> None:
    long = b"\x03INSERT INTO t VALUES ('" + b"\0" * LONGEST_PAYLOAD
    stream = packet(long[:LONGEST_PAYLOAD]) + packet(long[LONGEST_PAYLOAD:], 1) + packet(SELECT)
    reader = CommandReader()
    chunks = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]
    assert [kind for chunk in chunks for kind in reader.kinds(chunk)] == ["insert", "select"]


def test_a_loaded_file_of_more_than_256_packets_is_no_command() -> None:
    reader = CommandReader()
    assert reader.kinds(packet(b"\x03LOAD DATA LOCAL INFILE 'f' INTO TABLE t")) == ["other"]
    for number in range(2, 600):
        assert reader.kinds(packet(SELECT, number % 256)) == []
    assert reader.kinds(packet(SELECT)) == ["select"]


def test_a_server_that_hangs_up_on_an_idle_client_adds_no_wait() -> None:
    tally = Tally()
    exchange = logged_in(tally)
    exchange.asked(packet(SELECT), 1_000)
    exchange.answered(b"answer", 1_200)
    exchange.answered(packet(b"\xff\x86\x07#70100Connection was killed"), 900_000)
    assert tally.as_record()["kinds"] == {"connect": [1, 30], "select": [1, 200]}


def test_behind_tls_trips_are_counted_but_not_their_kinds() -> None:
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.answered(packet(b"greeting"), 10)
    exchange.asked(packet(SSL_REQUEST, 1), 20)
    exchange.asked(b"\x16\x03\x01 client hello", 30)
    exchange.answered(b"\x16\x03\x03 server hello", 40)
    exchange.asked(b"\x14\x03\x03 finished", 50)
    exchange.asked(b"\x17\x03\x03 login", 60)
    exchange.answered(b"\x17\x03\x03 welcome", 80)
    exchange.asked(b"\x17\x03\x03 begin of a command", 1_000)
    exchange.asked(b"\x17\x03\x03 its end", 1_100)
    exchange.answered(b"\x17\x03\x03 answer", 1_500)
    exchange.asked(b"\x17\x03\x03 another command", 2_000)
    exchange.answered(b"\x17\x03\x03 answer", 2_300)
    assert tally.as_record()["kinds"] == {"connect": [1, 40], "unknown": [2, 800]}
