"""Processes that a signal stops are seen, and those that merely sleep are not."""

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from gainbench.run.lookout import PERIOD_SECONDS, Lookout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def sleepers() -> Iterator[list[psutil.Process]]:
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    yield [psutil.Process(process.pid) for process in started]
    for process in started:
        process.kill()
        process.wait()


def test_a_stopped_process_is_seen_for_as_long_as_it_stands(sleepers: list[psutil.Process]) -> None:
    one, other = sleepers
    lookout = Lookout({"one": [one.pid], "other": [other.pid]})
    lookout.begin()
    one.suspend()
    time.sleep(10 * PERIOD_SECONDS)
    one.resume()
    seen = lookout.end()
    assert set(seen) == {"one"}
    assert seen["one"] > 3 * PERIOD_SECONDS
    lookout.begin()
    time.sleep(3 * PERIOD_SECONDS)
    assert lookout.end() == {}
    lookout.close()


def test_a_process_that_has_ended_is_not_seen_as_stopped(sleepers: list[psutil.Process]) -> None:
    one, _ = sleepers
    lookout = Lookout({"one": [one.pid], "nobody": [2**22 + 1]})
    lookout.begin()
    one.kill()
    one.wait()
    time.sleep(3 * PERIOD_SECONDS)
    assert lookout.end() == {}
    lookout.close()
