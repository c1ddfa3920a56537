"""The commands of PostgreSQL's protocol, from bytes made by hand."""

import struct

import pytest

from gainbench.stack.database.postgresql.wire import MOST_NAMES, CommandReader
from gainbench.stack.proxy.trips import Exchange, Tally

PROTOCOL = 3 << 16
STARTUP = struct.pack(">II", 19, PROTOCOL) + b"user\0me\0\0\0\0"
CANCEL_REQUEST = struct.pack(">IIII", 16, 80_877_102, 1, 2)
TLS_REQUEST = struct.pack(">II", 8, 80_877_103)
GSS_REQUEST = struct.pack(">II", 8, 80_877_104)


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">I", 4 + len(body)) + body


def parse(text: bytes, name: bytes = b"") -> bytes:
    return message(b"P", name + b"\0" + text + b"\0" + struct.pack(">HI", 1, 23))


def bind(statement: bytes = b"", portal: bytes = b"", value: bytes = b"7") -> bytes:
    head = portal + b"\0" + statement + b"\0"
    return message(b"B", head + struct.pack(">HHI", 0, 1, len(value)) + value + b"\0\0")


def execute(portal: bytes = b"") -> bytes:
    return message(b"E", portal + b"\0\0\0\0\0")


DESCRIBE = message(b"D", b"P\0")
FLUSH = message(b"H")
SYNC = message(b"S")
PASSWORD = message(b"p", b"secret\0")
SELECT = message(b"Q", b"SELECT 1\0")
TERMINATE = message(b"X")
FATAL = message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0")
READY = message(b"Z", b"I")


def logged_in() -> CommandReader:
    reader = CommandReader()
    assert reader.kinds(STARTUP) == []
    return reader


def pieces(reader: CommandReader, stream: bytes, size: int) -> list[str]:
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    return [kind for chunk in chunks for kind in reader.kinds(chunk)]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (b"SELECT 1", "select"),
        (b"  (select 1) union (select 2)", "select"),
        (b"/* a route */ /* a trace */\nInsert into t values (1)", "insert"),
        (b"UPDATE t SET a = 1", "update"),
        (b"delete from t", "delete"),
        (b"COMMIT", "commit"),
        (b"END", "commit"),
        (b"rollback", "rollback"),
        (b"ABORT", "rollback"),
        (b"BEGIN", "begin"),
        (b"START TRANSACTION", "begin"),
        (b"SET search_path TO s", "set"),
        (b"WITH one AS (SELECT 1) SELECT * FROM one", "other"),
        (b"SHOW ALL", "other"),
        (b"", "other"),
        (b"/* no end of it, select", "other"),
    ],
)
def test_a_statement_is_named_by_its_first_word_both_ways_of_asking(statement: bytes, kind: str) -> None:
    assert logged_in().kinds(message(b"Q", statement + b"\0")) == [kind]
    assert logged_in().kinds(parse(statement) + bind() + execute() + SYNC) == [kind]


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        (parse(b"SELECT $1") + bind() + DESCRIBE + execute() + SYNC, ["select"]),
        (parse(b"SELECT $1", b"s") + DESCRIBE + FLUSH, ["prepare"]),
        (DESCRIBE + parse(b"SELECT $1", b"s") + SYNC, ["prepare"]),
        (bind(b"who knows") + execute() + SYNC, ["execute"]),
        (execute(b"who knows") + SYNC, ["execute"]),
        (bind() + SYNC, ["other"]),
        (message(b"C", b"Ss\0") + SYNC, ["other"]),
        (SYNC, ["other"]),
        (FLUSH, []),
        (message(b"F", b"\0\0\0\1"), ["other"]),
        (message(b"d", b"1\t2\n") + message(b"c"), []),
        (message(b"f", b"no more\0"), []),
        (TERMINATE, []),
    ],
)
def test_what_gets_an_answer_is_one_trip(sent: bytes, kinds: list[str]) -> None:
    assert logged_in().kinds(sent) == kinds


def test_a_flight_of_several_statements_is_of_the_kind_of_the_last() -> None:
    flight = b"".join(parse(text) + bind() + execute() for text in (b"BEGIN", b"UPDATE t SET a = 1"))
    assert logged_in().kinds(flight + SYNC) == ["update"]
    assert logged_in().kinds(flight + parse(b"SELECT 1", b"later") + SYNC) == ["update"]


def test_flights_and_queries_sent_at_once_are_as_many_commands() -> None:
    flight = parse(b"SELECT 1") + bind() + execute() + SYNC
    begin, commit = message(b"Q", b"BEGIN\0"), message(b"Q", b"COMMIT\0")
    assert logged_in().kinds(begin + flight + flight + commit) == ["begin", "select", "select", "commit"]


def test_a_statement_keeps_its_kind_until_it_is_closed() -> None:
    reader = logged_in()
    use = bind(b"s") + execute() + SYNC
    assert reader.kinds(parse(b"DELETE FROM t", b"s") + SYNC) == ["prepare"]
    assert reader.kinds(use + SELECT + use) == ["delete", "select", "delete"]
    assert reader.kinds(message(b"C", b"Ps\0") + SYNC + use) == ["other", "delete"], "that was a portal"
    assert reader.kinds(message(b"C", b"Ss\0") + SYNC + use) == ["other", "execute"]
    assert reader.kinds(parse(b"INSERT INTO t VALUES (1)", b"s") + use) == ["insert"]


def test_a_portal_keeps_its_kind_from_flight_to_flight() -> None:
    reader = logged_in()
    assert reader.kinds(parse(b"SELECT 1") + bind(b"", b"cursor") + SYNC) == ["prepare"]
    assert reader.kinds(parse(b"DELETE FROM t") + bind() + execute() + SYNC) == ["delete"]
    assert reader.kinds(execute(b"cursor") + SYNC + execute(b"cursor") + SYNC) == ["select", "select"]
    assert reader.kinds(message(b"C", b"Pcursor\0") + execute(b"cursor") + SYNC) == ["execute"]


def test_a_client_that_closes_nothing_is_remembered_in_part() -> None:
    reader = logged_in()
    for number in range(MOST_NAMES + 1):
        reader.kinds(parse(b"SELECT 1", b"s%d" % number))
    reader.kinds(SYNC)
    uses = [bind(b"s%d" % number) + execute() + SYNC for number in (0, 1, MOST_NAMES)]
    assert reader.kinds(b"".join(uses)) == ["execute", "select", "select"]


def test_commands_are_the_same_however_the_stream_is_cut() -> None:
    stream = (
        (GSS_REQUEST + TLS_REQUEST + STARTUP + PASSWORD + PASSWORD)
        + SELECT
        + (parse(b"INSERT INTO t VALUES ($1)", b"s") + DESCRIBE + FLUSH)
        + (bind(b"s", value=600 * b"S") + execute() + SYNC)
        + message(b"Q", b"COPY t FROM STDIN\0")
        + (message(b"d", 300 * b"Q") + message(b"c"))
        + message(b"Q", b"COMMIT -- " + 600 * b"x" + b"\0")
        + TERMINATE
    )
    wanted = ["select", "prepare", "insert", "other", "commit"]
    for size in range(1, 300):
        assert pieces(CommandReader(), stream, size) == wanted
    for cut in range(1, len(stream)):
        reader = CommandReader()
        assert reader.kinds(stream[:cut]) + reader.kinds(stream[cut:]) == wanted


def test_a_long_value_is_passed_over_and_not_kept() -> None:
    reader = logged_in()
    stream = parse(b"INSERT INTO t VALUES ($1)") + bind(value=bytes(20_000_000)) + execute() + SYNC
    kinds = []
    for at in range(0, len(stream), 65_536):
        kinds += reader.kinds(stream[at : at + 65_536])
        assert len(reader._head) < 300
    assert kinds == ["insert"]


def test_a_request_to_cancel_is_no_command() -> None:
    assert CommandReader().kinds(CANCEL_REQUEST) == []


def test_a_length_that_cannot_be_is_passed_over() -> None:
    assert logged_in().kinds(b"S\0\0\0\0" + SELECT) == ["other", "select"]


def test_a_login_is_counted_apart_and_without_the_time_the_client_takes() -> None:
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.asked(TLS_REQUEST, 10)
    exchange.answered(b"N", 15)
    exchange.asked(STARTUP, 50)
    exchange.answered(message(b"R", b"\0\0\0\3"), 70)
    exchange.asked(PASSWORD, 100)
    exchange.answered(message(b"R", b"\0\0\0\0") + READY, 110)
    exchange.asked(SELECT, 1_000)
    exchange.answered(READY, 1_300)
    assert tally.as_record()["kinds"] == {"connect": [1, 35], "select": [1, 300]}


def test_a_refused_login_has_waited_for_its_refusal() -> None:
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.asked(STARTUP, 10)
    exchange.answered(FATAL, 40)
    assert tally.as_record()["kinds"] == {"connect": [1, 30]}


@pytest.mark.parametrize("farewell", [FATAL, message(b"N", b"SWARNING\0C57P02\0\0")])
def test_a_server_that_hangs_up_on_an_idle_client_adds_no_wait(farewell: bytes) -> None:
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.asked(STARTUP + SELECT, 0)
    exchange.answered(READY, 200)
    exchange.answered(farewell, 900_000)
    assert tally.as_record()["kinds"] == {"connect": [1, 0], "select": [1, 200]}


def test_an_answer_that_ends_in_an_error_is_waited_for_to_its_end() -> None:
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    exchange.asked(STARTUP + SELECT, 0)
    for at, chunk in ((200, message(b"D", b"\0\0")), (300, FATAL), (350, READY)):
        exchange.answered(chunk, at)
    assert tally.as_record()["kinds"] == {"connect": [1, 0], "select": [1, 350]}


@pytest.mark.parametrize("request_first", [TLS_REQUEST, b""])
def test_behind_tls_trips_are_counted_but_not_their_kinds(request_first: bytes) -> None:
    """Some clients ask whether the server has TLS, others just begin."""
    tally = Tally()
    exchange = Exchange(tally, CommandReader(), 0)
    if request_first:
        exchange.asked(request_first, 0)
        exchange.answered(b"S", 10)
    exchange.asked(b"\x16\x03\x01 client hello", 30)
    exchange.answered(b"\x16\x03\x03 server hello", 40)
    exchange.asked(b"\x14\x03\x03 finished", 50)
    exchange.asked(b"\x17\x03\x03 login", 60)
    exchange.answered(b"\x17\x03\x03 welcome", 80)
    exchange.asked(b"\x17\x03\x03 begin of a command", 1_000)
    exchange.asked(b"\x17\x03\x03 its end", 1_100)
    exchange.answered(b"\x17\x03\x03 answer", 1_500)
    waited = 40 if request_first else 30
    assert tally.as_record()["kinds"] == {"connect": [1, waited], "unknown": [1, 500]}


def test_what_does_not_begin_as_a_login_is_not_read() -> None:
    reader = CommandReader()
    assert reader.kinds(GSS_REQUEST) == []
    assert reader.kinds(struct.pack(">I", 300) + b"\x60\x82" + bytes(298)) == []
    assert reader.kinds(SELECT) == ["unknown"]
