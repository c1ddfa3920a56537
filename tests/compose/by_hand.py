"""The services of docker-compose.yaml as processes here: their own commands, environments and checks.

What the container network would give is put in: each service's name becomes 127.0.0.1, each port that a
service exposes becomes a free one.
"""

import os
import pwd
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gainbench.stack.database.mysql.dialect import Mysql
from gainbench.stack.database.mysql.program import MysqlProgram
from gainbench.stack.processes.ports import HOST, free_port
from gainbench.stack.processes.supervisor import Process, Supervisor
from tools.compose_file import ComposeFile, Service

ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
EVERY_INTERFACE = "0.0.0.0"
PATIENCE_SECONDS = 60.0


@dataclass
class ByHand:
    """``docker compose up`` for one profile, in the order of ``depends_on``."""

    file: ComposeFile
    profile: str
    program: MysqlProgram
    supervisor: Supervisor
    folder: Path
    started: dict[str, Process] = field(default_factory=dict)
    healthy: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ports = {
            (name, port): free_port() for name, service in self.services.items() for port in exposed(service)
        }

    @property
    def services(self) -> dict[str, Service]:
        """By the name they have in the container network."""
        chosen = {
            name: service
            for name, service in self.file.services.items()
            if not service.profiles or self.profile in service.profiles
        }
        return {
            service.networks["default"].aliases[0] if service.networks else name: service
            for name, service in chosen.items()
        }

    def up(self) -> None:
        for name in self.services:
            self._start(name)
        for name, service in self.services.items():
            if service.healthcheck is not None:
                self._wait_until_healthy(name)

    def down(self) -> None:
        self.supervisor.end(self.started.values())

    def url(self, name: str, port: str) -> str:
        return f"http://{HOST}:{self.ports[name, port]}"

    def status_of_check(self, name: str) -> int | None:
        healthcheck = self.services[name].healthcheck
        assert healthcheck is not None
        kind, *argv = healthcheck.test
        assert kind == "CMD"
        process = self._spawn(name, [self._here(name, word) for word in argv])
        status = process.wait(PATIENCE_SECONDS)
        process.stop()
        return status

    def _start(self, name: str) -> None:
        if name in self.started:
            return
        service = self.services[name]
        for needed, dependency in service.depends_on.items():
            if needed not in self.services:
                assert not dependency.required
                continue
            self._start(needed)
            if dependency.condition == "service_healthy":
                self._wait_until_healthy(needed)
            else:
                status = self.started[needed].wait(PATIENCE_SECONDS)
                assert status == 0, self._log(needed).read_text()
        argv = [self._here(name, word) for word in (*service.entrypoint, *service.command)]
        if name == "db":
            self.started[name] = self._spawn(name, [*self._of_the_image(service), *argv], user=unprivileged())
        else:
            self.started[name] = self._spawn(name, argv)

    def _wait_until_healthy(self, name: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while name not in self.healthy:
            if self.status_of_check(name) == 0:
                self.healthy.add(name)
            assert self.started[name].returncode() is None, f"{name} has ended: {self._log(name).read_text()}"
            assert time.monotonic() < deadline, f"{name} is not healthy: {self._log(name).read_text()}"

    def _of_the_image(self, service: Service) -> list[str]:
        """What a database image's own entrypoint does: first start, root's password, head of the command."""
        folder = self.supervisor.folder / "compose-database"
        folder.mkdir()
        user = unprivileged()
        init = folder / "init.sql"
        password = service.environment[f"{self.profile.upper()}_ROOT_PASSWORD"]
        init.write_text(
            "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n"
            f"CREATE USER 'root'@'%' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
        )
        for path in (folder, init):
            shutil.chown(path, user)
        first_start = self.supervisor.spawn(
            self.program.initialise(folder),
            name="first start",
            log=self._log("db"),
            user=user,
        )
        assert first_start.wait(PATIENCE_SECONDS) == 0, self._log("db").read_text()
        return [
            *(str(self.program.path), "--no-defaults", f"--datadir={folder / 'data'}", f"--tmpdir={folder}"),
            *(f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--init-file={init}"),
            *(f"--bind-address={HOST}", f"--port={self.ports['db', '3306']}"),
        ]

    def _spawn(self, name: str, argv: list[str], *, user: str | None = None) -> Process:
        return self.supervisor.spawn(
            argv, name=name, log=self._log(name), env=self._environment(name), cwd=ROOT, user=user
        )

    def _environment(self, name: str) -> Mapping[str, str]:
        settings = self.services[name].environment
        return {"PATH": PATH} | {key: self._here(name, value) for key, value in settings.items()}

    def _here(self, name: str, text: str) -> str:
        """The text as it is meant on this machine; ``name`` is the service that reads it."""
        hosts = "|".join(map(re.escape, (*self.services, EVERY_INTERFACE, HOST)))
        text = re.sub(rf"\b({hosts}):(\d+)", lambda found: self._address(name, found[1], found[2]), text)
        text = re.sub(r"(?<=port=)\d+", lambda found: str(self._port(name, found[0])), text)
        return re.sub(rf"(?<==)({hosts})$", HOST, text)

    def _address(self, name: str, host: str, port: str) -> str:
        return f"{HOST}:{self.ports[host if host in self.services else name, port]}"

    def _port(self, name: str, port: str) -> int:
        """Its own, or that of the one service that has it."""
        if (name, port) in self.ports:
            return self.ports[name, port]
        (found,) = (free for (_, taken), free in self.ports.items() if taken == port)
        return found

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def exposed(service: Service) -> list[str]:
    return sorted({*service.expose, *(port.rpartition(":")[2] for port in service.ports)})


def unprivileged() -> str:
    """Who a database server runs as: never root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    known = {account.pw_name for account in pwd.getpwall()}
    return next(user for user in Mysql.unprivileged if user in known)
