"""The harness's handle on several load generators: the lone generator's calls, answered by a master.

Starts the master, and the workers too unless they are to come from elsewhere. Must not import Locust.
"""

import secrets
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gainbench.errors import EnvironmentLacking
from gainbench.load.handle import Generator
from gainbench.load.several.channel import Address, require_secret
from gainbench.stack.processes.ports import HOST, free_port, is_free
from gainbench.stack.processes.supervisor import Process, Supervisor

END_SECONDS = 5.0


@dataclass(frozen=True)
class Generators:
    """How many load generators, and where from: this machine, or whoever comes to ``listen``."""

    count: int = 1
    listen: Address | None = None
    secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.listen is not None:
            require_secret(self.listen, self.secret)

    @property
    def are_several(self) -> bool:
        return self.count > 1 or self.listen is not None


ONE = Generators()


class Crew(Generator):
    """A master and, on this machine, its workers."""

    workers: tuple[Process, ...] = ()

    @classmethod
    def hire(
        cls,
        supervisor: Supervisor,
        wanted: Generators,
        *,
        logs: Path,
        cores: Collection[int] | None = None,
    ) -> Self:
        address = wanted.listen or Address(HOST, free_port())
        if not is_free(address.port, address.host):
            raise EnvironmentLacking(
                f"no master can listen on {address}: the port is taken, or the address is not this machine's",
                cure="choose another one with --generator-listen",
            )
        secret_file = _keep(supervisor, wanted.secret or secrets.token_hex(32))
        known = ["--secret-file", str(secret_file)]
        options = ["--listen", str(address), "--workers", str(wanted.count), *known]
        master = ["gainbench.load.several.master", *options]
        crew = cls.start(supervisor, log=logs / "generator.log", cores=cores, program=master)
        if wanted.listen is None:
            crew.workers = tuple(
                supervisor.spawn(
                    [sys.executable, "-m", "gainbench.load.several.worker", "--master", str(address), *known],
                    name=f"load-generator {number}",
                    log=logs / f"generator-{number}.log",
                    cores=cores,
                )
                for number in range(1, wanted.count + 1)
            )
        return crew

    @property
    def is_here(self) -> bool:
        return bool(self.workers)

    def other_pids(self) -> dict[str, int]:
        """Of those that are left: the load goes on without one that has died."""
        return {f"({worker.name})": worker.pid for worker in self.workers if worker.returncode() is None}

    def stop(self) -> None:
        """Let the master send its workers home, then end what is left."""
        self._control.close()
        self._process.wait(END_SECONDS)
        for worker in self.workers:
            worker.stop()
        super().stop()


def _keep(supervisor: Supervisor, secret: str) -> Path:
    """In a file for this user alone: the arguments of a process can be read by anybody."""
    path = supervisor.folder / f"load-{secrets.token_hex(4)}.secret"
    path.touch(mode=0o600)
    path.write_text(secret, encoding="utf-8")
    return path
