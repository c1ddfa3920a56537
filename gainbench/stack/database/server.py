"""The database of a run: a private server of ours, or an existing one named by URL.

Every arm gets a schema and an account of its own. On a server that is not ours only names that start with
``gainbench_`` and a part unique to the run are ever created or dropped. Must not know arms or plans.
"""

import re
import secrets
import sys
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.masking import inheritable
from gainbench.stack.database import private as private_server
from gainbench.stack.database import sql
from gainbench.stack.database.dialect import DatabaseRefused, Dialect
from gainbench.stack.database.dialects import dialect_named, endpoint_from
from gainbench.stack.database.leftovers import (
    JOURNAL_VARIABLE,
    URL_VARIABLE,
    Journal,
    drop_abandoned,
    drop_all,
)
from gainbench.stack.processes.supervisor import Process, Supervisor
from gainbench.state import state_folder

PREFIX = "gainbench_"
LONGEST_SCHEMA = 63  # what every product allows
RETURN_SECONDS = 15.0  # a server that is being restarted is waited for, to leave nothing there
STOP_SECONDS = 4.0  # nothing of a throw-away server needs to reach the disk


@dataclass(frozen=True)
class Account:
    """A schema and who may use it."""

    name: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DatabaseServer:
    administrator: sql.Endpoint
    flavour: str
    version: str
    process: Process | None = None  # of a private server
    prefix: str = PREFIX  # on an existing server with a part unique to the run
    journal: Journal | None = None  # what must be dropped from an existing server

    @property
    def dialect(self) -> Dialect:
        return self.administrator.dialect

    @property
    def host(self) -> str:
        return self.administrator.host

    @property
    def port(self) -> int:
        return self.administrator.port

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def create_schema(self, name: str) -> Account:
        """A new, empty schema; the account's ``name`` is what it is really called on this server."""
        schema = self.prefix + _checked(name).removeprefix(PREFIX)
        user, password = PREFIX + secrets.token_hex(8), secrets.token_hex(16)
        if self.journal is not None:
            self.journal.note(schema, user)
        try:
            self.dialect.create_schema(self.administrator, schema)
        except DatabaseRefused as error:
            if self.journal is not None and error.forbids_accounts:
                self.journal.forget(schema)
            raise
        return self._create_account(schema, user, password)

    def run_script(self, schema: str, script: str) -> None:
        """Several statements, separated by semicolons."""
        sql.run(self.administrator, script, _checked(schema))

    def empty_schema(self, name: str) -> None:
        """As it was when it was created; the account keeps its rights."""
        self.dialect.empty_schema(self.administrator, _checked(name))

    def drop_schema(self, name: str) -> None:
        self.dialect.drop_schema(self.administrator, _checked(name))

    def query(self, statement: str, schema: str | None = None) -> list[tuple[Any, ...]]:
        """Ask as the administrator."""
        return sql.query(self.administrator, statement, schema=schema)

    def statement_counters(self) -> Mapping[str, int]:
        """How often each kind of statement ran since the start of the server, whoever sent it."""
        return self.dialect.statement_counters(self.administrator)

    def open_connections(self, schema: str) -> int:
        return self.dialect.open_connections(self.administrator, schema)

    def tls_cipher(self) -> str:
        """What a client that asks for TLS gets; empty where the server offers none."""
        return sql.tls_cipher(self.administrator)

    def require_connections(self, count: int, arithmetic: str) -> None:
        """Refuse, with the arithmetic, what the server would refuse in the middle of a run."""
        limit = self.dialect.max_connections(self.administrator)
        if count > limit:
            raise EnvironmentLacking(
                f"the arms need {arithmetic} = {count} database connections, and the server takes {limit}",
                cure="raise max_connections of the server, or lower pool, workers or arms",
            )

    def stop(self) -> None:
        """End a private server; drop from an existing one what this run created."""
        if self.process is not None:
            self.process.stop(grace_seconds=STOP_SECONDS)
        if self.journal is not None:
            drop_all(self.administrator, self.journal, patience=RETURN_SECONDS)

    def _create_account(self, schema: str, user: str, password: str) -> Account:
        try:
            self.dialect.create_account(self.administrator, schema, user, password)
        except DatabaseRefused as error:
            if self.process is not None or not error.forbids_accounts:
                raise
            return Account(schema, self.administrator.user, self.administrator.password)
        return Account(schema, user, password)


def start_private(
    supervisor: Supervisor,
    *,
    product: str | None = None,
    cores: Collection[int] | None = None,
    max_connections: int = 1000,
    tls: bool = False,
    log: Path | None = None,
) -> DatabaseServer:
    running = private_server.start(
        supervisor, dialect_named(product), cores=cores, max_connections=max_connections, tls=tls, log=log
    )
    program = running.program
    server = DatabaseServer(running.administrator, program.name, program.version, process=running.process)
    server.require_connections(max_connections, "max_connections")
    return server


def use_existing(supervisor: Supervisor, url: str) -> DatabaseServer:
    """Check that the server can be used, and see to it that this run leaves nothing there."""
    administrator = endpoint_from(url)
    flavour, version = administrator.dialect.recognise(administrator)
    prefix = f"{PREFIX}{secrets.token_hex(4)}_"
    folder = state_folder() or supervisor.folder
    drop_abandoned(administrator, folder)
    journal = Journal.begin(folder, prefix, administrator)
    supervisor.at_exit(
        [sys.executable, "-m", "gainbench.stack.database.leftovers"],
        env=inheritable() | {URL_VARIABLE: administrator.url(), JOURNAL_VARIABLE: str(journal.path)},
    )
    server = DatabaseServer(
        administrator,
        flavour,
        version,
        prefix=prefix,
        journal=journal,
    )
    _try_out(server)
    return server


def schema_name(arm: str) -> str:
    """A schema name for an arm; different arms get different names, whatever characters they hold."""
    plain = re.sub(r"[^a-z0-9_]", "_", arm.lower())
    room = LONGEST_SCHEMA - len(PREFIX) - len("00000000_")
    if plain == arm and len(arm) <= room:
        return PREFIX + arm
    mark = f"_{zlib.crc32(arm.encode()):08x}"
    return PREFIX + plain[: room - len(mark)] + mark


def _try_out(server: DatabaseServer) -> None:
    """A schema, a table, a row, all gone again: better refused now than in the middle of a run."""
    account = server.create_schema(f"{PREFIX}try")
    server.run_script(account.name, "CREATE TABLE t (id INT); INSERT INTO t VALUES (1)")
    server.empty_schema(account.name)
    server.drop_schema(account.name)


def _checked(schema: str) -> str:
    """The names stand in statements unquoted by the driver, and nothing but ours may be touched."""
    if not re.fullmatch(PREFIX + r"[A-Za-z0-9_]+", schema) or len(schema) > LONGEST_SCHEMA:
        raise ConfigurationError(
            f"{schema!r} is no schema name of gainbench",
            cure=f"it starts with {PREFIX!r}, holds letters, digits and _, and has at most {LONGEST_SCHEMA}",
        )
    return schema
