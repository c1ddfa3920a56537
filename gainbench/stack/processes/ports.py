"""Ports on loopback: one found free, or a given one checked. Must not know who listens."""

import random
import socket
from collections import deque

from gainbench.errors import EnvironmentLacking

HOST = "127.0.0.1"
# Below the range from which the kernel serves outgoing connections (32768 and up on Linux, 49152 on macOS),
# so that no connection of the load generator can sit on a port between its choice and its use.
FIRST, LAST = 20000, 31999
TRIES = 200
# A server binds its port only seconds after we chose it. Until then the port looks free to all who choose,
# and of two servers that were given the same one the second ends while the first answers in its name. So the
# chosen port's number is held for UDP, which none of our servers speaks: the next to choose, in this process
# or another, sees that. The oldest are let go; their servers listen by then, and the kernel knows of them.
KEPT = 100
_kept: deque[socket.socket] = deque()


def is_free(port: int, host: str = HOST) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on and that was not given to anybody else just now."""
    for _ in range(TRIES):
        port = random.SystemRandom().randint(FIRST, LAST)
        if is_free(port) and _keep(port):
            return port
    raise EnvironmentLacking(
        f"no free port on {HOST} between {FIRST} and {LAST}", cure="end the servers that hold them"
    )


def _keep(port: int) -> bool:
    """Hold the number against others who choose; False when one of them does."""
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind((HOST, port))
    except OSError:
        mark.close()
        return False
    _kept.append(mark)
    while len(_kept) > KEPT:
        _kept.popleft().close()
    return True
