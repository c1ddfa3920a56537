"""Filling schemas that outlive a run."""

import subprocess
import sys

import pytest

from gainbench.errors import ConfigurationError
from gainbench.stack.database import sql
from gainbench.stack.database.fill import script_of
from gainbench.stack.database.server import DatabaseServer

ROWS = "CREATE TABLE t (id INT); INSERT INTO t VALUES (1), (2);"
SCHEMAS = ("gainbench_fill_a", "gainbench_fill_b")


def fill(
    url: str, *schemas: str, command: tuple[str, ...] = ("echo", ROWS)
) -> subprocess.CompletedProcess[str]:
    named = [f"--schema={schema}" for schema in schemas]
    return subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "gainbench.stack.database.fill",
                f"--server={url}",
                "--account=gainbench_fill:secret",
            ),
            *(*named, "--", *command),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.database
def test_every_schema_gets_the_rows_and_filling_again_gives_the_same(database: DatabaseServer) -> None:
    account = database.administrator.as_user("gainbench_fill", "secret")
    for _ in range(2):
        done = fill(database.administrator.url(), *SCHEMAS)
        assert (done.returncode, done.stderr) == (0, "")
        for schema in SCHEMAS:
            sql.run(account, "INSERT INTO t VALUES (3)", schema=schema)
            assert sql.query(account, f"SELECT COUNT(*) FROM {schema}.t") == [(3,)]
    assert sql.query(account, "SHOW DATABASES LIKE 'gainbench%'") == [(schema,) for schema in SCHEMAS]
    for schema in SCHEMAS:
        database.drop_schema(schema)
    sql.run(database.administrator, "DROP USER gainbench_fill@'%'")


@pytest.mark.parametrize("command", [("false",), ("true",), ("sh", "-c", "echo DROP; exit 3")])
def test_a_seed_command_that_fails_or_says_nothing_fills_nothing(command: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="wrote no whole script"):
        script_of(command)


def test_a_schema_that_is_not_ours_is_refused() -> None:
    done = fill("mysql://root:secret@127.0.0.1:1", "mysql")
    assert done.returncode == 2
    assert "gainbench_" in done.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    done = fill("mysql://root:secret@127.0.0.1:1", SCHEMAS[0])
    assert done.returncode == 4
    assert "root@127.0.0.1:1" in done.stderr
    assert "secret" not in done.stderr
