"""The load generator's process: ``python -m gainbench.load.generator --control SOCKET``.

Connects to the harness, does what it asks, and ends when the connection closes. Importing Locust patches the
interpreter, so this program and the modules only it imports are the only ones of the harness that do.
"""

import locust  # noqa: F401, I001 - first: it patches the interpreter

import argparse
import logging
import signal
import socket
import sys
from collections.abc import Callable

from gainbench.errors import ConfigurationError
from gainbench.load import protocol
from gainbench.load.session import LocustSession
from gainbench.stack.processes.cores import come_first

PRIORITY = 5  # its time between a response and the next request looks like the arm's


def main() -> None:
    parser = argparse.ArgumentParser(description="gainbench's load generator; started by gainbench itself")
    parser.add_argument("--control", required=True, help="the Unix socket on which the harness listens")
    options = parser.parse_args()
    come_first(PRIORITY)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    # Ctrl-C reaches the whole process group; the harness ends this process when it is ready to.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(options.control)
        serve(control, LocustSession())


def serve(control: socket.socket, session: LocustSession) -> None:
    converse(control, lambda request: answer(request, session))


def converse(control: socket.socket, answer: Callable[[protocol.Request], protocol.Reply]) -> None:
    """Answer each request of the harness, until it closes the connection."""
    with control.makefile("rb") as lines:
        for line in lines:
            try:
                reply = answer(protocol.decode_request(line))
            except ConfigurationError as error:
                reply = protocol.Refused.of(error)
            control.sendall(protocol.encode_reply(reply))


def answer(request: protocol.Request, session: LocustSession) -> protocol.Reply:
    match request:
        case protocol.Prepare(workload):
            session.prepare(workload)
            return protocol.Prepared()
        case protocol.RunComb(comb):
            return protocol.CombDone(session.run_comb(comb))
        case protocol.TryOut(workload):
            return session.try_out(workload)
        case protocol.FinishWorkload():
            return session.finish()


if __name__ == "__main__":
    main()
