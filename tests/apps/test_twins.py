"""The two apps are one text but for ``async``, ``await`` and a dozen names, ``concurrency.py`` apart."""

import ast
import re
from pathlib import Path

import httpx
import pytest

from tests.apps.servers import ROOT, RunningApp

SYNC, ASYNC = ROOT / "apps" / "sync_app", ROOT / "apps" / "async_app"
WORLDS_OF_THEIR_OWN = Path("concurrency.py")
SUBSTITUTIONS = {
    "sync_app": "async_app",
    "SyncSettings": "AsyncSettings",
    "sqlalchemy.engine": "sqlalchemy.ext.asyncio.engine",
    "sqlalchemy.orm": "sqlalchemy.ext.asyncio.session",
    "Engine": "AsyncEngine",
    "Connection": "AsyncConnection",
    "Session": "AsyncSession",
    "create_engine": "create_async_engine",
    "sessionmaker": "async_sessionmaker",
    "Iterator": "AsyncIterator",
    "Client": "AsyncClient",
}


def files(app: Path) -> set[Path]:
    return {path.relative_to(app) for path in app.rglob("*") if "__pycache__" not in path.parts}


def without_waiting(text: str) -> str:
    return text.replace("async ", "").replace("await ", "")


def substituted(text: str) -> str:
    names = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in SUBSTITUTIONS))
    return names.sub(lambda found: SUBSTITUTIONS[found[0]], text)


def definitions(path: Path) -> list[str]:
    """Everything a module defines, in order, but for names that start with an underscore."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.append(name)
    return [name for name in names if not name.startswith("_")]


def test_the_apps_have_the_same_files() -> None:
    assert files(SYNC) == files(ASYNC)
    assert WORLDS_OF_THEIR_OWN in files(SYNC)


def test_a_dozen_substitutions_are_enough() -> None:
    assert len(SUBSTITUTIONS) <= 12
    used = "".join((SYNC / path).read_text() for path in files(SYNC) if path.suffix == ".py")
    assert [name for name in SUBSTITUTIONS if substituted(name) not in substituted(used)] == []


@pytest.mark.parametrize(
    "path", sorted(path for path in files(SYNC) if path.suffix and path != WORLDS_OF_THEIR_OWN), ids=str
)
def test_no_line_differs_but_in_waiting(path: Path) -> None:
    sync_text = substituted(without_waiting((SYNC / path).read_text()))
    async_text = without_waiting((ASYNC / path).read_text())

    assert sync_text.split("\n") == async_text.split("\n")


def test_where_the_worlds_differ_the_names_and_their_order_do_not() -> None:
    assert definitions(SYNC / WORLDS_OF_THEIR_OWN) == definitions(ASYNC / WORLDS_OF_THEIR_OWN)


@pytest.mark.database
def test_the_openapi_documents_differ_in_their_title_alone(all_arms: dict[str, RunningApp]) -> None:
    documents = {name: httpx.get(f"{app.url}/openapi.json").json() for name, app in all_arms.items()}
    titles = {name: document["info"].pop("title") for name, document in documents.items()}

    assert titles["blocking"] == titles["sync"] != titles["async"]
    assert documents["blocking"] == documents["sync"] == documents["async"]


@pytest.mark.database
def test_every_documented_error_has_the_one_shape(all_arms: dict[str, RunningApp]) -> None:
    document = httpx.get(f"{all_arms['sync'].url}/openapi.json").json()
    shapes = {
        str(answer["content"]["application/json"]["schema"])
        for path in document["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        if status >= "400"
    }

    assert shapes == {"{'$ref': '#/components/schemas/Problem'}"}
