"""Measures the round trip that the latency proxy really adds, with pings of its own.

Each ping through the proxy is followed by one straight to the server, so that what the server, this
process and a busy machine take is seen in both. Must not know what the delay was meant to be.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy

from gainbench.stack.database import sql
from gainbench.stack.database.dialect import Session
from gainbench.stack.proxy.handle import PROBE_ARM, LatencyProxy


@dataclass(frozen=True)
class RoundTrips:
    """Times of pings in milliseconds: through the proxy, and straight to the server."""

    through_ms: tuple[float, ...]
    direct_ms: tuple[float, ...]

    @property
    def p50_ms(self) -> float:
        return self.added_ms(0.50)

    @property
    def p99_ms(self) -> float:
        return self.added_ms(0.99)

    def added_ms(self, share: float) -> float:
        """A quantile of the times through the proxy, less the median of the direct ones."""
        return float(numpy.quantile(self.through_ms, share) - numpy.median(self.direct_ms))


class RoundTripProbe:
    """Two open connections, one through the proxy. A context manager."""

    def __init__(self, proxy: LatencyProxy, server: sql.Endpoint) -> None:
        """The server is named with an account that may log in; it needs no other right."""
        with ExitStack() as opening:
            beside = server.at("127.0.0.1", proxy.port(PROBE_ARM))
            self._through = opening.enter_context(sql.connection(beside))
            self._direct = opening.enter_context(sql.connection(server))
            self._connections = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.__exit__(kind, error, trace)

    def measure(self, count: int) -> RoundTrips:
        pairs = [(_ping_ms(self._through), _ping_ms(self._direct)) for _ in range(count)]
        return RoundTrips(*zip(*pairs, strict=True))


def _ping_ms(connection: Session) -> float:
    started = time.perf_counter_ns()
    connection.ping()
    return (time.perf_counter_ns() - started) / 1_000_000
