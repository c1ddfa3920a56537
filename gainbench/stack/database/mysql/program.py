"""The server program of MariaDB or MySQL: finding it, its first start, its flags. Runs no server.

The only module that knows the two apart.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database.dialect import Certificate
from gainbench.stack.database.sql import Endpoint
from gainbench.stack.processes.ports import HOST

CURE = (
    "run `make setup`, or: apt-get install mariadb-server-core mariadb-client-core, or: brew install mariadb"
)
PROGRAMS = ("mariadbd", "mysqld")
# Servers live beside an ordinary user's PATH on Debian, and in folders of their own with Homebrew.
FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/opt/homebrew/opt/mariadb/bin",
    "/usr/local/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
    "/usr/local/opt/mysql/bin",
    "/usr/local/mysql/bin",
)
VERSION_SECONDS = 20


@dataclass(frozen=True)
class Flavour:
    name: str
    initialise: Callable[[Path, Path], list[str]]  # (server program, data folder) -> command
    flags: tuple[str, ...]
    tls_off: str


@dataclass(frozen=True)
class MysqlProgram:
    path: Path
    flavour: Flavour
    version: str

    @property
    def name(self) -> str:
        return self.flavour.name

    def write_files(self, folder: Path, administrator: Endpoint) -> None:
        """One administrator with a password; the accounts without one go."""
        file = folder / "init.sql"
        file.touch(mode=0o600)
        file.write_text(
            f"CREATE USER '{administrator.user}'@'%' IDENTIFIED BY '{administrator.password}';\n"
            f"GRANT ALL ON *.* TO '{administrator.user}'@'%' WITH GRANT OPTION;\n"
            "DROP USER IF EXISTS 'root'@'localhost', 'root'@'127.0.0.1', 'root'@'::1';\n"
        )

    def initialise(self, folder: Path) -> list[str]:
        return self.flavour.initialise(self.path, folder / "data")

    def command(
        self, folder: Path, *, port: int, max_connections: int, certificate: Certificate | None
    ) -> list[str]:
        tls = (
            [self.flavour.tls_off]
            if certificate is None
            else [f"--ssl-cert={certificate.certificate}", f"--ssl-key={certificate.key}"]
        )
        return [
            str(self.path),
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder}",
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            f"--init-file={folder / 'init.sql'}",
            f"--bind-address={HOST}",
            f"--port={port}",
            f"--max-connections={max_connections}",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2",
            "--performance-schema=OFF",
            "--character-set-server=utf8mb4",
            *self.flavour.flags,
            *tls,
        ]

    def begin_again(self, folder: Path) -> None:
        (folder / "init.sql").write_text("")  # its accounts are there

    def errors_of(self, lines: Sequence[str]) -> list[str]:
        return [line for line in lines if "ERROR" in line]

    def cure_of(self, errors: str) -> str | None:
        if "ermission denied" in errors and Path("/sys/kernel/security/apparmor").exists():
            return (
                "if AppArmor confines mysqld to its own folders: aa-complain /usr/sbin/mysqld, "
                "or install MariaDB"
            )
        return None


def _mariadb_initialise(program: Path, data: Path) -> list[str]:
    name = "mariadb-install-db"
    # A sibling first: a machine may have two installations.
    folders = f"{program.parent}:{program.parent.parent / 'bin'}:{_search_path()}"
    installer = shutil.which(name, path=folders)
    if installer is None:
        raise EnvironmentLacking(f"{program} is there, but its {name} is not", cure=CURE)
    return [
        installer,
        "--no-defaults",
        "--rpm",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        f"--datadir={data}",
        f"--tmpdir={data.parent}",  # out of a shared one, servers clear what others still use
    ]


def _mysql_initialise(program: Path, data: Path) -> list[str]:
    return [str(program), "--no-defaults", "--initialize-insecure", f"--datadir={data}"]


MARIADB = Flavour("mariadb", _mariadb_initialise, flags=(), tls_off="--skip-ssl")
MYSQL = Flavour("mysql", _mysql_initialise, flags=("--mysqlx=OFF",), tls_off="--tls-version=")


def find_server() -> MysqlProgram:
    for program in PROGRAMS:
        found = shutil.which(program, path=_search_path())
        if found is not None:
            path = Path(found)
            return recognise(path, _version_line(path))
    raise EnvironmentLacking("no MariaDB or MySQL server program found (mariadbd, mysqld)", cure=CURE)


def recognise(path: Path, version_line: str) -> MysqlProgram:
    """From what ``--version`` prints; the name alone says nothing, Debian's ``mysqld`` is a MariaDB."""
    version = re.search(r"Ver (\d+\.\d+\.\d+)", version_line)
    if version is None:
        raise EnvironmentLacking(f"{path} --version says no version: {version_line!r}", cure=CURE)
    flavour = MARIADB if "mariadb" in version_line.lower() else MYSQL
    return MysqlProgram(path, flavour, version.group(1))


def _search_path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS])


def _version_line(path: Path) -> str:
    try:
        answer = subprocess.run(
            [str(path), "--no-defaults", "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacking(f"{path} does not run: {error}", cure=CURE) from error
    return answer.stdout.strip()
