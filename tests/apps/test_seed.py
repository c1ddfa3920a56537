"""The seed script: the same bytes each time, rows as promised, and tables that are the models'."""

import re

import pytest
from sqlalchemy import create_engine, inspect

from apps.shared.models import Base
from gainbench.stack.database.server import DatabaseServer
from tests.apps.servers import Schema, seed_script


@pytest.fixture(scope="module")
def schema(database: DatabaseServer) -> Schema:
    return Schema.seeded(database, "apps_seed")


def test_a_seed_always_gives_the_same_script_and_another_seed_another() -> None:
    first = seed_script.__wrapped__(7)

    assert first == seed_script.__wrapped__(7)
    assert first != seed_script(0)


def test_the_script_can_be_cut_at_its_semicolons() -> None:
    statements = seed_script().split(";\n")

    assert statements.pop() == ""
    assert all(re.match("(DROP TABLE IF EXISTS|CREATE TABLE|INSERT INTO) ", each) for each in statements)


@pytest.mark.database
def test_half_of_a_thousand_tasks_are_done_and_there_are_200_posts(schema: Schema) -> None:
    assert schema.row_counts() == {"tasks": 1000, "dones": 500, "blogs": 200}
    assert schema.query("SELECT MIN(id), MAX(id), COUNT(due_date) FROM tasks") == [(1, 1000, 1000)]


@pytest.mark.database
def test_running_the_script_again_starts_afresh(schema: Schema) -> None:
    schema.execute("DELETE FROM tasks WHERE id > 10; DELETE FROM blogs")

    schema.execute(seed_script())

    assert schema.row_counts() == {"tasks": 1000, "dones": 500, "blogs": 200}


@pytest.mark.database
def test_text_beyond_ascii_survives_the_script(schema: Schema) -> None:
    authors = {row[0] for row in schema.query("SELECT DISTINCT author FROM blogs")}

    assert {"Émile", "Gözde"} <= authors


@pytest.mark.database
def test_the_tables_are_the_models(schema: Schema) -> None:
    engine = create_engine(
        schema.url.replace("mysql://", "mysql+pymysql://"), connect_args={"ssl_disabled": True}
    )
    found = inspect(engine)
    tables = {
        name: [
            (
                column["name"],
                column["type"].python_type,
                getattr(column["type"], "length", None),
                column["nullable"],
            )
            for column in found.get_columns(name)
        ]
        for name in found.get_table_names()
    }
    engine.dispose()

    assert tables == {
        name: [
            (column.name, column.type.python_type, getattr(column.type, "length", None), column.nullable)
            for column in table.columns
        ]
        for name, table in Base.metadata.tables.items()
    }
