"""``python -m apps.shared.seed --seed 0``: the tables and their first rows, as SQL on standard output.

The same seed gives the same bytes. The tables come from ``models.py``, so script and models cannot differ.
Any MySQL or MariaDB client can run it; this module connects to nothing.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.sql import ClauseElement

from apps.shared.models import Base, Blog, Done, Task

TASKS = 1000
DONES = TASKS // 2
BLOGS = 200
ROWS_PER_INSERT = 250

_DIALECT = mysql.dialect(paramstyle="named")
_FIRST_DAY = date(2027, 1, 1)
_VERBS = ("Fetch", "Mend", "Paint", "Sort", "Water", "Wash", "Order", "Return", "Check", "Write")
_THINGS = ("the laundry", "a bicycle", "the fence", "old letters", "the plants", "the car", "new lamps")
_AUTHORS = ("Ada", "Bela", "Chiara", "Dmitri", "Émile", "Fatima", "Gözde")
_SENTENCES = (
    "A request waits more than it works.",
    "Count the round trips before you count the threads.",
    "A pool that is too small looks like a slow database.",
    "What you did not measure, you do not know.",
    "The longest wait decides when all are done.",
)

Row = dict[str, Any]


def script(seed: int) -> str:
    """The whole script."""
    return "".join(f"{statement};\n" for statement in _statements(random.Random(seed)))


def _statements(dice: random.Random) -> Iterator[str]:
    tables = Base.metadata.sorted_tables
    yield from (_sql(DropTable(table, if_exists=True)) for table in reversed(tables))
    yield from (_sql(CreateTable(table)) for table in tables)
    yield from _inserts(Base.metadata.tables[Task.__tablename__], _tasks(dice))
    yield from _inserts(Base.metadata.tables[Done.__tablename__], _dones(dice))
    yield from _inserts(Base.metadata.tables[Blog.__tablename__], _blogs(dice))


def _tasks(dice: random.Random) -> list[Row]:
    return [
        {
            "id": task_id,
            "title": f"{dice.choice(_VERBS)} {dice.choice(_THINGS)}",
            "due_date": _FIRST_DAY + timedelta(days=dice.randrange(365)),
        }
        for task_id in range(1, TASKS + 1)
    ]


def _dones(dice: random.Random) -> list[Row]:
    return [{"id": task_id} for task_id in sorted(dice.sample(range(1, TASKS + 1), DONES))]


def _blogs(dice: random.Random) -> list[Row]:
    return [
        {
            "id": blog_id,
            "title": f"On {dice.choice(_THINGS)}",
            "author": dice.choice(_AUTHORS),
            "content": " ".join(dice.choices(_SENTENCES, k=6)),
            "image": None,
        }
        for blog_id in range(1, BLOGS + 1)
    ]


def _inserts(table: Table, rows: Sequence[Row]) -> Iterator[str]:
    for start in range(0, len(rows), ROWS_PER_INSERT):
        yield _sql(insert(table).values(rows[start : start + ROWS_PER_INSERT]))


def _sql(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})).strip()


def main() -> None:
    """Write the script."""
    parser = argparse.ArgumentParser(prog="python -m apps.shared.seed", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other rows (default: 0)")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(script(parser.parse_args().seed))


if __name__ == "__main__":
    main()
