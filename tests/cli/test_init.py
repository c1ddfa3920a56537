"""`gainbench init`: from somebody's servers to a plan that can be measured, nothing edited."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gainbench.plan.build import load_plan
from gainbench.stack.processes.ports import free_port
from gainbench.store.reading import load_run
from tests.cli.conftest import Command
from tests.stack.processes.survivors import wait_until

SHOP = """
from collections import Counter
from fastapi import FastAPI, HTTPException, Request

app = FastAPI()
seen = Counter()

@app.middleware("http")
async def count(request: Request, call_next):
    seen[f"{request.method} {request.url.path}"] += 1
    return await call_next(request)

@app.get("/seen")
def told() -> dict: return seen

@app.get("/healthz")
def healthz() -> dict: return {}

@app.get("/items/{item_id}")
def item(item_id: int) -> dict: return {"id": item_id}

@app.get("/orders/{order}")
def order(order: int): raise HTTPException(404)

@app.delete("/items/{item_id}")
def remove(item_id: int) -> None: ...
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def test_an_app_that_is_found_is_drafted_tried_and_measured_with_nothing_edited(
    gainbench: Command, shop: Path
) -> None:
    done = gainbench("init", "--yes", cwd=shop)
    assert done.status == 0, done.stderr
    assert "GET /items/{item_id}  200" in done.stdout
    assert "GET /orders/{order}  HTTP 404" in done.stdout
    assert done.stdout.endswith("now measure it: gainbench bench\n")
    plan = load_plan(shop / "bench.toml")
    assert [(arm.name, arm.app, arm.ready) for arm in plan.arms] == [("app", "shop:app", "/healthz")]
    assert "# GET /orders/{order}: answered HTTP 404" in (shop / "locustfile.py").read_text()
    measured = gainbench("bench", "--profile", "smoke", "--quiet", "--json", "--no-pin", cwd=shop)
    assert measured.status in (0, 3), measured.stderr  # others may have the cores
    run = load_run(shop / measured.stdout.splitlines()[-1])
    assert sum(comb.arms["app"].load.requests for comb in run.combs) > 0
    assert not any(comb.arms["app"].load.failures for comb in run.combs)


def test_two_commands_are_drafted_from_what_they_publish(gainbench: Command, shop: Path) -> None:
    command = f"{sys.executable} -m uvicorn shop:app --port {{port}}"
    done = gainbench("init", "my.toml", "--a", command, "--b", command, cwd=shop)
    assert done.status == 0, done.stderr
    assert load_plan(shop / "my.toml").arm_names == ("before", "after")
    assert 'self.client.get("/items/1", name="/items/{item_id}")' in (shop / "locustfile.py").read_text()
    assert done.stdout.endswith("now measure it: gainbench bench --plan my.toml\n")


@pytest.fixture
def running(shop: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "shop:app", "--port", str(port)]
    with subprocess.Popen(command, cwd=shop, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: is_up(url), "the server does not answer")
            yield url
        finally:
            process.terminate()


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.HTTPError:
        return False


def test_a_running_server_is_asked_for_its_document_and_for_what_is_drafted(
    gainbench: Command, shop: Path, running: str
) -> None:
    before = httpx.get(f"{running}/seen").json()
    done = gainbench("init", "--url", running, cwd=shop)
    assert done.status == 0, done.stderr
    after = httpx.get(f"{running}/seen").json()
    more = {
        asked: count - before.get(asked, 0) for asked, count in after.items() if count > before.get(asked, 0)
    }
    assert more == {"GET /openapi.json": 1, "GET /items/1": 1, "GET /orders/1": 1, "GET /seen": 2}


def test_a_locust_file_of_ones_own_stays_as_it_is(gainbench: Command, shop: Path) -> None:
    mine = (
        "from locust import FastHttpUser, task\n\n"
        "class Mine(FastHttpUser):\n    @task\n    def one(self):\n        self.client.get('/items/7')\n"
    )
    (shop / "mine.py").write_text(mine)
    done = gainbench("init", "--app", "shop:app", "--locustfile", "mine.py", cwd=shop)
    assert done.status == 0, done.stderr
    assert "GET /items/7  200" in done.stdout
    assert (shop / "mine.py").read_text() == mine
    assert not (shop / "locustfile.py").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--yes",), "no app was found here"),
        (("--app", "shop"), "write MODULE:APP"),
        (("--app", "nowhere:app"), "No module named 'nowhere'"),
        (("--a", "serve", "--b", "serve {port}"), "nothing tells this server where to listen"),
        (("--app", "x:app", "--url", "http://127.0.0.1:1"), "one or two servers of one kind"),
        (("--url", "127.0.0.1:8000"), "begins with http:// or https://"),
    ],
)
def test_what_cannot_be_drafted_is_told_with_what_to_write(
    gainbench: Command, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = gainbench("init", *words, cwd=tmp_path)
    assert done.status == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr.replace("Traceback (most recent call last):\n  File", "")


def test_init_says_where_it_may_not_write(gainbench: Command, shop: Path) -> None:
    done = gainbench("init", str(shop / "none" / "my.toml"), "--url", "http://127.0.0.1:1")
    assert done.status == 4
    assert "my.toml cannot be written: No such file or directory" in " ".join(done.stderr.split())


def test_init_never_overwrites_a_plan(gainbench: Command, shop: Path) -> None:
    (shop / "bench.toml").write_text("mine")
    assert gainbench("init", "--yes", cwd=shop).status == 2
    assert (shop / "bench.toml").read_text() == "mine"
