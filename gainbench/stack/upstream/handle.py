"""Starting the upstream, and knowing whether it is still there."""

import socket
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gainbench.errors import InvalidMeasurement
from gainbench.masking import inheritable
from gainbench.plan.model import Upstream as UpstreamPlan
from gainbench.stack.processes.ports import HOST, free_port
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stack.processes.text import how_ended

READY_SECONDS = 10.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Upstream:
    """A running one."""

    process: Process
    port: int

    @classmethod
    def start(
        cls,
        supervisor: Supervisor,
        wanted: UpstreamPlan,
        *,
        cores: Collection[int] | None = None,
        log: Path | None = None,
    ) -> Self:
        port = free_port()
        process = supervisor.spawn(
            [
                *(sys.executable, "-S", "-P", "-m", "gainbench.stack.upstream.server"),
                *("--host", HOST, "--port", str(port), "--delay-ms", f"{wanted.delay_ms:g}"),
            ],
            name="upstream",
            log=log,
            env=inheritable() | {"PYTHONPATH": str(Path(__file__).parents[3])},
            cwd=supervisor.folder,
            cores=cores,
        )
        started = cls(process, port)
        started._wait_until_ready()
        return started

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_running(self) -> None:
        """An arm is not to blame for what its upstream does not answer."""
        status = self.process.returncode()
        if status is not None:
            raise InvalidMeasurement(f"the upstream that the arms call {how_ended(status)}")

    def stop(self) -> None:
        self.process.stop()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self.require_running()
            try:
                socket.create_connection((HOST, self.port), timeout=1.0).close()
            except OSError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise InvalidMeasurement("the upstream that the arms call did not get ready") from None
                time.sleep(POLL_SECONDS)
            else:
                return
