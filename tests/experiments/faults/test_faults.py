"""One fault of each kind, done to a bench with its real database, proxy, generator and servers."""

import threading

import pytest

from gainbench.experiments.faults.faults import try_one
from gainbench.experiments.faults.table import table

pytestmark = pytest.mark.database

FAULTS = {fault.id: fault for fault in table()}


@pytest.mark.parametrize(
    "name",
    [
        "b-pause-0.3-s-window",
        "proxy-pause-1.5-s-window",
        "generator-kill-warm-up",
        "database-kill-window",
        "database-restarted-guard",
        "supervisor-kill-guard",
        "harness-kill-parity",
        "256-open-files-at-most-all-the-time",
    ],
)
def test_nothing_is_wrong_lost_or_left_behind(name: str) -> None:
    tried = try_one(FAULTS[name], threading.Event(), goes_on=False)
    assert tried.wrong == (), tried.said
