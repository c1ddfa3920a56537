"""One arm: from its entry in the plan to a server that answers.

All arms get the same settings by construction. Must not know the database server, the proxy or the load:
where an arm finds its database is told.
"""

import ipaddress
import shlex
import socket
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx

from gainbench.errors import ConfigurationError
from gainbench.masking import inheritable, mask_words
from gainbench.plan.condition import Pool
from gainbench.plan.model import Arm, Cell, Plan
from gainbench.stack.arms.placeholders import ArmDatabase, Placeholders, for_arm
from gainbench.stack.processes.ports import HOST, free_port
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.stack.processes.text import how_ended, tail

STOP_SECONDS = 3.0  # a request still in flight then is lost, and a deadlocked server would take for ever
ANSWER_SECONDS = 5.0
POLL_SECONDS = 0.05
KEEP_ALIVE_SECONDS = 75  # longer than an arm is parked while others have their windows
DEFAULT_READY_PATH = "/"


class ArmFailed(ConfigurationError):
    """An arm's command fails, dies or never gets ready."""


@dataclass(frozen=True)
class ServerSettings:
    """What every arm of a condition gets alike."""

    pool: Pool
    workers: int = 1
    thread_tokens: int = 40
    pool_timeout_seconds: float = 30.0
    database_tls: bool = False

    @classmethod
    def of(cls, plan: Plan, cell: Cell) -> Self:
        return cls(cell.pool, cell.workers, plan.thread_tokens, plan.pool_timeout, plan.database.tls)

    def environment(self) -> dict[str, str]:
        return {
            "POOL_SIZE": str(self.pool.size),
            "MAX_OVERFLOW": str(self.pool.overflow),
            "THREAD_TOKENS": str(self.thread_tokens),
            "POOL_TIMEOUT_SECONDS": f"{self.pool_timeout_seconds:g}",
            "DATABASE_TLS": "on" if self.database_tls else "off",
        }


@dataclass(frozen=True)
class RunningArm:
    """A server; ``process`` is None when it is not ours (a ``url`` arm).

    The command is the plan's, placeholders unfilled: it goes into messages, and a password must not.
    """

    name: str
    url: str
    process: Process | None
    ready: str | None
    ready_timeout_seconds: float
    command: tuple[str, ...] = ()

    def pids(self) -> list[int]:
        """Every process of the arm, workers included. Walks the process table: ask once, not per window."""
        return [] if self.process is None else self.process.pids()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop(grace_seconds=STOP_SECONDS)


def stop_arms(supervisor: Supervisor, arms: Iterable[RunningArm]) -> None:
    """All at once: a server that does not end costs the others no time."""
    processes = [arm.process for arm in arms if arm.process is not None]
    supervisor.end(processes, grace_seconds=STOP_SECONDS)


def launch_arm(
    supervisor: Supervisor,
    arm: Arm,
    *,
    settings: ServerSettings,
    database: ArmDatabase | None = None,
    upstream: str | None = None,
    log: Path,
    cores: Collection[int] | None = None,
    allow_targets: Sequence[str] = (),
) -> RunningArm:
    """Run the arm's setup and start its command; several launched arms get ready side by side."""
    if arm.url is not None:
        require_allowed(arm.url, allow_targets)
        return RunningArm(arm.name, arm.url.rstrip("/"), None, arm.ready, arm.ready_timeout)
    port = free_port()
    scratch = supervisor.folder / "scratch" / arm.name
    scratch.mkdir(parents=True, exist_ok=True)
    placeholders = for_arm(
        arm.name,
        port=port,
        workers=settings.workers,
        scratch=scratch,
        database=database,
        upstream=upstream,
    )
    env = environment(arm, settings, database, placeholders)
    if arm.setup is not None:
        _run_setup(supervisor, arm, arm.setup, placeholders=placeholders, env=env, arm_log=log)
    command = server_command(arm, port=port, workers=settings.workers)
    process = supervisor.spawn(
        placeholders.fill_all(command),
        name=f"arm {arm.name!r}",
        log=log,
        env=env,
        cwd=arm.cwd,
        cores=cores,
    )
    url = f"http://{HOST}:{port}"
    return RunningArm(arm.name, url, process, arm.ready, arm.ready_timeout, tuple(command))


def wait_until_ready(running: RunningArm) -> None:
    """Return when the arm answers; an arm that ends, or is not ready in time, is stopped and an error."""
    deadline = time.monotonic() + running.ready_timeout_seconds
    with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
        while (problem := _problem_with(client, running)) is not None:
            require_running(running)
            if time.monotonic() > deadline:
                running.stop()
                raise _failed(running, f"is not ready after {running.ready_timeout_seconds:g} s: {problem}")
            time.sleep(POLL_SECONDS)
    # What answers need not be the arm: one that found its port taken has ended, and another holds the port.
    require_running(running)


def require_running(running: RunningArm) -> None:
    if running.process is not None and not running.pids():
        status = running.process.returncode()
        raise _failed(running, "has ended" if status is None else how_ended(status))


def server_command(arm: Arm, *, port: int, workers: int) -> list[str]:
    """The arm's command before its placeholders are filled; app arms get uvicorn with equal settings."""
    if arm.command is not None:
        return list(arm.command)
    options = {
        "host": HOST,
        "port": port,
        "workers": workers,
        "loop": "uvloop",
        "http": "httptools",
        "timeout-keep-alive": KEEP_ALIVE_SECONDS,
        "log-level": "warning",
    }
    flags = [text for key, value in options.items() for text in (f"--{key}", str(value))]
    return [str(arm.python or sys.executable), "-m", "uvicorn", str(arm.app), *flags, "--no-access-log"]


def environment(
    arm: Arm, settings: ServerSettings, database: ArmDatabase | None, placeholders: Placeholders
) -> dict[str, str]:
    """Ours without what would change uvicorn unseen, then the equal settings, then the arm's own word."""
    inherited = {
        key: value
        for key, value in inheritable().items()
        if key != "WEB_CONCURRENCY" and not key.startswith("UVICORN_")
    }
    url = {} if database is None else {"DATABASE_URL": database.url}
    return inherited | settings.environment() | url | placeholders.fill_values(arm.env)


def require_allowed(url: str, allow_targets: Sequence[str]) -> None:
    """Load goes to this machine alone, unless the plan names the host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not (is_loopback(host) or host in allow_targets or parts.netloc in allow_targets):
        raise ConfigurationError(
            f"{url} is not on this machine",
            cure=f"if you may put load on it, add allow_targets = [{host!r}] to the plan",
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _run_setup(
    supervisor: Supervisor,
    arm: Arm,
    command: Sequence[str],
    *,
    placeholders: Placeholders,
    env: dict[str, str],
    arm_log: Path,
) -> None:
    log = arm_log.with_name(f"{arm.name}.setup.log")
    process = supervisor.spawn(
        placeholders.fill_all(command), name=f"setup of arm {arm.name!r}", log=log, env=env, cwd=arm.cwd
    )
    code = process.wait(arm.setup_timeout)
    process.stop()
    if code != 0:
        end = f"took more than {arm.setup_timeout:g} s" if code is None else f"ended with status {code}"
        raise ArmFailed(
            f"setup of arm {arm.name!r} {end}: {shlex.join(mask_words(command))}\n{tail(log)}",
            cure=f"run it by hand in {arm.cwd}, with the arm's env",
        )


def _problem_with(client: httpx.Client, running: RunningArm) -> str | None:
    """None when ready: any answer below 500 on the default path, 2xx on a path that the plan names.

    A server that is not ours is asked nothing unless the plan names a path: that it listens must do.
    """
    if running.process is None and running.ready is None:
        return _problem_with_connecting(running.url)
    url = running.url + (running.ready or DEFAULT_READY_PATH)
    try:
        status = client.get(url).status_code
    except httpx.HTTPError as error:
        return f"GET {url}: {error}"
    is_ready = status < 500 if running.ready is None else 200 <= status < 300
    return None if is_ready else f"GET {url} answers {status}"


def _problem_with_connecting(url: str) -> str | None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or HOST, port), timeout=ANSWER_SECONDS):
            return None
    except OSError as error:
        return f"nothing listens at {parts.hostname}:{port} ({error.strerror or error})"


def _failed(running: RunningArm, what: str) -> ArmFailed:
    if running.process is None:
        return ArmFailed(
            f"arm {running.name!r} {what}", cure="start it, and check its url, ready and ready_timeout"
        )
    command = shlex.join(mask_words(running.command))
    return ArmFailed(
        f"arm {running.name!r} {what}: {command}\n{tail(running.process.log)}",
        cure="check the arm's command, env, ready and ready_timeout in the plan",
    )
