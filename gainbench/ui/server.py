"""The web UI's process: ``python -m gainbench.ui.server --control SOCKET --desk SOCKET --port N``.

The load generator, with Locust's own web UI on it. What a person orders in the browser goes to the harness,
which decides; what the pages show comes from there. Importing Locust patches the interpreter, and neither
pandas nor matplotlib may follow.
"""

import locust  # noqa: F401, I001 - first: it patches the interpreter

import argparse
import logging
import signal
import socket
import sys

import gevent

from gainbench.load.generator import PRIORITY, serve
from gainbench.load.session import LocustSession
from gainbench.stack.processes.cores import come_first
from gainbench.ui import protocol
from gainbench.ui.pages import CompareUI
from gainbench.ui.protocol import Order, View


class Counter:
    """The browser's side of the desk: hands orders over it, keeps the last view that came back."""

    def __init__(self, connection: socket.socket) -> None:
        self._latest = protocol.encode_view(View())
        self._connection = connection

    def view(self) -> View:
        return protocol.decode_view(self._latest)

    def order(self, order: Order) -> None:
        self._connection.sendall(protocol.encode_order(order))

    def listen(self) -> None:
        with self._connection.makefile("rb") as lines:
            for line in lines:
                self._latest = line


def main() -> None:
    parser = argparse.ArgumentParser(description="gainbench's web UI; started by gainbench itself")
    parser.add_argument("--control", required=True, help="the Unix socket on which the harness listens")
    parser.add_argument("--desk", required=True, help="the Unix socket for orders and views")
    parser.add_argument("--port", required=True, type=int, help="where the web UI listens, on 127.0.0.1")
    options = parser.parse_args()
    del sys.argv[1:]  # Locust reads it again whenever it draws its form
    come_first(PRIORITY)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    # Ctrl-C reaches the whole process group; the harness ends this process when it is ready to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as desk, socket.socket(socket.AF_UNIX) as control:
        desk.connect(options.desk)
        session = LocustSession(locust_stats=True)
        counter = Counter(desk)
        gevent.spawn(counter.listen)
        ui = CompareUI(session.environment, port=options.port, view=counter.view, order=counter.order)
        ui.start()  # type: ignore[no-untyped-call]
        control.connect(options.control)
        serve(control, session)


if __name__ == "__main__":
    main()
