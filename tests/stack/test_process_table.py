"""Who belongs to whom, told from a process table."""

import os
import sys
from collections.abc import Callable

import pytest

from gainbench.stack.processes import supervisord
from gainbench.stack.processes.supervisord import Entry, family

#   10 - 11 - 12        20 and 21 are orphans of a dead process 19, whose session they are in;
#      \ 13             22, a child of 21, has a session of its own; 30 has nothing to do with any of them.
TABLE = {
    10: Entry(parent=1, group=10, alive=True),
    11: Entry(parent=10, group=10, alive=True),
    12: Entry(parent=11, group=10, alive=True),
    13: Entry(parent=10, group=13, alive=True),
    20: Entry(parent=1, group=19, alive=True),
    21: Entry(parent=1, group=19, alive=True),
    22: Entry(parent=21, group=22, alive=True),
    30: Entry(parent=1, group=30, alive=True),
}


def test_family_is_a_process_with_all_its_descendants() -> None:
    assert family(TABLE, {10}, set()) == {10, 11, 12, 13}
    assert family(TABLE, {11}, set()) == {11, 12}


def test_session_finds_what_a_dead_leader_left_with_its_descendants() -> None:
    assert family(TABLE, {19}, {19}) == {20, 21, 22}


def test_family_of_nobody_is_empty() -> None:
    assert family(TABLE, {99}, {99}) == set()


READERS = [
    pytest.param(
        supervisord._table_from_proc,
        marks=pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
        id="proc",
    ),
    pytest.param(supervisord._table_from_ps, id="ps"),
]


@pytest.mark.parametrize("reader", READERS)
def test_process_table_knows_this_process_and_its_parent(reader: Callable[[], dict[int, Entry]]) -> None:
    own = reader()[os.getpid()]
    assert own.parent == os.getppid()
    assert own.alive
