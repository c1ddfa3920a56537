"""One of several load generators: ``python -m gainbench.load.several.worker --master HOST:PORT``.

A Locust worker that does what a proven master orders, with users of its own, and ends with its master. Locust
itself only carries the messages: its own way of handing out users moves them around as workers come and go,
which would change the load in the middle of a window.
"""

# mypy: untyped-calls-exclude=locust

import locust  # noqa: I001 - first: it patches the interpreter

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, time
from typing import Any

import gevent
from gevent.queue import Empty, Queue
from locust import runners
from locust.env import Environment
from locust.rpc import Message
from locust.runners import STATE_INIT, WorkerRunner

from gainbench import __version__
from gainbench.errors import ConfigurationError, EnvironmentLacking, GainbenchError
from gainbench.load.several import channel, orders
from gainbench.load import generator, protocol
from gainbench.load.several.channel import (
    Address,
    Challenge,
    Handshake,
    Hello,
    Refusal,
    Response,
    Seal,
    Versions,
    Welcome,
)
from gainbench.load.several.orders import Share
from gainbench.load.session import LocustSession
from gainbench.stack.processes.cores import come_first

VERSIONS = Versions(__version__, locust.__version__)
# The types of our messages among Locust's own.
GREETING, ORDER, ANSWER = "gainbench-greeting", "gainbench-order", "gainbench-answer"
# What else a worker listens to; Locust's other messages could start or stop users behind our back.
HEARD = {"ack", "heartbeat", "reconnect", "quit", GREETING, ORDER}

GREETING_SECONDS = 10.0
FAREWELL_SECONDS = 0.2  # for the last word to leave this process
# A worker without a master loads the arms no longer than this.
MASTER_SILENT_SECONDS = 10


class Line(WorkerRunner):
    """Locust's connection to the master, and its own greenlets for the users."""

    def __init__(self, environment: Environment, master: Address) -> None:
        self.mail: Queue[Message] = Queue()
        super().__init__(environment, master.host, master.port)
        self.register_message(GREETING, self._deliver)
        self.register_message(ORDER, self._deliver)

    def handle_message(self, msg: Message) -> None:
        if msg.type in HEARD:
            super().handle_message(msg)

    def start(self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: Any = None) -> None:
        """Give itself the job that Locust's master would send, for the users it has decided on."""
        job = {
            "timestamp": time(),
            "user_classes_count": {base.__name__: base.fixed_count for base in self.user_classes},
            "host": self.environment.host,
            "stop_timeout": self.environment.stop_timeout,
            "parsed_options": {},
        }
        super().handle_message(Message("spawn", job, self.client_id))

    def stop(self) -> None:
        super().stop()
        self.worker_state = STATE_INIT

    def _deliver(self, environment: Environment, msg: Message) -> None:
        self.mail.put(msg)

    def greet(self, greeting: channel.Greeting) -> None:
        self.send_message(GREETING, {"text": channel.encode_greeting(greeting)})

    def next_greeting(self) -> channel.Greeting:
        try:
            return channel.decode_greeting(self.mail.get(timeout=GREETING_SECONDS).data["text"])
        except Empty:
            raise EnvironmentLacking(
                "the master does not greet: it is a Locust master, but not gainbench's"
            ) from None


def introduce(line: Line, secret: str) -> Seal:
    """Prove both sides to each other; from then on messages are sealed."""
    nonce = channel.new_nonce()
    line.greet(Hello(VERSIONS, nonce))
    challenge = line.next_greeting()
    if isinstance(challenge, Refusal):
        raise ConfigurationError(f"the master refuses this worker: {challenge.message}")
    if not isinstance(challenge, Challenge):
        raise ConfigurationError(f"the master greets with {challenge.kind!r}, which is not its turn")
    handshake = Handshake(secret, line.client_id, nonce, challenge.nonce)
    if not handshake.is_proven("master", challenge.proof):
        line.greet(Refusal("the worker has another secret"))
        gevent.sleep(FAREWELL_SECONDS)
        raise ConfigurationError(
            "the master does not know this worker's secret, and a worker runs what its master sends",
            cure="give both the same secret: --secret-file, or GAINBENCH_SECRET",
        )
    line.greet(Response(handshake.proof("worker")))
    verdict = line.next_greeting()
    if not isinstance(verdict, Welcome):
        reason = verdict.message if isinstance(verdict, Refusal) else verdict.kind
        raise ConfigurationError(f"the master refuses this worker: {reason}")
    return handshake.worker_seal()


class Station:
    """Carries out orders, one after the other, as the lone generator does with requests."""

    def __init__(self, session: LocustSession) -> None:
        self._session = session
        self._copies: dict[str, Path] = {}  # of Locust files, by their source

    def answer(self, order: orders.Order) -> orders.Answer:
        match order:
            case orders.TellTime():
                return orders.TimeTold(monotonic())
            case orders.PrepareShare(workload, source, share):
                self._prepare(workload, source, share)
                return protocol.Prepared()
            case orders.RunCombAt(comb, start_at):
                return protocol.CombDone(self._session.run_comb(comb, start_at=start_at))
            case _:
                return generator.answer(order, self._session)

    def _prepare(self, workload: protocol.Workload, source: str, share: Share) -> None:
        """From the master's file where this machine has the very same one, with its neighbours; else a copy.

        The copy is gone once it is imported: a worker may be killed at any time. Its path stays its name.
        """
        path = self._copies.get(source, workload.locustfile)
        if source in self._copies or _holds(path, source):
            self._session.prepare(replace(workload, locustfile=path), share)
            return
        with TemporaryDirectory(prefix="gainbench-worker-") as folder:
            copy = Path(folder) / path.name
            copy.write_text(source, encoding="utf-8")
            self._session.prepare(replace(workload, locustfile=copy), share)
            self._copies[source] = copy


def _holds(path: Path, source: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == source


def serve(line: Line, seal: Seal, station: Station) -> None:
    while True:
        order = orders.decode_order(seal.open(line.mail.get().data))
        try:
            answer = station.answer(order)
        except ConfigurationError as error:
            answer = protocol.Refused.of(error)
        line.send_message(ANSWER, seal.close(orders.encode_answer(answer)))


def work(master: Address, secret: str) -> None:
    """Until the master ends."""
    runners.MASTER_HEARTBEAT_TIMEOUT = MASTER_SILENT_SECONDS
    logging.info("looking for a master at %s", master)
    try:
        session = LocustSession(runner=lambda environment: environment._create_runner(Line, master))
    except ConnectionError:
        raise EnvironmentLacking(
            f"no master answers at {master}", cure="start it first: gainbench bench --generator-listen"
        ) from None
    line = session.environment.runner
    assert isinstance(line, Line)  # made above
    seal = introduce(line, secret)
    logging.info("joined the master at %s", master)
    serving = gevent.spawn(serve, line, seal, Station(session))
    ended = gevent.spawn(line.greenlet.join)
    gevent.wait([serving, ended], count=1)
    if serving.ready():
        serving.get()  # raises what has ended it
    logging.info("the master has ended")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="a load generator that works for a master; see gainbench worker"
    )
    parser.add_argument("--master", required=True, metavar="H:P")
    parser.add_argument("--secret-file", type=Path)
    options = parser.parse_args(arguments)
    come_first(generator.PRIORITY)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    try:
        master = Address.parse(options.master)
        secret = channel.find_secret(options.secret_file, os.environ)
        work(master, channel.require_secret(master, secret))
    except KeyboardInterrupt:
        sys.exit(130)
    except GainbenchError as error:
        lines = [f"gainbench worker: {error.message}", *([f"  {error.cure}"] if error.cure else [])]
        sys.stderr.write("\n".join(lines) + "\n")
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
