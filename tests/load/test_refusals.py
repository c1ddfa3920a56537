"""What a user of a wrong Locust file is told."""

import dataclasses
import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest

from gainbench.errors import ConfigurationError
from gainbench.load import handle
from gainbench.load.handle import Generator, GeneratorLost
from gainbench.load.protocol import ArmTarget, Workload
from gainbench.stack.processes.supervisor import Supervisor

NOWHERE = (ArmTarget("left", "http://127.0.0.1:9"), ArmTarget("right", "http://127.0.0.1:9"))
IDLE = """
    from locust import FastHttpUser, task

    class Idler(FastHttpUser):
        @task
        def nothing(self):
            pass

    class Reader(Idler):
        pass
"""


def workload(path, *, user=None, users=1, arms=NOWHERE):
    return Workload(path, user, users, arms, seed=1)


@pytest.mark.parametrize(
    ("source", "place", "reason"),
    [
        ("import locust\ndef broken(:\n", ":2: ", "SyntaxError"),
        ("import locust\n\nimport no_such_module\n", ":3: ", "ModuleNotFoundError: No module named"),
        ("import json\njson.loads('{')\n", ":2: ", "JSONDecodeError"),
        ("import sys\nsys.exit('not today')\n", ":2: ", "SystemExit: not today"),
    ],
)
def test_a_file_that_does_not_import_is_refused_with_its_line(source, place, reason, locustfile, generator):
    path = locustfile(source)
    with pytest.raises(ConfigurationError) as refusal:
        generator.prepare(workload(path))
    assert f"{path}{place}" in refusal.value.message
    assert reason in refusal.value.message


def test_a_file_that_would_take_the_place_of_a_module_is_refused(tmp_path, generator):
    path = tmp_path / "io.py"
    path.write_text(IDLE)
    with pytest.raises(
        ConfigurationError, match="would take the place of Python's own module 'io'"
    ) as refusal:
        generator.prepare(workload(path))
    assert refusal.value.cure == "give it another name"


def test_a_file_without_a_user_class_is_refused(locustfile, generator):
    with pytest.raises(ConfigurationError, match="has no user class"):
        generator.prepare(workload(locustfile("from locust import FastHttpUser\n")))


def test_a_missing_file_is_refused(tmp_path, generator):
    with pytest.raises(ConfigurationError, match="no Locust file"):
        generator.prepare(workload(tmp_path / "missing.py"))


def test_an_unknown_user_class_is_refused_with_the_choices(locustfile, generator):
    with pytest.raises(ConfigurationError, match="unknown user class 'Writer'") as refusal:
        generator.prepare(workload(locustfile(IDLE), user="Writer"))
    assert refusal.value.cure == "choose one of: Idler, Reader"


def test_users_that_cannot_be_created_are_refused(locustfile, generator):
    path = locustfile("""
        from locust import FastHttpUser

        class Impossible(FastHttpUser):
            def __init__(self, environment):
                raise ValueError("no configuration")
    """)
    with pytest.raises(ConfigurationError, match="cannot be created: ValueError: no configuration"):
        generator.prepare(workload(path))


def test_an_on_start_that_raises_names_the_arm_and_the_exception(locustfile, generator, servers):
    path = locustfile("""
        from locust import FastHttpUser

        class Fussy(FastHttpUser):
            def on_start(self):
                if self.client.get("/busy").status_code != 200:
                    raise RuntimeError("no login")
    """)
    with pytest.raises(ConfigurationError, match="arm 'left' failed in on_start: RuntimeError: no login"):
        generator.prepare(workload(path, users=2, arms=tuple(server.target for server in servers)))
    assert servers[1].counts() == {}


def test_a_refusal_leaves_the_generator_ready_for_the_next_workload(locustfile, generator):
    path = locustfile(IDLE)
    with pytest.raises(ConfigurationError):
        generator.prepare(workload(path, user="Writer"))
    generator.prepare(workload(path, user="Reader"))
    assert generator.finish_workload().sent == {"left": 0, "right": 0}


def test_more_users_than_open_files_are_refused_with_the_arithmetic(locustfile, own_generator):
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(own_generator.pid, resource.RLIMIT_NOFILE, (200, min(hard, 300)))
    with pytest.raises(ConfigurationError) as refusal:
        own_generator.prepare(workload(locustfile(IDLE), user="Reader", users=150))
    assert refusal.value.message == (
        "150 users x 2 arms + 64 other files = 364 open files, but the open-file limit is 300"
    )
    assert refusal.value.cure == "use at most 118 users"


def test_the_soft_limit_of_open_files_is_raised_when_that_is_enough(locustfile, own_generator):
    resource.prlimit(own_generator.pid, resource.RLIMIT_NOFILE, (80, 300))
    own_generator.prepare(workload(locustfile(IDLE), user="Reader", users=50))
    assert resource.prlimit(own_generator.pid, resource.RLIMIT_NOFILE) == (164, 300)


def test_fast_users_beyond_what_select_can_watch_are_refused(locustfile, generator):
    with pytest.raises(ConfigurationError, match=r"select\(\) in FastHttpUser's client can watch is 1024"):
        generator.prepare(workload(locustfile(IDLE), user="Reader", users=500))


def test_a_generator_that_dies_is_reported_with_its_last_words(locustfile, own_generator):
    path = locustfile("""
        import os
        print("no, thank you", flush=True)
        os._exit(3)
    """)
    with pytest.raises(GeneratorLost, match="has died") as lost:
        own_generator.prepare(workload(path))
    assert "no, thank you" in lost.value.cure


def test_a_generator_that_is_stopped_is_not_waited_for_as_if_it_worked(
    locustfile, own_generator, monkeypatch
):
    monkeypatch.setattr(handle, "STOPPED_SECONDS", 0.2)
    monkeypatch.setattr(handle, "LOOK_SECONDS", 0.1)
    os.kill(own_generator.pid, signal.SIGSTOP)
    with pytest.raises(GeneratorLost, match="has been stopped"):
        own_generator.prepare(workload(locustfile(IDLE)))


ASKING = """
    from locust import FastHttpUser, events, tag, task

    @events.init_command_line_parser.add_listener
    def on_parser(parser):
        parser.add_argument("--token", required=True)

    class Asker(FastHttpUser):
        @task
        @tag("read")
        def nothing(self):
            pass
"""


def scenario(path, **of_the_file):
    return dataclasses.replace(workload(path), **of_the_file)


def test_an_option_that_the_file_asks_for_and_does_not_get_is_named_with_the_cure(locustfile, generator):
    path = locustfile(ASKING)
    with pytest.raises(ConfigurationError, match="required: --token") as refusal:
        generator.prepare(workload(path))
    assert "args = " in refusal.value.cure


def test_one_files_options_are_not_asked_of_another(locustfile, generator):
    with pytest.raises(ConfigurationError, match="required: --token"):
        generator.prepare(workload(locustfile(ASKING)))
    with pytest.raises(ConfigurationError, match="unrecognized arguments: --flavour"):
        generator.prepare(scenario(locustfile(IDLE, "idle.py"), args=("--flavour", "plain")))


@pytest.mark.parametrize("args", [("-u", "50"), ("--host", "http://127.0.0.1:1"), ("--run-time", "10s")])
def test_what_the_plan_says_of_the_load_is_refused_as_an_option(args, locustfile, generator):
    with pytest.raises(ConfigurationError, match="is said by"):
        generator.prepare(scenario(locustfile(IDLE), args=args))


def test_tags_that_leave_no_task_are_refused(locustfile, generator):
    path = locustfile(ASKING)
    with pytest.raises(ConfigurationError, match=r"Asker .* has no task left: tags write"):
        generator.prepare(scenario(path, args=("--token", "x"), tags=("write",)))


def test_the_generator_ends_when_its_connection_closes(tmp_path):
    with Supervisor.start() as supervisor:
        generator = Generator.start(supervisor, log=tmp_path / "log")
        process = psutil.Process(generator.pid)
        generator._control.close()
        process.wait(10)


def test_the_generator_imports_no_heavy_library_and_the_handle_no_locust():
    program = (
        "import sys, importlib; importlib.import_module(sys.argv[1]);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[2:])))"
    )

    def imports(module: str, *watched: str) -> str:
        command = [sys.executable, "-c", program, module, *watched]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    heavy = ("pandas", "matplotlib", "scipy", "numpy")
    assert imports("gainbench.load.generator", "locust", *heavy) == "locust"
    assert imports("gainbench.load.handle", "locust", "gevent") == ""
