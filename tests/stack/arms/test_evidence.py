"""Stacks as evidence: short enough to be read."""

from gainbench.stack.arms.evidence import condensed

DUMP = """\
Process 7: python -m uvicorn app:app
Python v3.11.7

Thread 7 (idle): "MainThread"
    Queue.get (sqlalchemy/util/queue.py:199)
Thread 8 (idle): "AnyIO worker thread"
    Condition.wait (threading.py:327)
    Queue.get (queue.py:171)
Thread 9 (idle): "AnyIO worker thread"
    Condition.wait (threading.py:327)
    Queue.get (queue.py:171)
Thread 10 (active): "AnyIO worker thread"
    commit (pymysql/connections.py:400)"""


def test_threads_that_stand_at_the_same_place_are_told_once() -> None:
    assert (
        condensed(DUMP)
        == """\
Process 7: python -m uvicorn app:app
Python v3.11.7

Thread 7 (idle): "MainThread"
    Queue.get (sqlalchemy/util/queue.py:199)
Thread 8 (idle): "AnyIO worker thread" and 1 more like it
    Condition.wait (threading.py:327)
    Queue.get (queue.py:171)
Thread 10 (active): "AnyIO worker thread"
    commit (pymysql/connections.py:400)"""
    )


def test_what_is_no_dump_stays_as_it_is() -> None:
    assert condensed("no stacks: py-spy is not installed") == "no stacks: py-spy is not installed"
