"""What the supervisor promises about one process: how it starts, how it ends, what is said when it can't."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.stack.processes import supervisor as supervisor_module
from gainbench.stack.processes.supervisor import Process, Supervisor, SupervisorLost
from tests.stack.processes.survivors import is_alive, wait_until

# A process that tells about itself.
CONFESSION = """
import json, os, signal
print(json.dumps({
    "ignored": [n.name for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is signal.SIG_IGN],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": [fd for fd in range(3, 200) if os.path.exists(f"/dev/fd/{fd}")],
    "stdin": os.readlink("/dev/fd/0"),
    "session": os.getsid(0) == os.getpid(),
    "uids": os.getresuid(), "groups": os.getgroups(),
    "cores": sorted(os.sched_getaffinity(0)),
    "folder": os.getcwd(), "env": dict(os.environ),
}))
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")


def output_of(process: Process) -> str:
    assert process.wait(10) == 0
    assert process.log is not None
    return process.log.read_text()


def running(process: Process) -> psutil.Process:
    return psutil.Process(process.pid)


@on_linux
def test_child_starts_with_a_clean_slate(supervisor: Supervisor, tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    child = supervisor.spawn(
        [sys.executable, "-I", "-S", "-c", CONFESSION],
        name="confession",
        log=tmp_path / "log",
        env={"ONLY": "this"},
        cwd=tmp_path,
        cores=[core],
    )
    told = json.loads(output_of(child))
    assert told["ignored"] == []
    assert told["blocked"] == 0
    assert told["files"] == []
    assert told["stdin"] == "/dev/null"
    assert told["session"] is True
    assert told["cores"] == [core]
    assert told["folder"] == str(tmp_path)
    assert told["env"]["ONLY"] == "this"
    assert "PATH" not in told["env"]


def test_output_is_appended_to_the_log(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("one", "two"):
        supervisor.spawn(["sh", "-c", f"echo {word}; echo {word}! >&2"], name=word, log=log).wait(10)
    assert log.read_text() == "one\none!\ntwo\ntwo!\n"


def test_return_code_is_none_while_it_runs_and_tells_the_signal_afterwards(supervisor: Supervisor) -> None:
    sleeper = supervisor.spawn(["sleep", "60"], name="sleeper")
    assert sleeper.returncode() is None
    assert sleeper.wait(0) is None
    assert sleeper.stop() == -signal.SIGTERM
    assert supervisor.spawn(["sh", "-c", "exit 7"], name="seven").wait(10) == 7


def test_stop_ends_what_a_killed_leader_left_behind(supervisor: Supervisor) -> None:
    leader = supervisor.spawn(["sh", "-c", "sleep 60 & sleep 60 & wait"], name="leader")
    wait_until(lambda: len(leader.pids()) == 3, "the tree is not complete")
    orphans = [psutil.Process(pid) for pid in leader.pids() if pid != leader.pid]
    running(leader).kill()
    wait_until(lambda: leader.returncode() == -signal.SIGKILL, "the leader lives")
    assert sorted(leader.pids()) == sorted(process.pid for process in orphans)
    leader.stop()
    assert leader.pids() == []
    assert not any(is_alive(process) for process in orphans)


def test_stop_leaves_other_processes_alone(supervisor: Supervisor) -> None:
    first, second = (supervisor.spawn(["sleep", "60"], name=name) for name in ("first", "second"))
    first.stop()
    assert second.returncode() is None
    second.stop()


def test_process_that_ignores_sigterm_is_killed_after_the_grace(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = "trap '' TERM; echo deaf; while :; do sleep 60; done"
    deaf = supervisor.spawn(["sh", "-c", script], name="deaf", log=log)
    wait_until(lambda: log.read_text() == "deaf\n", "the trap is not set")
    assert deaf.stop(grace_seconds=0.1) == -signal.SIGKILL


def test_several_processes_stop_at_once(supervisor: Supervisor) -> None:
    processes = [supervisor.spawn(["sleep", "60"], name="sleeper") for _ in range(3)]
    supervisor.end(processes)
    assert [process.returncode() for process in processes] == [-signal.SIGTERM] * 3


@as_root
@on_linux
def test_user_is_dropped_completely(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.spawn(
        ["id", "-u", "-n"], name="who", log=tmp_path / "log", user="nobody", cwd=Path("/")
    )
    assert output_of(child) == "nobody\n"
    status = supervisor.spawn(
        ["cat", "/proc/self/status"], name="status", log=tmp_path / "status", user="nobody"
    )
    lines = dict(line.split(":", 1) for line in output_of(status).splitlines())
    uid = lines["Uid"].split()[0]
    assert lines["Uid"].split() == [uid] * 4
    assert lines["Groups"].split() == lines["Gid"].split()[:1]


@on_linux
@pytest.mark.parametrize("user", [None, pytest.param("nobody", marks=as_root)])
def test_children_die_with_a_killed_supervisor(user: str | None) -> None:
    supervisor = Supervisor.start()
    child = running(supervisor.spawn(["sleep", "60"], name="sleeper", user=user, cwd=Path("/")))
    psutil.Process(supervisor.pid).kill()
    wait_until(lambda: not is_alive(child), "it outlived its supervisor")
    with pytest.raises(SupervisorLost, match="supervisor process was ended by SIGKILL"):
        supervisor.spawn(["true"], name="late")
    supervisor.stop()
    assert not supervisor.folder.exists()


@pytest.mark.parametrize(
    ("argv", "cwd", "error", "said"),
    [
        (["/no/such/program"], "/", ConfigurationError, "cannot start thing: .*: /no/such/program"),
        (["true"], "/no/such/folder", ConfigurationError, "cannot start thing: .*: /no/such/folder"),
        (["/etc"], "/", ConfigurationError, "cannot start thing: Permission denied: /etc"),
    ],
)
def test_failed_start_names_what_is_missing(
    supervisor: Supervisor, argv: list[str], cwd: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        supervisor.spawn(argv, name="thing", cwd=Path(cwd))


def test_unknown_user_and_impossible_core_are_lacks_of_the_machine(supervisor: Supervisor) -> None:
    with pytest.raises(EnvironmentLacking, match="no user 'nobody-of-that-name'"):
        supervisor.spawn(["true"], name="thing", user="nobody-of-that-name")
    if sys.platform == "linux":
        with pytest.raises(EnvironmentLacking, match="cannot start thing"):
            supervisor.spawn(["true"], name="thing", cores=[100_000])


def test_last_command_runs_after_all_processes_have_ended(tmp_path: Path) -> None:
    log, proof = tmp_path / "log", tmp_path / "proof"
    with Supervisor.start() as supervisor:
        trap = "trap 'echo ended; exit' TERM; echo set; while :; do sleep 0.01; done"
        supervisor.spawn(["sh", "-c", trap], name="server", log=log)
        wait_until(lambda: log.read_text() == "set\n", "the trap is not set")
        supervisor.at_exit(["sh", "-c", 'cat "$LOG" > "$PROOF"'], env={"LOG": str(log), "PROOF": str(proof)})
    assert proof.read_text().endswith("ended\n")


def test_reply_to_a_request_that_was_cut_short_is_passed_over(supervisor: Supervisor) -> None:
    cut_short = {"id": -1, "do": "at_exit", "argv": ["true"], "env": {}}
    supervisor._connection.sendall(json.dumps(cut_short).encode() + b"\n")
    assert supervisor.spawn(["sh", "-c", "exit 3"], name="three").wait(10) == 3


def test_temporary_folder_with_a_long_path_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    with pytest.raises(EnvironmentLacking, match="too long for sockets") as caught:
        Supervisor.start()
    assert "TMPDIR" in (caught.value.cure or "")
    assert list(long.iterdir()) == []


def test_stopping_twice_is_harmless() -> None:
    supervisor = Supervisor.start()
    supervisor.stop()
    supervisor.stop()
    assert not supervisor.folder.exists()


@on_linux
def test_a_supervisor_that_no_longer_answers_is_replaced_in_its_last_duty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking it again fails at once, and what it was to do at the end is done."""
    monkeypatch.setattr(supervisor_module, "ANSWER_SECONDS", 0.3)
    done = tmp_path / "done"
    with Supervisor.start() as own:
        own.at_exit(["touch", str(done)])
        child = psutil.Process(own.spawn(["sleep", "60"], name="sleeper").pid)
        psutil.Process(own.pid).suspend()
        with pytest.raises(SupervisorLost, match=r"has not answered.*everything it had started was ended"):
            own.ask("poll", patience=0.3, pid=child.pid)
        assert not is_alive(child)
        assert done.exists()
        assert not own.folder.exists()
        with pytest.raises(SupervisorLost, match="has not answered"):
            own.spawn(["sleep", "60"], name="another")


def test_a_file_missing_because_the_supervisor_ended_is_told_as_its_end() -> None:
    supervisor = Supervisor.start()
    os.kill(supervisor.pid, signal.SIGTERM)
    wait_until(lambda: not supervisor.folder.exists(), "the folder is there")
    with pytest.raises(SupervisorLost, match="supervisor process"), supervisor:
        (supervisor.folder / "database").stat()
