"""An app is asked what it offers by importing it, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gainbench.draft.apps import PROGRAM, find_apps, read_app
from gainbench.errors import ConfigurationError
from gainbench.stack.processes.supervisor import Supervisor

FASTAPI = """
from fastapi import FastAPI
app = FastAPI()
print("starting")

@app.get("/items/{item_id}")
def item(item_id: int) -> dict: return {}

@app.post("/items")
def create() -> dict: return {}
"""
FLASK = """
from flask import Flask
shop = Flask(__name__)

@shop.get("/items/<int:item_id>")
def item(item_id): return {}
"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.routing import Mount, Route
app = Starlette(routes=[Mount("/api", routes=[Route("/items/{item_id:int}", lambda request: None)])])
"""
PLAIN = """
async def app(scope, receive, send): ...
def old(environ, start_response): ...
"""


def described(folder: Path, target: str) -> dict[str, Any]:
    answer = folder / "answer.json"
    subprocess.run([sys.executable, PROGRAM, target, answer], cwd=folder, check=True, timeout=60)
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


@pytest.mark.parametrize(
    ("source", "target", "kind", "offered"),
    [
        (FASTAPI, "shop:app", "asgi", {"/items/{item_id}", "/items"}),
        (FLASK, "shop:shop", "wsgi", {"/items/<int:item_id>"}),
        (STARLETTE, "shop:app", "asgi", {"/api/items/{item_id:int}"}),
        (PLAIN, "shop:app", "asgi", set()),
        (PLAIN, "shop:old", "wsgi", set()),
    ],
)
def test_frameworks_tell_their_kind_and_their_paths(
    tmp_path: Path, source: str, target: str, kind: str, offered: set[str]
) -> None:
    (tmp_path / "shop.py").write_text(source)
    found = described(tmp_path, target)
    paths = found["openapi"]["paths"] if found["openapi"] else {route["path"] for route in found["routes"]}
    assert (found["kind"], set(paths)) == (kind, offered)
    assert "uvicorn" in found["servers"]


def test_an_app_that_does_not_import_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import os\nos.environ['SHOP_DATABASE']\n")
    with (
        Supervisor.start() as supervisor,
        pytest.raises(ConfigurationError, match="KeyError: 'SHOP_DATABASE'"),
    ):
        read_app(supervisor, "shop:app", Path(sys.executable), tmp_path)


def test_a_wsgi_app_gets_the_command_of_a_server_that_its_environment_has(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(FLASK)
    with Supervisor.start() as supervisor:
        told = read_app(supervisor, "shop:shop", None, tmp_path)
    command = told.arm("app").keys["command"]
    assert isinstance(command, list)
    assert command[0] == "{python}"
    assert command[2] in told.servers
    assert any("{port}" in word for word in command)


def test_apps_are_found_where_they_are_made_and_not_in_what_others_wrote(tmp_path: Path) -> None:
    for name, source in {
        "main.py": "from fastapi import FastAPI\napp: FastAPI = FastAPI(title='x')\n",
        "shop/web.py": "import flask\nsite = flask.Flask(__name__)\n",
        "proj/asgi.py": "application = get_asgi_application()\n",
        "proj/wsgi.py": "application = get_wsgi_application()\n",
        "site/wsgi.py": "application = get_wsgi_application()\n",
        ".venv/lib/x.py": "app = FastAPI()\n",
        "tests/test_x.py": "app = FastAPI()\n",
        "notes.py": "# app = FastAPI()\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert find_apps(tmp_path) == [
        "main:app",
        "proj.asgi:application",
        "shop.web:site",
        "site.wsgi:application",
    ]
