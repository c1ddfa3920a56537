"""Each service's command from docker-compose.yaml, run by hand, works, and together they are the stack."""

import time
from collections.abc import Iterator

import httpx
import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database import sql
from gainbench.stack.database.mysql.dialect import Mysql
from gainbench.stack.database.mysql.program import find_server
from gainbench.stack.processes.ports import HOST
from gainbench.stack.processes.supervisor import Supervisor
from tests.compose.by_hand import PATIENCE_SECONDS, ROOT, ByHand
from tools.check_compose import ARMS
from tools.compose_file import read

pytestmark = pytest.mark.database

RTT_MS = 20
REQUESTS = 50


@pytest.fixture(scope="module")
def stack(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """Everything that `docker compose up` would start, with the database of this machine."""
    try:
        program = find_server()
    except EnvironmentLacking as error:
        pytest.skip(str(error))
    file = read(ROOT, {"RTT_MS": str(RTT_MS), "ARM": "blocking"})
    running = ByHand(file, program.name, program, supervisor, tmp_path_factory.mktemp("compose"))
    running.up()
    yield running
    running.down()


def test_every_service_of_the_profile_runs_and_is_healthy_by_its_own_check(stack: ByHand) -> None:
    ended = {name for name, process in stack.started.items() if process.returncode() is not None}
    assert ended == {"seed"}
    assert set(stack.started) - ended == {"db", "latency", *ARMS, "locust-master", "locust-worker"}


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_serves_the_seeded_rows(stack: ByHand, arm: str) -> None:
    tasks = httpx.get(f"{stack.url(arm, '8000')}/tasks", trust_env=False).json()
    assert len(tasks) == 1000
    assert sum(task["done"] for task in tasks) == 500


def test_arms_do_not_share_their_rows(stack: ByHand) -> None:
    with httpx.Client(trust_env=False) as client:
        created = client.post(f"{stack.url(ARMS[0], '8000')}/tasks", json={"title": "only here"}).json()
        answers = [client.get(f"{stack.url(arm, '8000')}/tasks/{created['id']}").status_code for arm in ARMS]
        client.delete(f"{stack.url(ARMS[0], '8000')}/tasks/{created['id']}")
    assert answers == [200, 404, 404]


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_reaches_its_database_through_the_delay(stack: ByHand, arm: str) -> None:
    with httpx.Client(base_url=stack.url(arm, "8000"), trust_env=False) as client:
        started = time.monotonic()
        client.get("/tasks/1").raise_for_status()
        assert time.monotonic() - started >= RTT_MS / 1000


def test_the_database_offers_no_tls(stack: ByHand) -> None:
    root = sql.Endpoint(Mysql(), HOST, stack.ports["db", "3306"], "root", "gainbench")
    assert sql.tls_cipher(root) == ""


def test_a_check_fails_where_nothing_answers(stack: ByHand) -> None:
    idle = ByHand(stack.file, stack.profile, stack.program, stack.supervisor, stack.folder)
    watched = [name for name, service in idle.services.items() if service.healthcheck is not None]
    assert [name for name in watched if idle.status_of_check(name) == 0] == []


def test_the_web_ui_loads_the_chosen_arm_with_the_workers_users(stack: ByHand) -> None:
    with httpx.Client(base_url=stack.url("locust-master", "8089"), trust_env=False) as client:
        assert "Locust" in client.get("/").text
        assert client.get("/stats/requests").json()["worker_count"] == 1
        form = {"user_count": 2, "spawn_rate": 2, "user_classes": "ReadOne"}
        started = client.post("/swarm", data=form).json()
        assert started["host"] == stack.url("blocking-app", "8000")
        total = requests_of(client)
        client.post("/stop").raise_for_status()
    assert total["num_failures"] == 0


def requests_of(client: httpx.Client) -> dict[str, int]:
    """The total, once there are some."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        *_, total = client.get("/stats/requests").json()["stats"]
        if total["num_requests"] >= REQUESTS:
            return total
        assert time.monotonic() < deadline, total
        time.sleep(0.1)
