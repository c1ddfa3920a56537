"""What a run created on a database server that is not ours, and its removal.

Each name is written down before the thing itself is created, in a folder of the user's that outlives the run.
A run that ends while the server is away says what it leaves there, and the next one on that server removes
it. Also a program: the supervisor runs it as its last command, after ``kill -9`` of gainbench too. The
credentials come in the environment, where other users cannot read them.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gainbench.errors import EnvironmentLacking, GainbenchError
from gainbench.stack.database.dialect import DatabaseRefused
from gainbench.stack.database.dialects import endpoint_from
from gainbench.stack.database.sql import Endpoint

URL_VARIABLE = "GAINBENCH_LEFTOVERS_URL"
JOURNAL_VARIABLE = "GAINBENCH_LEFTOVERS_JOURNAL"
SUFFIX = "to_drop.jsonl"
LAST_PATIENCE_SECONDS = 2.5  # less than the supervisor has for its last commands
POLL_SECONDS = 0.2

_OURS = re.compile(r"gainbench_[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Journal:
    """A file: whose it is and on which server, then a line with the names of a schema and its user."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, prefix: str, server: Endpoint) -> Self:
        journal = cls(folder / f"{prefix}{SUFFIX}")
        header = {"server": _place(server), "owner": [os.getpid(), _start_of(os.getpid())]}
        journal.path.touch(mode=0o600)
        journal.path.write_text(json.dumps(header) + "\n")
        return journal

    def note(self, schema: str, user: str) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps([schema, user]) + "\n")

    def forget(self, schema: str) -> None:
        """What could not be created after all."""
        header, *lines = self._lines()
        left = [line for line in lines if json.loads(line)[0] != schema]
        self.path.write_text("".join(f"{line}\n" for line in (header, *left)))

    def entries(self) -> list[tuple[str, str]]:
        """Schemas and their users; a line that names anything but ours is nobody's."""
        pairs = [json.loads(line) for line in self._lines()[1:]]
        return [(schema, user) for schema, user in pairs if _OURS.fullmatch(schema) and _OURS.fullmatch(user)]

    def is_abandoned_on(self, server: Endpoint) -> bool:
        """Whether it speaks of this server, and whoever wrote it is gone."""
        try:
            header = json.loads(self._lines()[0])
            pid, started = header["owner"]
            return bool(header["server"] == _place(server) and _start_of(pid) != started)
        except (LookupError, TypeError, ValueError):  # cut off before it was whole: nothing was created then
            return False

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


def drop_all(administrator: Endpoint, journal: Journal, *, patience: float) -> None:
    """Drop everything the journal names, and stay calm about what is not there (any more).

    A server that is away is waited for; what it then still holds is named.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            _drop(administrator, journal)
            return
        except DatabaseRefused as error:
            if not error.is_away or time.monotonic() > deadline:
                names = ", ".join(name for entry in journal.entries() for name in entry)
                raise EnvironmentLacking(
                    f"{error.message}\nleft there: {names}",
                    cure="the next run on this server removes them, once it answers",
                ) from error
        time.sleep(POLL_SECONDS)


def drop_abandoned(administrator: Endpoint, folder: Path) -> None:
    """What earlier runs could not remove from this server; whoever may not do it leaves it to others."""
    for journal in _journals(folder):
        if journal.is_abandoned_on(administrator):
            with suppress(EnvironmentLacking):
                drop_all(administrator, journal, patience=0)


def _journals(folder: Path) -> Iterator[Journal]:
    return (Journal(path) for path in sorted(folder.glob(f"*{SUFFIX}")))


def _drop(administrator: Endpoint, journal: Journal) -> None:
    for schema, user in journal.entries():
        administrator.dialect.drop_schema(administrator, schema)
        try:
            administrator.dialect.drop_account(administrator, user)
        except DatabaseRefused as error:
            if not error.forbids_accounts:  # who may not drop it could not create it either
                raise
    journal.path.unlink(missing_ok=True)


def _place(server: Endpoint) -> str:
    return f"{server.host}:{server.port}"


def _start_of(pid: int) -> str | None:
    """When the process began, as its system tells it; None if there is none of that number."""
    try:
        # Behind the name in parentheses, which may hold anything: the 20th word.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "somebody else's"
    return "running"


def main() -> int:
    try:
        administrator = endpoint_from(os.environ[URL_VARIABLE])
        journal = Journal(Path(os.environ[JOURNAL_VARIABLE]))
        drop_all(administrator, journal, patience=LAST_PATIENCE_SECONDS)
    except GainbenchError as error:
        print(f"gainbench: could not clean up: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
