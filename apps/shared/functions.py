"""SQL functions that the databases name each in its own way."""

from typing import Any

from sqlalchemy import literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Sleep(FunctionElement[None]):
    """Wait in the database: ``SLEEP`` in MySQL and MariaDB, ``pg_sleep`` in PostgreSQL."""

    name = "sleep"
    inherit_cache = True

    def __init__(self, seconds: float) -> None:
        super().__init__(literal(seconds))


@compiles(Sleep, "mysql")
@compiles(Sleep, "mariadb")
def _in_mysql(element: Sleep, compiler: SQLCompiler, **options: Any) -> str:
    return f"SLEEP({compiler.process(element.clauses, **options)})"


@compiles(Sleep, "postgresql")
def _in_postgresql(element: Sleep, compiler: SQLCompiler, **options: Any) -> str:
    return f"pg_sleep({compiler.process(element.clauses, **options)})"
