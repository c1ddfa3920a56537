"""A private, throw-away database server in the session's folder. Must not know which it is, nor what for."""

import os
import pwd
import resource
import secrets
import stat
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database import sql
from gainbench.stack.database.certificate import write_certificate
from gainbench.stack.database.dialect import Dialect, Program
from gainbench.stack.processes.ports import HOST, free_port
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stack.processes.text import tail

ADMINISTRATOR = "gainbench_admin"
INITIALISE_SECONDS = 120.0
READY_SECONDS = 60.0
LOOKED_AT, MOST_ERRORS = 200, 5  # lines of a log that has failed
POLL_SECONDS = 0.05
# Files a server opens beside its connections: tables, logs, sockets.
OTHER_FILES = 500


@dataclass(frozen=True)
class RunningServer:
    program: Program
    process: Process
    administrator: sql.Endpoint


def start(
    supervisor: Supervisor,
    dialect: Dialect,
    *,
    cores: Collection[int] | None,
    max_connections: int,
    tls: bool,
    log: Path | None,
) -> RunningServer:
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    require_files(max_connections, hard_limit)
    program = dialect.find_program()
    user = _unprivileged_user(dialect.unprivileged)
    folder = _own_folder(supervisor.folder / program.name, user)
    log = log or folder.with_suffix(".log")
    administrator = sql.Endpoint(dialect, HOST, free_port(), ADMINISTRATOR, secrets.token_hex(16))
    program.write_files(folder, administrator)
    _hand_over(folder, user)
    _initialise(supervisor, program, folder, user, log)
    certificate = write_certificate(folder) if tls else None
    _hand_over(folder, user)
    process = supervisor.spawn(
        program.command(
            folder, port=administrator.port, max_connections=max_connections, certificate=certificate
        ),
        name=f"{program.name} server",
        log=log,
        cwd=folder.parent,
        cores=cores,
        user=user,
    )
    _wait_until_ready(process, program, administrator, log)
    return RunningServer(program, process, administrator)


def require_files(max_connections: int, limit: int) -> None:
    """A server quietly lowers its connections to what the open-file limit leaves: refuse before that."""
    needed = max_connections + OTHER_FILES
    if limit != resource.RLIM_INFINITY and needed > limit:
        raise EnvironmentLacking(
            f"the database needs {max_connections} connections + {OTHER_FILES} other files = {needed}"
            f" open files, and the limit is {limit}",
            cure=f"raise it (ulimit -Hn {needed}), or lower pool, workers or arms",
        )


def _unprivileged_user(candidates: Sequence[str]) -> str | None:
    """Server programs refuse to run as root."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    for user in candidates:
        if user in known:
            return user
    raise EnvironmentLacking(f"started by root, and there is none of the users {', '.join(candidates)}")


def _own_folder(folder: Path, user: str | None) -> Path:
    closed = [str(above) for above in folder.parents if not above.stat().st_mode & stat.S_IXOTH]
    if user is not None and closed:
        raise EnvironmentLacking(
            f"the database server runs as {user}, who may not enter {closed[-1]}",
            cure="set TMPDIR to a folder below which everybody may go, for example /tmp",
        )
    folder.mkdir(mode=0o700)
    _hand_over(folder, user)
    return folder


def _hand_over(folder: Path, user: str | None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)


def _initialise(supervisor: Supervisor, program: Program, folder: Path, user: str | None, log: Path) -> None:
    process = supervisor.spawn(
        program.initialise(folder),
        name="the first start of the database server",
        log=log,
        cwd=folder.parent,
        user=user,
    )
    code = process.wait(INITIALISE_SECONDS)
    if code != 0:
        process.stop()
        raise _failed("the database server could not make its data folder", program, log)


def _wait_until_ready(process: Process, program: Program, administrator: sql.Endpoint, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            sql.query(administrator, "SELECT 1")
            return
        except EnvironmentLacking as error:
            if process.returncode() is not None or time.monotonic() > deadline:
                process.stop()
                raise _failed("the database server did not start", program, log) from error
        time.sleep(POLL_SECONDS)


def _failed(what: str, program: Program, log: Path) -> EnvironmentLacking:
    errors = program.errors_of(tail(log, lines=LOOKED_AT).splitlines())
    lines = "\n".join(errors[:MOST_ERRORS]) or tail(log)
    cure = program.cure_of(lines) or "read the lines above; `gainbench doctor` checks what it needs"
    if "disk space" in lines or "No space left" in lines:
        cure = "free some disk space, or set TMPDIR to a folder on another disk"
    return EnvironmentLacking(f"{what}:\n{lines}", cure=cure)
