"""What a process tree has used, held against what its processes say about themselves."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from gainbench.run import sampler
from gainbench.run.sampler import Sampler, TreeUse

LINUX = pytest.mark.skipif(not sampler.HAS_PROC, reason="reads /proc")

BURN = """
import os, subprocess, sys, threading, time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def say(*words):
    print(*words, flush=True)

def started(seconds):
    "A process that burns and then waits to be ended; what it says goes to our standard output."
    program = f"import sys, time\\nwhile time.process_time() < {seconds}: pass\\n"
    program += "print(time.process_time(), flush=True)\\nsys.stdin.read()"
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)

def end(process):
    process.stdin.close()
    process.wait()

sys.stdin.readline()
"""


@dataclass(frozen=True)
class Burner:
    """A process that goes one step further for each line it is sent, and answers with one."""

    process: "subprocess.Popen[str]"

    def step(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@dataclass(frozen=True)
class Tree:
    """The burner's tree, as the sampler reads it."""

    sampler: Sampler

    def use(self) -> TreeUse:
        return self.sampler.read().trees["burner"]


@contextmanager
def burner(program: str) -> Iterator[tuple[Burner, Tree]]:
    process = subprocess.Popen(
        [sys.executable, "-c", BURN + program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    reader = Sampler({"burner": process.pid}, arms_cores=None, load_cores=None)
    try:
        yield Burner(process), Tree(reader)
    finally:
        reader.close()
        process.communicate()


@LINUX
def test_threads_that_began_and_ended_between_two_readings_are_counted() -> None:
    program = """
for _ in range(20):
    thread = threading.Thread(target=burn, args=(0.02,))
    thread.start()
    thread.join()
say(time.process_time())
sys.stdin.readline()
"""
    with burner(program) as (child, tree):
        before = tree.use()
        own_seconds = float(child.step())
        used = tree.use()
    assert own_seconds >= 20 * 0.02
    assert used.cpu_seconds == pytest.approx(own_seconds, rel=0.3)
    assert (used - before).cpu_seconds >= 0.7 * 20 * 0.02


@pytest.mark.parametrize("ended", [False, True], ids=["which goes on", "which has ended"])
def test_a_process_started_by_another_thread_than_the_first_is_counted(ended: bool) -> None:
    program = f"""
def work():
    global process
    process = started(0.3)
    if not {ended}:
        process.wait()

threading.Thread(target=work).start()
sys.stdin.readline()
end(process)
"""
    with burner(program) as (child, tree):
        grandchild_seconds = float(child.step())
        assert tree.use().cpu_seconds >= 0.7 * grandchild_seconds
        child.process.communicate("\n")


@pytest.mark.parametrize(
    "has_proc",
    [pytest.param(True, marks=LINUX, id="by /proc"), pytest.param(False, id="by psutil")],
)
def test_what_a_process_had_used_by_its_last_reading_stays_counted(
    has_proc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "HAS_PROC", has_proc)
    program = """
process = started(0.3)
sys.stdin.readline()
end(process)
say("ended")
sys.stdin.readline()
"""
    with burner(program) as (child, tree):
        child.step()
        before = tree.use()
        assert child.step() == "ended"
        after = tree.use()
        again = tree.use()
    assert before.cpu_seconds >= 0.3
    assert after.cpu_seconds >= before.cpu_seconds
    assert again.cpu_seconds == pytest.approx(after.cpu_seconds, abs=0.1)


@LINUX
def test_a_process_is_counted_on_when_its_parent_has_ended() -> None:
    program = """
work = "import sys, time\\nsys.stdin.readline()\\nwhile time.process_time() < 0.3: pass\\n"
work += "print(time.process_time(), flush=True)\\nsys.stdin.readline()"
subprocess.Popen([sys.executable, "-c", work])
say("started")
time.sleep(300)
"""
    with burner(program) as (child, tree):
        assert child.step() == "started"
        tree.use()
        child.process.kill()
        child.process.wait()
        orphan_seconds = float(child.step())
        assert tree.use().cpu_seconds >= 0.7 * orphan_seconds


@LINUX
def test_an_ended_process_that_nobody_has_waited_for_is_counted_once() -> None:
    program = """
process = started(0.3)
sys.stdin.readline()
process.stdin.close()
os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
say("not yet waited for")
sys.stdin.readline()
process.wait()
say("waited for")
sys.stdin.readline()
"""
    with burner(program) as (child, tree):
        used = []
        for _ in range(3):
            child.step()
            used.append(tree.use().cpu_seconds)
    assert used == sorted(used)
    assert used[-1] < 2 * 0.3


@LINUX
def test_a_thread_that_sleeps_fifty_times_is_put_on_a_core_as_often() -> None:
    program = """
for _ in range(50):
    time.sleep(0.001)
say("slept")
sys.stdin.readline()
"""
    with burner(program) as (child, tree):
        before = tree.use()
        assert child.step() == "slept"
        used = tree.use() - before
    assert used.switches is not None
    assert used.switches >= 50
    assert used.run_queue_seconds is not None
    assert used.run_queue_seconds >= 0
