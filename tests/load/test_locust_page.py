"""docs/locust-files.md: each row of its table has tests that hold it; those that had none are here."""

from collections.abc import Callable, Mapping
from pathlib import Path

from gainbench.load.protocol import Workload
from tests.load import test_bookkeeping, test_known_delays, test_refusals, test_turns
from tests.load.conftest import comb, started_generator
from tests.run import test_refusals as refused_answers

PAGE = Path(__file__).parents[2] / "docs" / "locust-files.md"


def test_sets_of_tasks_are_done_in_their_order_and_by_their_weights(locustfile, servers, measure):
    path = locustfile("""
        from locust import FastHttpUser, SequentialTaskSet, TaskSet, task

        class InOrder(SequentialTaskSet):
            @task
            def first(self):
                self.client.get("/first")

            @task
            def second(self):
                self.client.get("/second")

        class Seldom(TaskSet):
            @task
            def rare(self):
                self.client.get("/rare")
                self.interrupt()

        class Orderly(FastHttpUser):
            tasks = [InOrder]

        class Weighing(FastHttpUser):
            tasks = {Seldom: 1}

            @task(9)
            def often(self):
                self.client.get("/often")
    """)
    measure(path, users=1, user="Orderly")
    seen = servers[0].counts()
    assert seen["- /first"] - seen["- /second"] in (0, 1)
    assert seen["- /second"] > 0
    measure(path, users=4, user="Weighing")
    seen = servers[0].counts()
    assert seen["- /often"] > 3 * seen["- /rare"] > 0


def test_some_of_the_users_may_be_of_a_fixed_count(locustfile, servers, measure):
    measure(
        locustfile("""
            from locust import FastHttpUser, task

            class One(FastHttpUser):
                fixed_count = 1

                def on_start(self):
                    self.client.get("/one")

                @task
                def nothing(self):
                    self.client.get("/")

            class Others(One):
                fixed_count = 0

                def on_start(self):
                    self.client.get("/other")
        """),
        users=5,
    )
    for server in servers:
        seen = server.counts()
        assert (seen["- /one"], seen["- /other"]) == (1, 4)


def test_the_arm_takes_the_place_of_every_host_that_the_file_names(locustfile, servers, measure):
    """Both in the users' requests and in what the file's own code finds."""
    measured = measure(
        locustfile("""
            from locust import FastHttpUser, task

            class Lost(FastHttpUser):
                host = "http://127.0.0.1:9"

                @task
                def where(self):
                    here = self.environment.host == self.host != "http://127.0.0.1:9"
                    self.client.get("/here" if here else "/elsewhere")
        """)
    )
    assert not measured.failures("left")
    for server in servers:
        seen = server.counts()
        assert seen["- /here"] > 0
        assert seen["- /elsewhere"] == 0


def test_locusts_own_variables_and_configuration_say_nothing_here(locustfile, servers, tmp_path, monkeypatch):
    (tmp_path / "locust.conf").write_text("users = 500\nhost = http://127.0.0.1:9\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCUST_USERS", "500")
    monkeypatch.setenv("LOCUST_EXCLUDE_TAGS", "quiet")
    path = locustfile("""
        from locust import FastHttpUser, tag, task

        class Calm(FastHttpUser):
            @tag("quiet")
            @task
            def where(self):
                options = self.environment.parsed_options
                self.client.get("/calm" if options.num_users is None is options.host else "/told")
    """)
    with started_generator(tmp_path / "generator.log") as generator:
        generator.prepare(Workload(path, None, 3, tuple(server.target for server in servers), seed=1))
        generator.run_comb(comb("left", "right", "right", "left"))
        generator.finish_workload()
    for server in servers:
        assert set(server.counts()) == {"- /calm"}


SESSIONS = test_turns.test_logins_cookies_and_listeners_of_the_file_work_and_stay_with_their_arm
OPTIONS = test_turns.test_options_and_tags_of_the_plan_reach_the_file_and_its_shape_is_said_to_be_ignored
# fmt: off
ROWS: Mapping[str, tuple[Callable[..., None], ...]] = {
    "`HttpUser`, `FastHttpUser`": (
        SESSIONS, test_turns.test_a_parked_arm_receives_nothing_while_the_other_is_loaded,
    ),
    "`User` with a client of its own, which fires `events.request`": (
        test_bookkeeping.test_a_client_of_the_users_own_is_counted_by_the_event_it_fires,
        test_turns.test_a_parked_custom_client_sends_nothing_either,
    ),
    "`@task` with weights, `TaskSet`, `SequentialTaskSet`, `tasks = [...]`": (
        test_sets_of_tasks_are_done_in_their_order_and_by_their_weights,
    ),
    "several user classes, `weight`, `fixed_count`": (
        test_turns.test_without_a_class_name_the_users_are_shared_out_by_the_files_weights,
        test_some_of_the_users_may_be_of_a_fixed_count,
    ),
    "`on_start`, `on_stop`: logins and goodbyes, cookies": (SESSIONS,),
    "`catch_response`, `name=`, `raise_for_status`": (
        test_bookkeeping.test_the_outcome_of_a_with_block_is_decided_when_it_ends,
        test_turns.test_requests_are_also_counted_by_their_names,
    ),
    "`StopUser`": (test_bookkeeping.test_a_dead_user_is_missing_from_that_time,),
    "`events.init`, `test_start`, `request`, `user_error`, `test_stop`": (SESSIONS,),
    "`events.init_command_line_parser`, `environment.parsed_options`": (SESSIONS, OPTIONS),
    "`@tag`": (OPTIONS,),
    "`environment.host`": (
        test_the_arm_takes_the_place_of_every_host_that_the_file_names,
    ),
    "`wait_time` of every kind, `constant_pacing` too": (
        test_known_delays.test_a_wait_time_of_a_second_leaves_two_per_cent_of_gain_and_not_fifty,
        test_known_delays.test_the_pace_of_a_paced_user_is_not_shortened_by_parking,
    ),
    "`gevent.sleep` in a task": (
        test_known_delays.test_a_task_that_sleeps_by_itself_is_noted_and_counted_right,
    ),
    "`host` of the class, `--host`": (
        test_the_arm_takes_the_place_of_every_host_that_the_file_names,
        test_refusals.test_what_the_plan_says_of_the_load_is_refused_as_an_option,
    ),
    "`LoadTestShape`": (OPTIONS,),
    "`locust.conf`, `LOCUST_...` variables": (
        test_locusts_own_variables_and_configuration_say_nothing_here,
    ),
    "`-u`, `-r`, `-t`, `--master` and the like in `args`": (
        test_refusals.test_what_the_plan_says_of_the_load_is_refused_as_an_option,
    ),
    "a required option that `args` does not give": (
        test_refusals.test_an_option_that_the_file_asks_for_and_does_not_get_is_named_with_the_cure,
    ),
    "tags that leave a class without a task": (test_refusals.test_tags_that_leave_no_task_are_refused,),
    "a request to another host": (
        test_bookkeeping.test_a_request_to_another_server_is_not_sent_unless_it_is_allowed,
    ),
    "answers of 4xx, from the first load on": (
        refused_answers.test_answers_a_few_refusals_and_what_load_does_are_no_mistake_of_the_test,
        refused_answers.test_an_arm_that_refuses_is_told_with_a_request_that_it_refused,
    ),
    "a file that does not import": (
        test_refusals.test_a_file_that_does_not_import_is_refused_with_its_line,
    ),
    "a file called like a module of Python's that is in use, `io.py` say": (
        test_refusals.test_a_file_that_would_take_the_place_of_a_module_is_refused,
    ),
}
# fmt: on


def test_every_row_of_the_page_is_held_by_a_test():
    rows = [line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text().splitlines() if "|" in line]
    assert rows[2:] == list(ROWS)
