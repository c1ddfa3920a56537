"""The web UI as a person uses it: real servers, a real database, a real Chromium."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.ports import free_port
from gainbench.store.reading import load_results

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 90_000
pytestmark = [pytest.mark.browser, pytest.mark.database]


@dataclass
class WebUI:
    """A running `gainbench ui`."""

    process: subprocess.Popen[str]
    url: str
    out: Path

    def interrupt(self) -> str:
        """Ctrl-C; what it said until it had ended."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=60)
        return said

    @property
    def run(self) -> Path:
        return (self.out / "latest").resolve()


@pytest.fixture(scope="module")
def web_ui(database: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    with started(tmp_path_factory.mktemp("ui"), database) as web_ui:
        yield web_ui


@contextmanager
def started(out: Path, database: DatabaseServer) -> Iterator[WebUI]:
    """Two arms, a comb a stretch.

    On a server that it did not start, and not pinned, it cannot tell what else runs here from what is ours,
    so that no comb is dropped for a busy machine: what is tried here is the page.
    """
    port = free_port()
    command = [sys.executable, "-m", "gainbench", "ui", "--port", str(port), "--out", str(out)]
    flags = ["--arms", "blocking,async", "--combs", "1", "--no-pin", "--db-url", database.administrator.url()]
    with subprocess.Popen(
        [*command, *flags], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Locust UI: "):
                yield WebUI(process, line.removeprefix("Locust UI: ").strip(), out)
                break
        else:
            pytest.fail(f"the web UI did not start: {''.join(said)}")
        process.kill()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must not complain: errors on its console fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def test_a_sitting_from_the_form_to_the_report(web_ui: WebUI, page: Page) -> None:
    page.goto(f"{web_ui.url}/compare")
    expect(page.locator("#next")).to_contain_text("Press Start: a first figure after one comb")
    assert [button.inner_text() for button in page.get_by_role("button", disabled=True).all()] == [
        "Stop",
        "Store this sitting",
    ]
    expect(page.get_by_text("Users per arm: 1 to 480")).to_be_visible()
    page.goto(web_ui.url)
    expect(page.get_by_text("blocking, async take turns under the users you start here.")).to_be_visible()
    page.get_by_label("Number of users").fill("2")
    page.get_by_label("Ramp up").fill("2")
    page.get_by_label("Host").fill("http://127.0.0.1:9")  # nobody there: the arms' own hosts must survive
    page.get_by_role("button", name="Start").click()
    page.get_by_role("tab", name="Compare").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("no interval yet", timeout=PATIENCE_MS)
    expect(rows.nth(0)).to_contain_text("/s")

    page.goto(f"{web_ui.url}/compare")
    expect(page.locator("#next")).to_contain_text("then there is an interval", timeout=PATIENCE_MS)
    headline = page.locator("#headline")
    expect(headline).to_have_text(re.compile(r"% \(.*to"), timeout=PATIENCE_MS)
    first = width_of_interval(page)
    page.wait_for_function(
        "first => fetch('/compare/state').then(r => r.json()).then(view => {"
        " const last = view.gains.at(-1); return last && last.high - last.low < first })",
        arg=first,
        timeout=PATIENCE_MS,
    )

    page.get_by_label("Round trip added, ms").fill("0.4")
    page.get_by_role("button", name="Set").click()
    expect(page.locator("#condition")).to_contain_text("0.4 ms", timeout=PATIENCE_MS)
    expect(headline).to_contain_text("no interval yet", timeout=PATIENCE_MS)
    expect(page.locator("#rates .change")).to_have_count(1)  # where the other condition began
    expect(page.locator("#rates path.arm")).to_have_count(4)  # of two arms, a line before it and one after

    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#phase")).to_have_text("stopped", timeout=PATIENCE_MS)
    expect(page.locator("#history tr")).to_have_count(2)
    page.get_by_role("button", name="Store this sitting").click()
    expect(page.locator("#stored")).to_be_visible(timeout=PATIENCE_MS)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="open the report").click()
    expect(opened.value.locator("h1").first).to_be_visible()
    with httpx.Client(base_url=web_ui.url, trust_env=False) as client:
        assert client.get("/compare/run/blocks.jsonl").status_code == 200
        for name in (
            "plan.toml",
            "./plan.toml",
            "logs/../plan.toml",
            "%2e/plan.toml",
            "plan%2etoml",
            "logs/",
        ):
            refused = client.get(httpx.URL(web_ui.url + "/compare/run/").raw_path.decode() + name)
            assert refused.status_code in (400, 404), name
            assert "[arms" not in refused.text
        assert client.get("/compare/run/%2e%2e/%2e%2e/%2e%2e/etc/hostname").status_code in (400, 404)
    results = load_results(web_ui.run)
    assert results.kind == "ui"
    assert any("stretch" in note for note in results.notes)
    assert results.run.status != "interrupted"
    assert sum(cell.combs_measured for cell in results.cells) >= 4


def test_editing_the_users_leaves_a_round_trip_that_was_set_elsewhere(web_ui: WebUI, page: Page) -> None:
    page.goto(web_ui.url)
    page.get_by_role("button", name="New").click()
    page.get_by_label("Number of users").fill("2")
    page.get_by_role("button", name="Start").click()
    with httpx.Client(base_url=web_ui.url, trust_env=False) as client:
        wait_for(client, lambda view: view["phase"] == "running")
        client.post("/compare/round-trip", data={"rtt_ms": "0.8"})
        wait_for(client, lambda view: view["condition"].endswith("2 users, 0.8 ms"))
        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Number of users").fill("3")
        page.get_by_role("button", name="Update").click()
        wait_for(client, lambda view: view["condition"].endswith("3 users, 0.8 ms"))
        client.post("/compare/stop")
        wait_for(client, lambda view: view["phase"] == "stopped")


def width_of_interval(page: Page) -> float:
    """How wide the interval is now."""
    view = page.evaluate("fetch('/compare/state').then(response => response.json())")
    last = view["gains"][-1]
    return float(last["high"] - last["low"])


def test_nonsense_is_refused_with_a_reason(web_ui: WebUI) -> None:
    with httpx.Client(base_url=web_ui.url, trust_env=False) as client:
        refused = client.post("/swarm", data={"user_count": "many", "spawn_rate": "1"}).json()
        assert refused["success"] is False
        assert refused["message"] == "user_count = 'many': write a number from 1 to 480"
        for nonsense in ("", "nan", "-1", "1e9", "<script>"):
            answer = client.post("/compare/round-trip", data={"rtt_ms": nonsense})
            assert answer.status_code == 400
            assert "write a number from 0 to 100" in answer.json()["message"]
        assert client.post("/compare/stop").json()["message"] == "no test is running"


def test_pages_from_elsewhere_get_nothing(web_ui: WebUI) -> None:
    port = urlsplit(web_ui.url).port
    with httpx.Client(base_url=web_ui.url, trust_env=False) as client:
        assert client.get("/", headers={"host": f"rebound.example:{port}"}).status_code == 403
        assert client.post("/stop", headers={"origin": "http://elsewhere.example"}).status_code == 403
        ours = client.get("/stats/requests", headers={"origin": web_ui.url})
        assert ours.status_code == 200
        assert not [name for name in ours.headers if name.startswith("access-control-")]


def test_an_arm_alone_has_a_throughput_and_no_gain(web_ui: WebUI, page: Page) -> None:
    page.goto(f"{web_ui.url}/compare")
    page.get_by_label("Mode").select_option("async")
    expect(page.get_by_text("Users per arm: 1 to 960")).to_be_visible()
    page.get_by_label("Users per arm").fill("2")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#subject")).to_have_text("throughput of async, loaded alone", timeout=PATIENCE_MS)
    expect(page.locator("#headline")).to_have_text(re.compile(r"\d/s$"), timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="The gain, as its interval narrows")).to_be_hidden()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#phase")).to_have_text("stopped", timeout=PATIENCE_MS)
    page.get_by_label("Mode").select_option("interleaved")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#subject")).to_contain_text("async over blocking", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#phase")).to_have_text("stopped", timeout=PATIENCE_MS)


def test_the_compare_page_fits_a_phone(web_ui: WebUI, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{web_ui.url}/compare")
    expect(page.get_by_role("heading", name="May it be believed?")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_arm_that_dies_is_named_and_the_rest_goes_on(web_ui: WebUI) -> None:
    with httpx.Client(base_url=web_ui.url, trust_env=False, timeout=30) as client:
        assert client.post("/swarm", data={"user_count": "2", "spawn_rate": "2"}).json()["success"]
        wait_for(client, lambda view: view["phase"] == "running")
        kill("apps.async_app.main:app", web_ui.process.pid)
        wait_for(client, lambda view: any("async" in message for message in view["messages"]))
        combs = client.get("/compare/state").json()["combs"]
        wait_for(client, lambda view: view["combs"] > combs)


def test_a_second_test_is_refused_while_one_runs(web_ui: WebUI) -> None:
    with httpx.Client(base_url=web_ui.url, trust_env=False) as client:
        form = {"user_count": "2", "spawn_rate": "2", "scenario": "write"}
        refused = client.post("/swarm", data=form).json()
        assert refused["success"] is False
        assert "already running" in refused["message"]


def test_ctrl_c_keeps_what_was_measured(web_ui: WebUI) -> None:
    said = web_ui.interrupt()
    assert web_ui.process.returncode == 130
    assert "Traceback" not in said
    results = load_results(web_ui.run)
    assert results.run.status != "interrupted"
    assert (web_ui.run / "report.html").is_file()


def test_a_web_ui_that_dies_ends_the_command_with_its_reason(
    database: DatabaseServer, tmp_path: Path
) -> None:
    with started(tmp_path, database) as web_ui:
        kill("gainbench.ui.server", web_ui.process.pid)
        said, _ = web_ui.process.communicate(timeout=60)
    assert web_ui.process.returncode == 3
    assert "the load generator has died, and the Locust web UI with it" in said
    assert "Traceback" not in said


def test_a_taken_port_is_named_with_the_cure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        command = [sys.executable, "-m", "gainbench", "ui", "--port", str(port), "--out", str(tmp_path)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 4
    assert f"port {port} for the Locust web UI is taken" in ended.stderr
    assert f"--port {port + 1}" in ended.stderr
    assert not list(tmp_path.iterdir())


def wait_for(client: httpx.Client, condition: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition(client.get("/compare/state").json()):
        assert time.monotonic() < deadline, "the sitting never got there"
        time.sleep(0.2)


def kill(program: str, root: int) -> None:
    """End one of its servers from outside."""
    servers = [child for child in psutil.Process(root).children(recursive=True) if program in child.cmdline()]
    assert servers
    for server in servers:
        server.kill()
