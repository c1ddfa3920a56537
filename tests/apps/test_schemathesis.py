"""schemathesis on both apps, over HTTP: no 5xx, and nothing that their OpenAPI documents do not say.

A few examples of each operation are part of the suite; ``SCHEMATHESIS_EXAMPLES=40`` makes it more than a
thousand requests for each app (docs/parity.md).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gainbench.stack.database.server import DatabaseServer
from gainbench.stack.processes.supervisor import Supervisor
from tests.apps.servers import ALL_ARMS, Arm, Schema, plain_environment, running
from tests.parity.service import Notes, serving

pytestmark = pytest.mark.database

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "3"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
APPS = [arm for arm in ALL_ARMS if arm.name in ("sync", "async", "async_asyncpg")]
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_every_answer_is_one_that_the_document_describes(
    request: pytest.FixtureRequest, supervisor: Supervisor, tmp_path: Path, app: Arm
) -> None:
    server: DatabaseServer = request.getfixturevalue("database" if app.product == "mysql" else app.product)
    schema = Schema.seeded(server, f"schemathesis_{app.name}")
    with (
        serving(Notes()) as upstream,
        running(supervisor, app, schema, tmp_path, UPSTREAM_URL=f"{upstream}/notes") as up,
    ):
        found = schemathesis_run(up.url, tmp_path)

    requests, operations = found["test_cases"]["generated"], found["operations"]
    sys.stdout.write(f"{app.name}: {requests} requests of {operations['tested']} operations\n")
    assert found["failures"] == []
    assert found["errors"] == []
    assert operations["tested"] == operations["total"] == 20
    assert requests > 20 * EXAMPLES


def schemathesis_run(url: str, folder: Path) -> Any:
    """What its own report says."""
    report = folder / "report.json"
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none"),
        *("--no-color", "--report", "json", "--report-json-path", report),
    ]
    environment = {
        **plain_environment(),
        "SCHEMATHESIS_HOOKS": HOOKS.stem,
        "PYTHONPATH": str(HOOKS.parent),
    }
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert report.exists(), ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stdout
    return json.loads(report.read_text(encoding="utf-8"))
