"""The harness's handle on the latency proxy: start it, change its delay, read what it counted.

The proxy itself is ``server.py``, a process of its own. Must not know what is measured with it.
"""

import functools
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from gainbench.errors import EnvironmentLacking, InvalidMeasurement
from gainbench.masking import inheritable
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stack.processes.text import tail
from gainbench.stack.proxy.server import DESCRIPTORS_OF_THE_PROCESS, descriptors_for
from gainbench.stack.proxy.trips import CONNECT

PROBE_ARM = "(probe)"
START_SECONDS = 10.0
ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class KindTraffic:
    """Trips of one kind, and how long clients waited in them, both delays included."""

    trips: int = 0
    wait_seconds: float = 0.0

    def since(self, earlier: "KindTraffic") -> "KindTraffic":
        return KindTraffic(self.trips - earlier.trips, self.wait_seconds - earlier.wait_seconds)


@dataclass(frozen=True)
class ArmTraffic:
    """What one arm has asked of the database. Sums only grow; the ``open_`` figures are of the moment."""

    connections: int
    open_connections: int
    refused_connections: int  # because descriptors ran out
    open_trips: int  # commands that wait for the first byte of their answer
    connect: KindTraffic  # logins: here alone, in no other figure
    by_kind: Mapping[str, KindTraffic]
    chunks: int = 0  # passed on, both directions
    late_seconds: float = 0.0  # their lateness behind the due moment, summed with its sign
    longest_late_seconds: float = 0.0  # of any chunk since the reading before this one, whoever asked for it
    longest_silence_seconds: float = 0.0  # a trip waited and none was answered; since that reading, too
    bytes_to_client: int = 0
    bytes_to_server: int = 0

    @property
    def trips(self) -> int:
        return sum(kind.trips for kind in self.by_kind.values())

    @property
    def wait_seconds(self) -> float:
        return sum(kind.wait_seconds for kind in self.by_kind.values())

    @property
    def mean_late_seconds(self) -> float | None:
        """By how much a chunk was passed on after its due moment, one direction; None without chunks."""
        return self.late_seconds / self.chunks if self.chunks else None

    def since(self, earlier: "ArmTraffic") -> "ArmTraffic":
        """What came between two readings; the ``open_`` and ``longest_`` figures are the later one's.

        The longest lateness and silence are those between the two only if nobody read in between.
        """
        return ArmTraffic(
            connections=self.connections - earlier.connections,
            open_connections=self.open_connections,
            refused_connections=self.refused_connections - earlier.refused_connections,
            open_trips=self.open_trips,
            connect=self.connect.since(earlier.connect),
            by_kind={
                kind: traffic.since(earlier.by_kind.get(kind, KindTraffic()))
                for kind, traffic in self.by_kind.items()
            },
            chunks=self.chunks - earlier.chunks,
            late_seconds=self.late_seconds - earlier.late_seconds,
            longest_late_seconds=self.longest_late_seconds,
            longest_silence_seconds=self.longest_silence_seconds,
            bytes_to_client=self.bytes_to_client - earlier.bytes_to_client,
            bytes_to_server=self.bytes_to_server - earlier.bytes_to_server,
        )


@dataclass(frozen=True)
class Lateness:
    """How long after its due moment each chunk had been passed on, counted in bins of equal width.

    The first bin begins at ``first_us``, below 0 for chunks passed on early; the last also holds all that
    is later.
    """

    bin_us: int
    bins: tuple[int, ...]
    first_us: int = 0

    @property
    def chunks(self) -> int:
        return sum(self.bins)

    def since(self, earlier: "Lateness") -> "Lateness":
        between = (now - before for now, before in zip(self.bins, earlier.bins, strict=True))
        return Lateness(self.bin_us, tuple(between), self.first_us)

    def joined(self, other: "Lateness") -> "Lateness":
        """The chunks of both."""
        both = (one + another for one, another in zip(self.bins, other.bins, strict=True))
        return Lateness(self.bin_us, tuple(both), self.first_us)

    def quantile_ms(self, share: float) -> float | None:
        """The middle of the bin that holds the quantile; None without chunks."""
        wanted, seen = share * self.chunks, 0
        for position, count in enumerate(self.bins):
            seen += count
            if count and seen >= wanted:
                return (self.first_us + (position + 0.5) * self.bin_us) / 1_000
        return None


def check_capacity(connections: int, arms: int) -> None:
    """Refuse what the open-file limit of a process cannot hold, with the sum."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = descriptors_for(connections, arms)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise EnvironmentLacking(
            f"the latency proxy needs 2 x {connections} connections + {arms} listeners"
            f" + {DESCRIPTORS_OF_THE_PROCESS} of its own = {needed} open files;"
            f" the hard limit here is {hard}",
            cure=f"raise the limit (ulimit -Hn {needed}), or choose a smaller pool",
        )


class LatencyProxy:
    """A running proxy. Its methods may be called from several threads."""

    def __init__(self, process: Process, control: socket.socket) -> None:
        self.process = process
        self._control = control
        self._answers = control.makefile("rb")
        self._turn = threading.Lock()
        self._ports: dict[str, int] = self._next_answer()["ports"]

    @classmethod
    def start(
        cls,
        supervisor: Supervisor,
        *,
        upstream: tuple[str, int],
        wire: str,
        arms: Sequence[str],
        rtt_ms: float = 0.0,
        connections: int,
        cores: Collection[int] | None = None,
        log: Path | None = None,
    ) -> Self:
        """A proxy with a port for each arm and one for probing, and room for that many connections in all.

        ``wire`` is the module that understands what is spoken with the server.
        """
        ports = [*arms, PROBE_ARM]
        check_capacity(connections, len(ports))
        path = supervisor.folder / f"latency-{time.monotonic_ns():x}"
        host, port = upstream
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            process = supervisor.spawn(
                [
                    # Neither site-packages nor the current folder: the proxy needs this package alone.
                    *(sys.executable, "-S", "-P", "-m", "gainbench.stack.proxy.server"),
                    *("--control", str(path), "--upstream", f"{host}:{port}", "--wire", wire),
                    *("--rtt-ms", str(rtt_ms), "--connections", str(connections), "--", *ports),
                ],
                name="latency proxy",
                log=log,
                env=inheritable() | {"PYTHONPATH": str(Path(__file__).parents[3])},
                cwd=supervisor.folder,
                cores=cores,
            )
            control = _accept(listener, process)
        path.unlink()
        return cls(process, control)

    @property
    def pid(self) -> int:
        return self.process.pid

    def port(self, arm: str) -> int:
        return self._ports[arm]

    def set_rtt(self, rtt_ms: float) -> None:
        """What arrives from now on is delayed by this, half of it in each direction."""
        self._ask({"set_rtt_ms": rtt_ms})

    def counters(self) -> dict[str, ArmTraffic]:
        """What each arm has asked so far. The ``longest_`` figures begin anew with each call."""
        answer = self._ask({"ask": "counters"})
        return {arm: _arm_traffic(record) for arm, record in answer.items() if arm != PROBE_ARM}

    def lateness(self) -> Lateness:
        """That of all arms together."""
        return functools.reduce(Lateness.joined, self.lateness_by_arm().values())

    def lateness_by_arm(self) -> dict[str, Lateness]:
        answer = self._ask({"ask": "lateness"})
        return {
            arm: Lateness(answer["bin_us"], _spread(answer["bins"], filled), answer["first_us"])
            for arm, filled in answer["filled"].items()
            if arm != PROBE_ARM
        }

    def stop(self) -> None:
        """End the proxy, and with it all connections. May be called twice."""
        self._answers.close()
        self._control.close()
        self.process.stop()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            try:
                self._control.sendall(json.dumps(request).encode() + b"\n")
                return self._next_answer()
            except OSError as error:
                raise self._gone() from error

    def _next_answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _gone(self) -> InvalidMeasurement:
        return InvalidMeasurement(
            f"the latency proxy has stopped answering: {tail(self.process.log)}",
            cure="run again; whatever was measured meanwhile does not count",
        )


def _accept(listener: socket.socket, process: Process) -> socket.socket:
    """The proxy's call, unless it ends before it calls."""
    deadline = time.monotonic() + START_SECONDS
    listener.settimeout(_POLL_SECONDS)
    while time.monotonic() < deadline:
        try:
            control, _ = listener.accept()
        except TimeoutError:
            if process.returncode() is not None:
                break
        else:
            control.settimeout(ANSWER_SECONDS)
            return control
    process.stop()
    raise EnvironmentLacking(f"the latency proxy did not start: {tail(process.log)}")


def _arm_traffic(record: dict[str, Any]) -> ArmTraffic:
    by_kind = {kind: KindTraffic(trips, ns / 1e9) for kind, (trips, ns) in record["kinds"].items()}
    return ArmTraffic(
        connections=record["connections"],
        open_connections=record["open_connections"],
        refused_connections=record["refused_connections"],
        open_trips=record["open_trips"],
        connect=by_kind.pop(CONNECT, KindTraffic()),
        by_kind=MappingProxyType(by_kind),
        chunks=record["chunks"],
        late_seconds=record["late_ns"] / 1e9,
        longest_late_seconds=record["longest_late_ns"] / 1e9,
        longest_silence_seconds=record["longest_silence_ns"] / 1e9,
        bytes_to_client=record["bytes_to_client"],
        bytes_to_server=record["bytes_to_server"],
    )


def _spread(count: int, filled: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """All bins, from those that hold anything."""
    bins = [0] * count
    for position, chunks in filled:
        bins[position] = chunks
    return tuple(bins)
