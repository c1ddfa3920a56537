"""The generator's own time between a response and the next request, by the kernel's clock at the socket.

To an arm it looks like think time, and no bookkeeping above the socket can see it. The kernel notes when the
last bytes of a response arrived; the next request departs when it is handed to the socket. Covers
FastHttpUser's client on plain HTTP, on Linux; elsewhere the turnaround stays unknown.
"""

import struct
import sys
from time import time_ns
from typing import Any

import gevent.socket
from geventhttpclient.connectionpool import ConnectionPool

from gainbench.load.seat import current_seat

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY_BYTES = gevent.socket.CMSG_SPACE(_TIMESPEC.size) if sys.platform == "linux" else 0


class _StampedSocket(gevent.socket.socket):  # type: ignore[misc] # gevent has no types
    def recv(self, size: int, flags: int = 0) -> bytes:
        seat = current_seat.get()
        if seat is None or flags:
            received: bytes = super().recv(size, flags)
            return received
        received, ancillary, _, _ = self.recvmsg(size, _ANCILLARY_BYTES)
        if ancillary:
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            seat.arrived_ns = seconds * 1_000_000_000 + nanoseconds
        return received

    def sendall(self, data: Any, flags: int = 0) -> None:
        seat = current_seat.get()
        if seat is not None and seat.arrived_ns:
            seat.departs(time_ns())
        super().sendall(data, flags)


def _stamped(pool: ConnectionPool, family: int, kind: int, protocol: int) -> gevent.socket.socket:
    sock = _StampedSocket(family, kind, protocol)
    sock.setsockopt(gevent.socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return sock


def measure_turnaround() -> None:
    """From now on, for every connection that FastHttpUser's client opens."""
    if sys.platform == "linux":
        ConnectionPool._create_tcp_socket = _stamped  # type: ignore[method-assign,assignment]
