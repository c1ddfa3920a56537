"""What this machine has and lacks for a measurement, and how far away a database is. Must not print."""

import os
import resource
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import quantiles

from gainbench.errors import EnvironmentLacking, GainbenchError
from gainbench.products import DEFAULT
from gainbench.stack.arms import evidence
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import Dialect
from gainbench.stack.database.dialects import DIALECTS, endpoint_from
from gainbench.stack.database.server import start_private, use_existing
from gainbench.stack.processes import cores
from gainbench.stack.processes.ports import FIRST, LAST, free_port
from gainbench.stack.processes.supervisor import Supervisor

# What a change of changes speed or meaning of a figure.
LIBRARIES = (
    "fastapi",
    "starlette",
    "pydantic",
    "sqlalchemy",
    "greenlet",
    *(library for dialect in DIALECTS.values() for library in dialect.libraries),
    "uvicorn",
    "uvloop",
    "httptools",
    "locust",
    "gevent",
    "geventhttpclient",
)
ROUND_TRIPS = 200
WARM_UPS = 20
COMFORTABLE_OPEN_FILES = 4096
CHROMIUM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
UNEQUAL_TLS = (
    "TLS on one side alone makes up gains of 40 % and more: off for every arm, or database.tls = true"
)


@dataclass(frozen=True)
class Check:
    """One line of the doctor's answer. ``ok`` is None where a lack costs comfort, not the measurement."""

    name: str
    ok: bool | None
    value: str
    cure: str | None = None


@dataclass(frozen=True)
class RoundTrip:
    """How long one statement that does nothing takes, from here to the database and back."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    count: int


def checks() -> list[Check]:
    """Look at everything a run needs. Starts private databases for a moment."""
    return [
        Check("Python", True, f"{sys.version.split()[0]} ({sys.executable})"),
        *(check for dialect in DIALECTS.values() for check in _private_database(dialect)),
        _cores(),
        _open_files(),
        _ports(),
        _chromium(),
        _tracing(),
    ]


def libraries(names: Iterable[str] = LIBRARIES) -> list[Check]:
    return [_library(name) for name in names]


def database_checks(url: str) -> list[Check]:
    """Whether a database named by URL can be used, and how it talks."""
    endpoint = endpoint_from(url)
    try:
        with Supervisor.start() as supervisor:
            server = use_existing(supervisor, url)
            server.stop()
        cipher = sql.tls_cipher(endpoint)
    except EnvironmentLacking as error:
        return [Check(f"database {endpoint}", False, error.message, error.cure)]
    return [
        Check(f"database {endpoint}", True, f"{server.flavour} {server.version}, takes schemas of ours"),
        _tls("the database", cipher),
    ]


def round_trip(url: str, count: int = ROUND_TRIPS) -> RoundTrip:
    """Time ``SELECT 1`` on one open connection without TLS, after a few that do not count."""
    with sql.connection(endpoint_from(url)) as opened:
        times_ms = []
        for _ in range(WARM_UPS + count):
            start = time.perf_counter_ns()
            opened.query("SELECT 1")
            times_ms.append((time.perf_counter_ns() - start) / 1e6)
    percentiles = quantiles(times_ms[WARM_UPS:], n=100, method="inclusive")
    return RoundTrip(percentiles[49], percentiles[94], percentiles[98], count)


def _private_database(dialect: Dialect) -> Iterator[Check]:
    """Only the product that plans take unasked has to be there."""
    title, lack = dialect.product.title, False if dialect.product == DEFAULT else None
    try:
        program = dialect.find_program()
        yield Check(f"{title} server", True, f"{program.name} {program.version} ({program.path})")
        with Supervisor.start() as supervisor:
            server = start_private(supervisor, product=dialect.product.name, max_connections=10)
            cipher = server.tls_cipher()
    except GainbenchError as error:
        yield Check(f"private {title}", lack, error.message, error.cure)
        return
    yield Check(f"private {title}", True, "starts")
    yield _tls(title, cipher)


def _tls(server: str, cipher: str) -> Check:
    if not cipher:
        return Check(f"TLS to {server}", True, "off")
    return Check(f"TLS to {server}", None, f"offered ({cipher})", UNEQUAL_TLS)


def _cores() -> Check:
    usable = cores.available()
    if usable is None:
        return Check("cores", None, f"{os.cpu_count()}; processes cannot be tied to them on this system")
    if len(usable) < 2:
        cure = "load generator and server share one core, which blurs every figure: use two or more"
        return Check("cores", None, f"{len(usable)}", cure)
    return Check("cores", True, f"{len(usable)} usable of {os.cpu_count()}")


def _open_files() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Check("open files", True, "no limit")
    enough = hard >= COMFORTABLE_OPEN_FILES
    cure = f"raise it for many users or large pools: ulimit -Hn {COMFORTABLE_OPEN_FILES}"
    return Check("open files", True if enough else None, f"at most {hard}", None if enough else cure)


def _ports() -> Check:
    try:
        free_port()
    except EnvironmentLacking as error:
        return Check("free ports", False, error.message, error.cure)
    return Check("free ports", True, f"there are some between {FIRST} and {LAST}")


def _chromium() -> Check:
    program = chromium()
    cure = None if program else "only the tests of the report and the web UI need it: make test installs it"
    return Check("Chromium", True if program else None, str(program or "not found"), cure)


def chromium() -> Path | None:
    return next((Path(found) for name in CHROMIUM if (found := shutil.which(name))), None)


def _tracing() -> Check:
    program = evidence.py_spy()
    if program is None:
        return Check("py-spy", None, "not installed", "make setup")
    # We are no more an ancestor of py-spy's target here than with an arm, so the same right decides.
    problem = evidence.dump(program, os.getpid()).problem
    if problem is None:
        return Check("py-spy", True, "may read the stacks of servers")
    cure = "without it a hanging server is reported without its stacks: run as root or relax ptrace_scope"
    return Check("py-spy", None, problem, cure)


def _library(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", "make setup")
