"""MariaDB and MySQL differ in a handful of flags; the command lines are checked without either."""

from pathlib import Path

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database.dialect import Certificate
from gainbench.stack.database.mysql import program as programs
from gainbench.stack.database.mysql.program import MysqlProgram, recognise

MARIADB_SAYS = "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"
MYSQL_SAYS = "/usr/sbin/mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)"
FOLDER = Path("/tmp/gb-12345678/database")


def program(says: str) -> MysqlProgram:
    return recognise(Path("/usr/sbin/mysqld"), says)


def command(says: str, certificate: Certificate | None = None) -> list[str]:
    return program(says).command(FOLDER, port=23456, max_connections=180, certificate=certificate)


def test_flavour_is_told_by_the_version_line_and_not_by_the_name() -> None:
    assert program(MARIADB_SAYS).name == "mariadb"
    assert program(MARIADB_SAYS).version == "10.11.19"
    assert program(MYSQL_SAYS).name == "mysql"
    assert program(MYSQL_SAYS).version == "8.4.6"


def test_program_that_says_no_version_is_refused_by_its_path() -> None:
    with pytest.raises(EnvironmentLacking, match="/usr/sbin/mysqld --version"):
        program("segmentation fault")


@pytest.mark.parametrize("says", [MARIADB_SAYS, MYSQL_SAYS])
def test_server_listens_on_loopback_alone_and_reads_no_configuration(says: str) -> None:
    line = command(says)
    assert line[:2] == ["/usr/sbin/mysqld", "--no-defaults"]  # --no-defaults counts in first place only
    assert {"--bind-address=127.0.0.1", "--port=23456", "--max-connections=180"} <= set(line)
    assert {f"--datadir={FOLDER}/data", f"--socket={FOLDER}/socket", f"--pid-file={FOLDER}/pid"} <= set(line)


def test_tls_is_off_in_each_flavour_s_own_way() -> None:
    assert "--skip-ssl" in command(MARIADB_SAYS)
    assert "--tls-version=" in command(MYSQL_SAYS)
    assert "--skip-ssl" not in command(MYSQL_SAYS)  # MySQL 8.4 does not know it and would not start


@pytest.mark.parametrize("says", [MARIADB_SAYS, MYSQL_SAYS])
def test_tls_is_on_with_a_certificate(says: str) -> None:
    line = command(says, Certificate(Path("/c.pem"), Path("/k.pem")))
    assert {"--ssl-cert=/c.pem", "--ssl-key=/k.pem"} <= set(line)
    assert not {"--skip-ssl", "--tls-version="} & set(line)


def test_mysql_initialises_itself() -> None:
    mysql = program(MYSQL_SAYS)
    assert mysql.initialise(FOLDER) == [
        "/usr/sbin/mysqld",
        "--no-defaults",
        "--initialize-insecure",
        f"--datadir={FOLDER}/data",
    ]


def test_mariadb_initialises_with_the_installer_beside_the_server(tmp_path: Path) -> None:
    installer = tmp_path / "mariadb-install-db"
    installer.write_text("#!/bin/sh\n")
    installer.chmod(0o755)
    mariadb = recognise(tmp_path / "mariadbd", MARIADB_SAYS)
    assert mariadb.initialise(FOLDER) == [
        str(installer),
        "--no-defaults",
        "--rpm",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        f"--datadir={FOLDER}/data",
        f"--tmpdir={FOLDER}",
    ]


def test_machine_without_a_server_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentLacking, match="no MariaDB or MySQL server program") as caught:
        programs.find_server()
    assert "apt-get install mariadb-server-core" in (caught.value.cure or "")
