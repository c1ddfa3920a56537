"""Several load generators behind one control socket.

``python -m gainbench.load.several.master --listen HOST:PORT`` is started by the harness.

Speaks the lone generator's protocol with the harness and carries no load itself. A Locust master, as far as
messages and heartbeats go: it proves each worker, gives it a share of the users, tells all of them the same
moments in their own clocks, and joins what they report. A worker that dies, falls silent or is late makes
the window incomplete, never wrong; from the next workload on, the users are spread over the rest.
"""

# mypy: untyped-calls-exclude=locust

import locust  # noqa: I001 - first: it patches the interpreter

import argparse
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

import gevent
from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.rpc import Message
from locust.runners import FALLBACK_INTERVAL, HEARTBEAT_LIVENESS, STATE_INIT, STATE_MISSING, MasterRunner
from pydantic import ValidationError
from zmq.error import ZMQError

from gainbench.errors import ConfigurationError
from gainbench.load.several import channel, orders
from gainbench.load import protocol
from gainbench.load.several.channel import (
    Address,
    Challenge,
    Greeting,
    Handshake,
    Hello,
    Refusal,
    Response,
    Seal,
    Welcome,
)
from gainbench.load.generator import converse
from gainbench.load.several.joining import Part, join, join_counts, join_outside
from gainbench.load.several.orders import Answer, RunCombAt, Order, PrepareShare, Share, TellTime, TimeTold
from gainbench.load.several.worker import ANSWER, GREETING, ORDER, VERSIONS

# What a master listens to; nothing that anybody says may reach Locust's own bookkeeping of users.
HEARD_FROM_STRANGERS = {"client_ready", GREETING}
HEARD_FROM_WORKERS = {*HEARD_FROM_STRANGERS, "heartbeat", ANSWER}

MUSTER_SECONDS = 30.0
GREETING_SECONDS = 10.0
PREPARE_SECONDS = 32.0  # for each arm; the harness waits a little longer
STOP_SECONDS = 12.0
REPORT_SECONDS = 3.0  # beyond the moment at which a report is due
POLL_SECONDS = 0.05
# A comb begins no earlier than this, so that every worker has heard of it before.
LEAD_SECONDS = 0.03
# Of the guard: a worker that is later than that for a turn spoils the comb, but a timer's grain does not.
LATE_SHARE = 0.1
LEAST_LATE_SECONDS = 0.005
CLOCK_READINGS = 8


class Line(MasterRunner):
    """Locust's end of the workers' connections. Each speaks in its own name; strangers only greet."""

    def __init__(self, environment: Environment, host: str, port: int) -> None:
        self._proven: set[str] = set()
        super().__init__(environment, host, port)

    def client_listener(self) -> NoReturn:
        """In the place of Locust's, which a packet that is no message ends, and every connection with it."""
        while True:
            try:
                packet = channel.read_packet(self.server.socket.recv_multipart())
            except ZMQError as error:
                logging.error("the workers' connections are broken: %s", error)
                self.connection_broken = True  # Locust's heartbeat makes new ones
                gevent.sleep(FALLBACK_INTERVAL)
                continue
            if packet is not None:
                self.handle_message(packet.bearer, Message(packet.kind, packet.data, packet.sender))

    def handle_message(self, client_id: str, msg: Message) -> None:
        heard = HEARD_FROM_WORKERS if client_id in self._proven else HEARD_FROM_STRANGERS
        if msg.node_id == client_id and msg.type in heard and is_well_formed(msg):
            super().handle_message(client_id, msg)

    def believe(self, worker: str) -> None:
        """Hear its heartbeats and answers from now on; the proof is its first sign of life."""
        self._proven.add(worker)
        node = self.clients.get(worker)
        if node is not None:
            node.heartbeat, node.state = HEARTBEAT_LIVENESS, STATE_INIT

    def is_alive(self, worker: str) -> bool:
        node = self.clients.get(worker)
        return node is not None and node.state != STATE_MISSING

    def greet(self, worker: str, greeting: Greeting) -> None:
        self.send_message(GREETING, {"text": channel.encode_greeting(greeting)}, client_id=worker)


def is_well_formed(msg: Message) -> bool:
    """Whether it holds what its handlers take for granted. What an answer holds is its seal's business."""
    if msg.type == "client_ready":
        return isinstance(msg.data, str)
    if not isinstance(msg.data, Mapping):
        return False
    if msg.type == "heartbeat":
        usage = msg.data.get("current_cpu_usage")
        return isinstance(msg.data.get("state"), str) and isinstance(usage, int | float)
    return msg.type != GREETING or isinstance(msg.data.get("text"), bytes)


class Clock:
    """How far a worker's monotonic clock is ahead of ours, by the reading with the shortest round trip."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque(maxlen=CLOCK_READINGS)

    def read(self, asked_at: float, told: float, heard_at: float) -> None:
        self._readings.append((heard_at - asked_at, told - (asked_at + heard_at) / 2))

    @property
    def trip_seconds(self) -> float:
        return min(self._readings)[0]

    @property
    def ahead_seconds(self) -> float:
        return min(self._readings)[1]


class Worker:
    """A proven worker, as the master knows it."""

    def __init__(self, line: Line, name: str, seal: Seal) -> None:
        self.name = name
        self.clock = Clock()
        self.users = 0
        self._line = line
        self._seal = seal
        self._answers: Queue[Answer] = Queue()

    def ask(self, order: Order, seconds: float) -> Answer | None:
        """Its answer, or None if it dies or stays silent for so long."""
        deadline = monotonic() + seconds
        self._line.send_message(ORDER, self._seal.close(orders.encode_order(order)), client_id=self.name)
        while self._line.is_alive(self.name) and (left := deadline - monotonic()) > 0:
            try:
                answer: Answer = self._answers.get(timeout=min(left, POLL_SECONDS))
                return answer
            except Empty:
                continue
        return None

    def ask_time(self) -> Answer | None:
        asked_at = monotonic()
        answer = self.ask(TellTime(), REPORT_SECONDS)
        if isinstance(answer, TimeTold):
            self.clock.read(asked_at, answer.at, monotonic())
        return answer

    def hear(self, message: Any) -> None:
        self._answers.put(orders.decode_answer(self._seal.open(message)))

    def dismiss(self) -> None:
        self._line.send_message("quit", client_id=self.name)


class Door:
    """Lets workers in that know the secret and have our versions; remembers why it turned others away."""

    def __init__(self, line: Line, secret: str, admit: Callable[[Worker], None]) -> None:
        self.turned_away: dict[str, str] = {}
        self._line = line
        self._secret = secret
        self._admit = admit
        self._meetings: dict[str, Handshake] = {}
        line.register_message(GREETING, self._hear)
        line.environment.events.worker_connect.add_listener(self._await_greeting)

    def _hear(self, environment: Environment, msg: Message) -> None:
        try:
            greeting = channel.decode_greeting(msg.data["text"])
        except ValidationError:
            self._refuse(msg.node_id, "its greeting makes no sense")
            return
        match greeting:
            case Hello(versions, nonce) if versions == VERSIONS:
                meeting = Handshake(self._secret, msg.node_id, nonce, channel.new_nonce())
                self._meetings[msg.node_id] = meeting
                self._line.greet(msg.node_id, Challenge(meeting.master_nonce, meeting.proof("master")))
            case Hello(versions, _):
                self._refuse(msg.node_id, f"it is {versions}, and the master is {VERSIONS}")
            case Response(proof) if msg.node_id in self._meetings:
                self._judge(msg.node_id, self._meetings.pop(msg.node_id), proof)
            case Refusal(message):
                self._refuse(msg.node_id, message)

    def _judge(self, name: str, meeting: Handshake, proof: str) -> None:
        if not meeting.is_proven("worker", proof):
            self._refuse(name, "its proof of the secret is wrong")
            return
        self.turned_away.pop(name, None)
        self._line.believe(name)
        self._line.greet(name, Welcome())
        self._admit(Worker(self._line, name, meeting.master_seal()))

    def _await_greeting(self, client_id: str) -> None:
        self.turned_away[client_id] = (
            "it has not proved that it is gainbench's: gainbench worker --master H:P"
        )
        gevent.spawn_later(GREETING_SECONDS, self._refuse_silent, client_id)

    def _refuse_silent(self, name: str) -> None:
        if name in self.turned_away:
            self._refuse(name, self.turned_away[name])

    def _refuse(self, name: str, reason: str) -> None:
        self.turned_away[name] = reason
        logging.warning("worker %s is not accepted: %s", name, reason)
        self._line.greet(name, Refusal(reason))


class Master:
    """Answers the harness for all workers together."""

    def __init__(self, address: Address, secret: str, wanted: int) -> None:
        self._wanted = wanted
        environment = Environment(events=locust.events)
        self._line: Line = environment._create_runner(Line, address.host, address.port)
        self._line.register_message(ANSWER, self._hear)
        self._door = Door(self._line, secret, self._admit)
        self._workers: dict[str, Worker] = {}
        self._mustered = False
        self._crew: list[Worker] = []  # those with users of the present workload
        self._faults: list[str] = []  # why the present workload is no longer what was asked for
        self._sent: dict[str, Mapping[str, int]] = {}

    def answer(self, request: protocol.Request) -> protocol.Reply:
        match request:
            case protocol.Prepare(workload):
                return self._prepare(workload)
            case protocol.RunComb(comb):
                return self._run_comb(comb)
            case protocol.TryOut():
                raise NotImplementedError("a generator of its own tries a file out")
            case protocol.FinishWorkload():
                return self._finish_workload()

    def close(self) -> None:
        """Send the workers home."""
        self._line.quit()

    def _prepare(self, workload: protocol.Workload) -> protocol.Reply:
        self._finish_workload()
        self._muster()
        source = workload.locustfile.read_text(encoding="utf-8")
        while True:
            self._sent, self._faults = {}, []
            self._crew = list(self._workers.values())[: workload.users]
            self._require_crew()
            shares = {worker: Share(number, len(self._crew)) for number, worker in enumerate(self._crew)}
            for worker, share in shares.items():
                worker.users = share.count(workload.users)
            self._read_clocks(CLOCK_READINGS)
            answers = self._ask_each(
                {worker: PrepareShare(workload, source, shares[worker]) for worker in self._crew},
                PREPARE_SECONDS * len(workload.arms),
            )
            refused = [answer for answer in answers.values() if isinstance(answer, protocol.Refused)]
            if refused:
                self._finish_workload()
                return refused[0]
            if not self._faults:
                return protocol.Prepared()

    def _muster(self) -> None:
        """The first time, wait for all; later, go on with those that are left."""
        deadline = monotonic() + (0 if self._mustered else MUSTER_SECONDS)
        while len(self._workers) < self._wanted and monotonic() < deadline:
            gevent.sleep(POLL_SECONDS)
        if not self._mustered and len(self._workers) < self._wanted:
            reasons = "".join(f"; {name}: {why}" for name, why in self._door.turned_away.items())
            raise ConfigurationError(
                f"{len(self._workers)} of {self._wanted} load generators have joined within"
                f" {MUSTER_SECONDS:.0f} s{reasons}",
                cure="start each with: gainbench worker --master HOST:PORT, with the same secret and version",
            )
        self._mustered = True

    def _run_comb(self, comb: protocol.Comb) -> protocol.CombDone:
        """Each worker by its own clock, from the same moment on and in slots of the same length."""
        self._read_clocks(1)
        self._require_crew()
        slot_seconds = comb.slot_seconds or comb.turn_seconds + comb.drain_seconds
        comb = replace(comb, slot_seconds=slot_seconds)
        start_at = monotonic() + max(LEAD_SECONDS, *(4 * worker.clock.trip_seconds for worker in self._crew))
        answers = self._ask_each(
            {worker: RunCombAt(comb, start_at + worker.clock.ahead_seconds) for worker in self._crew},
            comb.longest_seconds + REPORT_SECONDS,
        )
        self._require_crew()
        parts = {
            worker: Part(worker.users, worker.clock.ahead_seconds, answer.report)
            for worker, answer in answers.items()
            if isinstance(answer, protocol.CombDone)
        }
        self._sent |= {
            worker.name: _requests(self._sent.get(worker.name, {}), part.report)
            for worker, part in parts.items()
        }
        lags = {worker.name: part.report.lag_seconds for worker, part in parts.items()}
        return protocol.CombDone(
            join(list(parts.values()), why_incomplete(self._faults, lags, comb.guard_seconds))
        )

    def _finish_workload(self) -> protocol.WorkloadFinished:
        answers = self._ask_crew(protocol.FinishWorkload(), STOP_SECONDS)
        finished = {
            worker.name: answer
            for worker, answer in answers.items()
            if isinstance(answer, protocol.WorkloadFinished)
        }
        self._sent |= {name: answer.sent for name, answer in finished.items()}
        self._crew = []
        return protocol.WorkloadFinished(
            outside=join_outside([answer.outside for answer in finished.values()]),
            sent=join_counts(self._sent.values()),
            task_exceptions=join_counts(answer.task_exceptions for answer in finished.values()),
            ignored=tuple(dict.fromkeys(said for one in finished.values() for said in one.ignored)),
        )

    def _require_crew(self) -> None:
        if not self._crew:
            raise SystemExit(f"no load generator is left: {'; '.join(self._faults) or 'all have ended'}")

    def _read_clocks(self, times: int) -> None:
        for _ in range(times):
            answers = {worker: gevent.spawn(worker.ask_time) for worker in self._crew}
            self._keep_answering({worker: asked.get() for worker, asked in answers.items()})

    def _ask_crew(self, order: Order, seconds: float) -> dict[Worker, Answer]:
        return self._ask_each(dict.fromkeys(self._crew, order), seconds)

    def _ask_each(self, asked: Mapping[Worker, Order], seconds: float) -> dict[Worker, Answer]:
        """All at once; who does not answer is lost."""
        waiting = {worker: gevent.spawn(worker.ask, order, seconds) for worker, order in asked.items()}
        return self._keep_answering({worker: asking.get() for worker, asking in waiting.items()})

    def _keep_answering(self, answers: Mapping[Worker, Answer | None]) -> dict[Worker, Answer]:
        for worker, answer in answers.items():
            if answer is None:
                self._lose(worker)
        return {worker: answer for worker, answer in answers.items() if answer is not None}

    def _lose(self, worker: Worker) -> None:
        """It may only be slow: it is sent home, so that it does not load the arms beside the others."""
        fault = f"load generator {worker.name} with {worker.users} users was lost"
        logging.warning("%s", fault)
        self._faults.append(fault)
        self._crew.remove(worker)
        del self._workers[worker.name]
        worker.dismiss()

    def _admit(self, worker: Worker) -> None:
        logging.info("load generator %s has joined", worker.name)
        self._workers[worker.name] = worker

    def _hear(self, environment: Environment, msg: Message) -> None:
        if msg.node_id in self._workers:
            self._workers[msg.node_id].hear(msg.data)


def why_incomplete(faults: Sequence[str], lags: Mapping[str, float], guard_seconds: float) -> str | None:
    """What is missing from a comb, and which workers were late for their turns; None if nothing is."""
    most_lag = max(guard_seconds * LATE_SHARE, LEAST_LATE_SECONDS)
    late = [
        f"load generator {name} was {lag:.3f} s behind the others"
        for name, lag in lags.items()
        if lag > most_lag
    ]
    return "; ".join([*faults, *late]) or None


def _requests(so_far: Mapping[str, int], report: protocol.CombReport) -> dict[str, int]:
    """What a worker is known to have sent: if it is lost later, that much still counts."""
    return join_counts(
        [
            so_far,
            {arm: counted.requests for arm, counted in report.arms.items()},
            {arm: counted.requests for arm, counted in report.outside.items()},
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="several load generators as one; started by gainbench itself"
    )
    parser.add_argument("--control", required=True, help="the Unix socket on which the harness listens")
    parser.add_argument("--listen", required=True, metavar="H:P", help="where workers find this master")
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--secret-file", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    address = Address.parse(options.listen)
    secret = channel.require_secret(address, channel.find_secret(options.secret_file, os.environ))
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(options.control)
        master = Master(address, secret, options.workers)
        try:
            converse(control, master.answer)
        finally:
            master.close()


if __name__ == "__main__":
    main()
