"""Ports on loopback: one found free, or a given one checked. Must not know who listens."""

import random
import socket

from gainbench.errors import EnvironmentLacking

HOST = "127.0.0.1"
# Below the range from which the kernel serves outgoing connections (32768 and up on Linux, 49152 on macOS),
# so that no connection of the load generator can sit on a port between its choice and its use.
FIRST, LAST = 20000, 31999
TRIES = 200


def is_free(port: int, host: str = HOST) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    for _ in range(TRIES):
        port = random.SystemRandom().randint(FIRST, LAST)
        if is_free(port):
            return port
    raise EnvironmentLacking(
        f"no free port on {HOST} between {FIRST} and {LAST}", cure="end the servers that hold them"
    )


def require_free(port: int, what: str) -> int:
    if not is_free(port):
        raise EnvironmentLacking(
            f"port {port} for {what} is taken", cure="end the server that holds it or choose another port"
        )
    return port
