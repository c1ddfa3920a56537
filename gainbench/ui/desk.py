"""The harness's end of the web UI: starts its process, hands on what the browser orders, publishes the view.

Must not import Locust: the web UI lives in the load generator's process.
"""

import queue
import secrets
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import EnvironmentLacking
from gainbench.load.handle import Generator, GeneratorLost
from gainbench.stack.processes.ports import HOST, is_free
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import tail
from gainbench.ui import protocol
from gainbench.ui.protocol import Order, View

CALL_SECONDS = 20.0


@dataclass(frozen=True)
class Gone:
    """Comes after the last order: the web UI's process has ended."""


class Desk:
    """Orders come in whenever the browser sends them; they wait here until the sitting looks."""

    def __init__(self, url: str, generator: Generator, connection: socket.socket, log: Path) -> None:
        self.url = url
        self.generator = generator
        self._connection = connection
        self._log = log
        self._orders: queue.SimpleQueue[Order | Gone] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def next_order(self, seconds: float = 0.0) -> Order | Gone | None:
        """The oldest order not yet looked at; None if there is none within that time."""
        try:
            return self._orders.get(timeout=seconds) if seconds else self._orders.get_nowait()
        except queue.Empty:
            return None

    def publish(self, view: View) -> None:
        """Show this to every browser. That the web UI is gone, the next order says."""
        try:
            self._connection.sendall(protocol.encode_view(view))
        except OSError:
            return

    def lost(self) -> GeneratorLost:
        """Why nobody can order anything any more."""
        last_words = f"its last words, from {self._log}:\n{tail(self._log)}"
        return GeneratorLost("the load generator has died, and the Locust web UI with it", cure=last_words)

    def _listen(self) -> None:
        # A process that dies with views unread resets the connection; one killed may leave half a line.
        with suppress(OSError), self._connection.makefile("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    self._orders.put(protocol.decode_order(line))
        self._orders.put(Gone())


def require_port(port: int) -> None:
    """Refuse a port that somebody else holds, before anything is started."""
    if not is_free(port):
        raise EnvironmentLacking(
            f"port {port} for the Locust web UI is taken",
            cure=f"choose another one: gainbench ui --port {port + 1}",
        )


@contextmanager
def desk(
    supervisor: Supervisor, *, port: int, log: Path, cores: Collection[int] | None = None
) -> Iterator[Desk]:
    """The load generator with Locust's web UI on it, for as long as the block lasts."""
    require_port(port)
    path = supervisor.folder / f"desk-{secrets.token_hex(4)}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(CALL_SECONDS)
        program = ("gainbench.ui.server", "--desk", str(path), "--port", str(port))
        generator = Generator.start(supervisor, log=log, cores=cores, program=program)
        try:
            # It calls here first and there afterwards, so this call is waiting already.
            connection, _ = listener.accept()
            path.unlink()
            with connection:
                yield Desk(f"http://{HOST}:{port}", generator, connection, log)
        finally:
            generator.stop()
