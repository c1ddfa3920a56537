"""The desk's end of the connection, with the web UI's end held by the test."""

import socket
from pathlib import Path

import pytest

from gainbench.ui import protocol
from gainbench.ui.desk import Desk, Gone
from gainbench.ui.protocol import Stop


@pytest.mark.parametrize("last", [b"", b'{"kind": "sto'], ids=["whole", "half a line"])
def test_the_end_of_the_web_ui_comes_after_its_last_order(tmp_path: Path, last: bytes) -> None:
    ours, theirs = socket.socketpair()
    log = tmp_path / "generator.log"
    log.write_text("MemoryError\n")
    with ours:
        desk = Desk("http://127.0.0.1:8089", None, ours, log)
        with theirs:
            theirs.sendall(protocol.encode_order(Stop()) + last)
        assert desk.next_order(5.0) == Stop()
        assert desk.next_order(5.0) == Gone()
    assert "MemoryError" in str(desk.lost().cure)


def test_a_web_ui_that_dies_with_views_unread_is_gone_as_well(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        desk = Desk("http://127.0.0.1:8089", None, ours, tmp_path / "generator.log")
        desk.publish(protocol.View())
        theirs.close()
        assert desk.next_order(5.0) == Gone()
