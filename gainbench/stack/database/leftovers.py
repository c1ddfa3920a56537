"""What a run created on a database server that is not ours, and its removal.

Also a program: the supervisor runs it as its last command, after ``kill -9`` of gainbench too. The
credentials come in the environment, where other users cannot read them.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gainbench.errors import EnvironmentLacking, GainbenchError
from gainbench.stack.database import sql

URL_VARIABLE = "GAINBENCH_LEFTOVERS_URL"
JOURNAL_VARIABLE = "GAINBENCH_LEFTOVERS_JOURNAL"


@dataclass(frozen=True)
class Journal:
    """A file of names, each written before the thing itself is created."""

    path: Path

    def note(self, schema: str, user: str) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps([schema, user]) + "\n")

    def forget(self, schema: str) -> None:
        """What could not be created after all."""
        left = [entry for entry in self.entries() if entry[0] != schema]
        self.path.write_text("".join(json.dumps(entry) + "\n" for entry in left))

    def entries(self) -> list[tuple[str, str]]:
        if not self.path.exists():
            return []
        return [(schema, user) for schema, user in map(json.loads, self.path.read_text().splitlines())]


def drop_all(administrator: sql.Endpoint, journal: Journal) -> None:
    """Drop everything the journal names, and stay calm about what is not there (any more)."""
    for schema, user in journal.entries():
        sql.run(administrator, f"DROP DATABASE IF EXISTS `{schema}`")
        try:
            sql.run(administrator, f"DROP USER IF EXISTS '{user}'@'%'")
        except EnvironmentLacking as error:
            if not sql.forbids_accounts(error):  # who may not drop it could not create it either
                raise
    journal.path.unlink(missing_ok=True)


def main() -> int:
    try:
        drop_all(sql.Endpoint.from_url(os.environ[URL_VARIABLE]), Journal(Path(os.environ[JOURNAL_VARIABLE])))
    except GainbenchError as error:
        print(f"gainbench: could not clean up: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
