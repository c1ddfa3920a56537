"""The seed script: the same bytes each time, rows as promised, and tables that are the models'."""

import re

import pytest
from sqlalchemy import create_engine, inspect

from apps.shared.models import Base
from gainbench.stack.database.server import DatabaseServer
from tests.apps.servers import Schema, seed_script

WITHOUT_TLS = {
    "mysql": ("pymysql", {"ssl_disabled": True}),
    "postgresql": ("psycopg", {"sslmode": "disable"}),
}
PRODUCTS = tuple(WITHOUT_TLS)


@pytest.fixture(scope="module", params=PRODUCTS)
def schema(request: pytest.FixtureRequest) -> Schema:
    server: DatabaseServer = request.getfixturevalue(
        "database" if request.param == "mysql" else request.param
    )
    return Schema.seeded(server, "apps_seed")


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_seed_always_gives_the_same_script_and_another_seed_another(product: str) -> None:
    first = seed_script.__wrapped__(7, product)

    assert first == seed_script.__wrapped__(7, product)
    assert first != seed_script(0, product)


def test_the_rows_are_the_same_for_each_product() -> None:
    mysql, postgresql = (
        [line for line in seed_script(product=product).splitlines() if line.startswith("INSERT")]
        for product in PRODUCTS
    )

    assert mysql == postgresql != []


@pytest.mark.parametrize(
    ("product", "kinds"),
    [
        ("mysql", "DROP TABLE IF EXISTS|CREATE TABLE|INSERT INTO"),
        ("postgresql", "DROP TABLE IF EXISTS|CREATE TABLE|INSERT INTO|SELECT setval|ANALYZE"),
    ],
)
def test_the_script_can_be_cut_at_its_semicolons(product: str, kinds: str) -> None:
    statements = seed_script(product=product).split(";\n")

    assert statements.pop() == ""
    assert all(re.match(rf"({kinds})\b", each) for each in statements)


@pytest.mark.database
def test_half_of_a_thousand_tasks_are_done_and_there_are_200_posts(schema: Schema) -> None:
    assert schema.row_counts() == {"tasks": 1000, "dones": 500, "blogs": 200}
    assert schema.query("SELECT MIN(id), MAX(id), COUNT(due_date) FROM tasks") == [(1, 1000, 1000)]


@pytest.mark.database
def test_running_the_script_again_starts_afresh(schema: Schema) -> None:
    schema.execute("DELETE FROM tasks WHERE id > 10; DELETE FROM blogs")

    schema.seed_anew()

    assert schema.row_counts() == {"tasks": 1000, "dones": 500, "blogs": 200}


@pytest.mark.database
def test_new_rows_are_counted_on_from_the_seeded_ones(schema: Schema) -> None:
    schema.seed_anew()

    schema.execute("INSERT INTO tasks (title) VALUES ('new')")

    assert schema.query("SELECT id FROM tasks WHERE title = 'new'") == [(1001,)]
    schema.execute("DELETE FROM tasks WHERE id > 1000")


@pytest.mark.database
def test_text_beyond_ascii_survives_the_script(schema: Schema) -> None:
    authors = {row[0] for row in schema.query("SELECT DISTINCT author FROM blogs")}

    assert {"Émile", "Gözde"} <= authors


@pytest.mark.database
def test_the_tables_are_the_models(schema: Schema) -> None:
    driver, without_tls = WITHOUT_TLS[schema.product]
    engine = create_engine(schema.url.replace("://", f"+{driver}://"), connect_args=without_tls)
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
