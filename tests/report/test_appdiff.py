"""How the apps differ, the part that matters first."""

from gainbench.report.appdiff import files

DIFF = """--- sync_app/main.py
+++ async_app/main.py
@@ -1,2 +1,2 @@
 import os
-a = 1
+a = 2
--- sync_app/uploads.py
+++ async_app/uploads.py
@@ -1 +1 @@
-x
-- y
+x
+z
--- sync_app/db.py
+++ async_app/db.py
@@ -1 +1 @@
-def session():
+async def session():
--- sync_app/cruds/todo.py
+++ async_app/cruds/todo.py
@@ -1 +1 @@
-    return session.get(1)
+    return await session.get(1)
"""


def test_statements_come_before_the_session_and_the_rest_by_how_much_differs() -> None:
    assert [one.after for one in files(DIFF)] == [
        "async_app/cruds/todo.py",
        "async_app/db.py",
        "async_app/uploads.py",
        "async_app/main.py",
    ]


def test_each_line_has_its_kind() -> None:
    session = files(DIFF)[1]
    assert session.lines == (
        ("place", "@@ -1 +1 @@"),
        ("removed", "-def session():"),
        ("added", "+async def session():"),
    )


def test_a_removed_line_that_looks_like_a_file_is_none() -> None:
    uploads = files(DIFF)[2]
    assert ("removed", "-- y") in uploads.lines
    assert uploads.changes == 4


def test_no_diff_has_no_files() -> None:
    assert list(files("")) == []
