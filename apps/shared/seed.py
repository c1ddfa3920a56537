"""``python -m apps.shared.seed --seed 0``: the tables and their first rows, as SQL on standard output.

The same seed gives the same bytes. The tables come from ``models.py``, so script and models cannot differ.
Any client of the product can run it, at once or cut at its semicolons; this module connects to nothing.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, Dialect, Table, TextClause, insert, text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.sql import ClauseElement

from apps.shared.models import Base, Blog, Done, Task

TASKS = 1000
DONES = TASKS // 2
BLOGS = 200
ROWS_PER_INSERT = 250

_DIALECTS: dict[str, Dialect] = {
    "mysql": mysql.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(paramstyle="named"),
}
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


def script(seed: int, product: str = "mysql") -> str:
    """The whole script."""
    dialect = _DIALECTS[product]
    statements = _statements(random.Random(seed), for_postgresql=product == "postgresql")
    return "".join(f"{_sql(statement, dialect)};\n" for statement in statements)


def _statements(dice: random.Random, *, for_postgresql: bool) -> Iterator[ClauseElement]:
    tables = Base.metadata.sorted_tables
    yield from (DropTable(table, if_exists=True) for table in reversed(tables))
    yield from (CreateTable(table) for table in tables)
    yield from _inserts(Base.metadata.tables[Task.__tablename__], _tasks(dice))
    yield from _inserts(Base.metadata.tables[Done.__tablename__], _dones(dice))
    yield from _inserts(Base.metadata.tables[Blog.__tablename__], _blogs(dice))
    if for_postgresql:
        yield from (_ids_go_on(id_) for table in tables if (id_ := table.autoincrement_column) is not None)
        # Else plans would change in the middle of a run, when autovacuum comes to know the tables.
        yield from (text(f"ANALYZE {table.name}") for table in tables)


def _ids_go_on(column: Column[int]) -> TextClause:
    """A sequence knows nothing of the ids that rows have brought along."""
    table = column.table.name
    sequence = f"pg_get_serial_sequence('{table}', '{column.name}')"
    return text(f"SELECT setval({sequence}, MAX({column.name})) FROM {table}")


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


def _inserts(table: Table, rows: Sequence[Row]) -> Iterator[ClauseElement]:
    for start in range(0, len(rows), ROWS_PER_INSERT):
        yield insert(table).values(rows[start : start + ROWS_PER_INSERT])


def _sql(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).strip()


def main() -> None:
    """Write the script."""
    parser = argparse.ArgumentParser(prog="python -m apps.shared.seed", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="another seed, other rows (default: 0)")
    parser.add_argument("--product", choices=_DIALECTS, default="mysql", help="whose SQL (default: mysql)")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(script(arguments.seed, arguments.product))


if __name__ == "__main__":
    main()
