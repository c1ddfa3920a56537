"""Somebody's app, asked by its own interpreter what it offers; and the apps that a folder seems to hold."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gainbench.draft.endpoints import Endpoint, from_openapi, from_routes, ready_path
from gainbench.draft.sources import DraftedArm
from gainbench.errors import ConfigurationError
from gainbench.masking import inheritable
from gainbench.products import PRODUCTS
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.processes.text import how_ended, tail

DRIVERS = (*(driver for product in PRODUCTS.values() for driver in product.drivers), "sqlite3", "aiosqlite")
PROGRAM = Path(__file__).with_name("routes_program.py")
IMPORT_SECONDS = 60.0
THREADS = 40  # of a WSGI server, as many as FastAPI has for blocking handlers
OWN_PYTHONS = (".venv/bin/python", "venv/bin/python", "env/bin/python")
NOT_LOOKED_INTO = frozenset(
    {"node_modules", "site-packages", "tests", "test", "venv", "env", "build", "dist"}
)
_MADE = re.compile(
    r"^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?(FastAPI|Starlette|Litestar|Flask|Quart)\(", re.MULTILINE
)
_DJANGO = re.compile(r"^(\w+)\s*=\s*get_(?:asgi|wsgi)_application\(", re.MULTILINE)


@dataclass(frozen=True)
class ToldApp:
    """What an app said of itself when it was imported."""

    target: str
    python: Path | None
    kind: str
    endpoints: tuple[Endpoint, ...]
    ready: str | None
    servers: tuple[str, ...]
    drivers: tuple[str, ...] = field(default=())

    def arm(self, name: str) -> DraftedArm:
        keys: dict[str, object] = (
            {"app": self.target} if self.kind == "asgi" else {"command": self._command()}
        )
        if self.python is not None and self.kind == "asgi":
            keys["python"] = str(self.python)
        return DraftedArm(name, keys | ({} if self.ready is None else {"ready": self.ready}))

    def _command(self) -> list[str]:
        """A WSGI app's server: the best of those that its environment has."""
        python = str(self.python) if self.python is not None else "{python}"
        if "gunicorn" in self.servers:
            options = ["--bind", "127.0.0.1:{port}", "--workers", "{workers}", "--threads", str(THREADS)]
            return [python, "-m", "gunicorn", *options, "--keep-alive", "75", self.target]
        if "waitress" in self.servers:
            return [
                python,
                "-m",
                "waitress",
                "--listen=127.0.0.1:{port}",
                f"--threads={THREADS}",
                self.target,
            ]
        if "flask" in self.servers:
            return [python, "-m", "flask", "--app", self.target, "run", "--port", "{port}"]
        raise ConfigurationError(
            f"{self.target} is a WSGI app, and its environment has none of gunicorn, waitress and flask",
            cure="install one there, or name your own server: gainbench init --a 'CMD --port {port}' --b ...",
        )


def read_app(supervisor: Supervisor, target: str, python: Path | None, folder: Path) -> ToldApp:
    """Import it as its server would, and nothing more."""
    if not re.fullmatch(r"[\w.]+:[\w.]+", target):
        raise ConfigurationError(f"--app {target}: write MODULE:APP, such as main:app")
    python = python or next((own for name in OWN_PYTHONS if (own := folder / name).exists()), None)
    answer, log = (supervisor.folder / f"{target.replace(':', '-')}.{end}" for end in ("json", "log"))
    interpreter = str(python or sys.executable)
    process = supervisor.spawn(
        [interpreter, str(PROGRAM), target, str(answer), *DRIVERS],
        name=f"the import of {target}",
        log=log,
        cwd=folder,
        env=inheritable(),
    )
    status = process.wait(IMPORT_SECONDS)
    process.stop()
    if status != 0 or not answer.exists():
        end = f"took more than {IMPORT_SECONDS:.0f} s" if status is None else how_ended(status)
        raise ConfigurationError(
            f"{target} cannot be imported in {folder} by {interpreter}: it {end}\n{tail(log)}",
            cure="run this in its own folder, with the variables it needs; --python names its interpreter",
        )
    told: Mapping[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    document, routes = told["openapi"], told["routes"]
    if told["kind"] == "asgi":
        _require_uvicorn(told["servers"], interpreter)
    return ToldApp(
        target=target,
        python=python,
        kind=told["kind"],
        endpoints=from_openapi(document) if document else from_routes(routes),
        ready=ready_path(document or routes),
        servers=tuple(told["servers"]),
        drivers=tuple(told["drivers"]),
    )


def _require_uvicorn(servers: Sequence[str], interpreter: str) -> None:
    lacking = [name for name in ("uvicorn", "uvloop", "httptools") if name not in servers]
    if lacking:
        raise ConfigurationError(
            f"{interpreter} has no {' and no '.join(lacking)}, with which every app is served alike",
            cure=f"{interpreter} -m pip install 'uvicorn[standard]'",
        )


def find_apps(folder: Path) -> list[str]:
    """What looks like an app in the files of this folder and of those right below it."""
    found: dict[str, None] = {}
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/*.py"), *folder.glob("*/*/*.py")]):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part in NOT_LOOKED_INTO or part.startswith(".") for part in parts):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        names = [match[1] for match in _MADE.finditer(text)]
        if not names and (path.name == "asgi.py" or _is_only_wsgi(path)):
            names = [match[1] for match in _DJANGO.finditer(text)]
        found |= dict.fromkeys(f"{module}:{name}" for name in names if module)
    return list(found)


def _is_only_wsgi(path: Path) -> bool:
    """A Django project has both files for one app, as a rule."""
    return path.name == "wsgi.py" and not path.with_name("asgi.py").exists()
