"""Locust's side of a workload: one Environment and one LocalRunner for the life of the process.

Spawns each arm's users, lets them log in one arm after the other, and stops them in bounded time. Whose turn
it is and what is counted is the turnstile's business.
"""

# mypy: untyped-calls-exclude=locust

import gc
import logging
import random
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import locust
from locust.contrib.fasthttp import FastHttpUser
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.event import EventHook
from locust.runners import STATE_STOPPED, Runner, WorkerNode
from locust.user.task import filter_tasks_by_tags

from gainbench.errors import ConfigurationError
from gainbench.load.comb import Gauge, carry_out
from gainbench.load.limits import OTHER_FILES, SELECT_LIMIT, users_within
from gainbench.load.locustfile import LocustFile, choose, open_locustfile
from gainbench.load.openloop import PacedLane, Timetable
from gainbench.load.options import read_options
from gainbench.load.protocol import (
    ArmNotReady,
    ArmTarget,
    Comb,
    CombReport,
    TriedOut,
    Workload,
    WorkloadFinished,
)
from gainbench.load.several.orders import ALL, Share
from gainbench.load.tryout import try_arm
from gainbench.load.turnaround import measure_turnaround
from gainbench.load.turnstile import Lane, Turnstile
from gainbench.load.users import (
    RequestEvent,
    close_accounts_after_each_task,
    is_leaving,
    let_rests_stand_still,
    seat_of,
    seated,
)

ON_START_SECONDS = 30.0
STOP_SECONDS = 3.0
KILL_SECONDS = 2.0
POLL_SECONDS = 0.005
LOGGED_TASK_EXCEPTIONS = 20
IGNORED_SHAPE = (
    "the load shape {shape} of the Locust file has no effect: the plan says how many users there are"
)

# Young objects are looked at rarely; what lives when the load begins is frozen and never looked at again.
GC_THRESHOLD = 50_000


class LocustSession:
    """One workload at a time. ``locust_stats`` keeps Locust's own statistics, which its web UI needs."""

    def __init__(
        self,
        *,
        locust_stats: bool = False,
        runner: Callable[[Environment], Runner] = Environment.create_local_runner,
    ) -> None:
        self.turnstile = Turnstile()
        self._gauge = Gauge({})
        measure_turnaround()
        let_rests_stand_still()
        close_accounts_after_each_task()
        # Before any Locust file is imported, so that every one of them finds this event.
        self._request_event = RequestEvent(self.turnstile)
        locust.events.request = self._request_event
        self.environment = Environment(events=locust.events, stop_timeout=STOP_SECONDS)
        self._runner = runner(self.environment)
        if not locust_stats:
            self._request_event._handlers.clear()  # so far only the runner listens, for its rounded totals
        locust.events.user_error.add_listener(self._on_user_error)
        self._files: dict[tuple[object, ...], LocustFile] = {}
        self._ignored: tuple[str, ...] = ()
        self._task_log = _FirstFew(LOGGED_TASK_EXCEPTIONS)
        logging.getLogger("locust.user.task").addFilter(self._task_log)

    def prepare(self, workload: Workload, share: Share = ALL) -> None:
        """Spawn this share of every arm's users, let them log in, and leave them before their first task."""
        if self._runner.user_count:  # the last workload was given up
            self.finish()
        opened = self._open(workload)
        classes = choose(opened.classes, workload.user, workload.locustfile)
        self._ignored = tuple(IGNORED_SHAPE.format(shape=shape) for shape in opened.shapes)
        users = share.count(workload.users)
        refuse_too_many(replace(workload, users=users), classes)
        random.seed(workload.seed + share.number)
        self._task_log.begin()
        self.turnstile.set_up((arm.name for arm in workload.arms), _new_lane(workload, share))
        try:
            self._spawn(workload, classes, share)
            for lane in self.turnstile.lanes.values():
                self.turnstile.turn_to(lane.arm)
                _wait_for_on_start(lane, users)
        except ConfigurationError:
            self.finish()
            raise
        self.turnstile.turn_to(None)
        self.turnstile.started.set()
        self._gauge.close()
        self._gauge = Gauge(workload.watched)
        gc.unfreeze()  # what is left of the last workload
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)

    def try_out(self, workload: Workload) -> TriedOut:
        """Every task of the file once for each arm, before any user is there."""
        opened = self._open(workload)
        classes = choose(opened.classes, workload.user, workload.locustfile)
        self.turnstile.set_up(arm.name for arm in workload.arms)
        self.turnstile.open_all()
        self.environment.events.test_start.fire(environment=self.environment)
        tried = {}
        for arm in workload.arms:
            users = [self._user_class(base, arm, workload) for base in classes]
            tried[arm.name] = try_arm(users, self.environment, self._request_event, _described, workload.seed)
        self.environment.events.test_stop.fire(environment=self.environment)
        self.turnstile.settle_everything()
        return TriedOut(tried, tuple(IGNORED_SHAPE.format(shape=shape) for shape in opened.shapes))

    def run_comb(self, comb: Comb, *, start_at: float | None = None) -> CombReport:
        return carry_out(self.turnstile, comb, self._gauge, start_at=start_at)

    def finish(self) -> WorkloadFinished:
        """Stop the users: their tasks end, ``on_stop`` runs, and what hangs is killed.

        Locust kills a user that waits between two tasks, and the blow may fall after the user has woken up.
        So the gates stay closed until every user has been told: no request is cut off half-way.
        """
        self.turnstile.turn_to(None)
        stopping = gevent.spawn(self._runner.stop)
        _wait(self._all_leaving, KILL_SECONDS)
        self.turnstile.open_all()
        stopping.join(STOP_SECONDS + KILL_SECONDS)
        if self._runner.state != STATE_STOPPED:
            stopping.kill()
            self._runner.user_greenlets.kill(block=True, timeout=KILL_SECONDS)
            self._runner.stop()
        self.turnstile.settle_everything()
        return WorkloadFinished(
            outside=self.turnstile.outside(),
            sent=self.turnstile.sent(),
            task_exceptions=self.turnstile.take_task_exceptions(),
            ignored=self._ignored,
        )

    def _open(self, workload: Workload) -> LocustFile:
        """The file with its options; its ``init`` listeners are told the first time.

        Tags take tasks out of its classes for good, and listeners may keep options: with others it is
        imported anew.
        """
        path = workload.locustfile
        key = (path, workload.args, workload.tags, workload.exclude_tags)
        is_new = key not in self._files
        opened = open_locustfile(path) if is_new else self._files[key]
        self.environment.parsed_options = read_options(path, workload.args, opened.on_options)
        self.environment.tags = list(workload.tags) or None
        self.environment.exclude_tags = list(workload.exclude_tags) or None
        if is_new:
            inits = EventHook()
            inits._handlers = list(opened.on_init)
            inits.fire(environment=self.environment, runner=self._runner, web_ui=None)
            self._files[key] = opened
        return opened

    def _spawn(self, workload: Workload, classes: list[type[locust.User]], share: Share) -> None:
        self.environment.user_classes = []
        for base, users in own(shares(classes, workload.users), share):
            for arm in workload.arms:
                user_class = self._user_class(base, arm, workload)
                user_class.fixed_count = users
                self.environment.user_classes.append(user_class)
        total = share.count(workload.users) * len(workload.arms)
        rate = total if workload.spawn_rate is None else workload.spawn_rate * len(workload.arms)
        self._runner.start(total, spawn_rate=rate)
        spawning = self._runner.spawning_greenlet
        assert spawning is not None  # start() has just made it
        spawning.join()
        if not spawning.successful():
            error = spawning.exception
            raise ConfigurationError(
                f"the users of {workload.locustfile} cannot be created: {type(error).__name__}: {error}"
            )

    def _user_class(self, base: type[locust.User], arm: ArmTarget, workload: Workload) -> type[locust.User]:
        """The file's class as the arm's, with those of its tasks that the tags leave."""
        found = seated(
            base,
            arm.name,
            arm.host,
            self.turnstile,
            self._request_event,
            workload.allowed,
            is_stamped=workload.stamped,
        )
        _require_tasks(found, base, workload)
        return found

    def _all_leaving(self) -> bool:
        return all(is_leaving(greenlet.args[0]) for greenlet in self._runner.user_greenlets if greenlet.args)

    def _on_user_error(self, user_instance: Any, exception: Exception, tb: Any) -> None:
        self.turnstile.task_exceptions[_described(exception, tb)] += 1
        seat = seat_of(user_instance)
        if seat is not None:
            seat.fail_what_is_owed(f"task raised {type(exception).__name__}")


def _require_tasks(user_class: type[locust.User], base: type[locust.User], workload: Workload) -> None:
    """Tags are a mistake where they leave nothing to do."""
    if not (workload.tags or workload.exclude_tags) or not user_class.tasks:
        return
    filter_tasks_by_tags(user_class, set(workload.tags) or None, set(workload.exclude_tags) or None)
    if not user_class.tasks:
        asked = " ".join(
            ("tags", *workload.tags, *(("without", *workload.exclude_tags) if workload.exclude_tags else ()))
        )
        raise ConfigurationError(
            f"{base.__name__} in {workload.locustfile} has no task left: {asked}",
            cure="mark tasks with @tag, or change `tags` and `exclude_tags` of the scenario",
        )


def shares(classes: list[type[locust.User]], users: int) -> list[tuple[type[locust.User], int]]:
    """How many users each class gets, by Locust's own rule (weights and fixed counts)."""
    dispatcher = UsersDispatcher(worker_nodes=[WorkerNode("local")], user_classes=classes)
    dispatcher.new_dispatch(users, spawn_rate=users)
    counts = list(dispatcher)[-1]["local"]
    return [(base, counts[base.__name__]) for base in classes if counts[base.__name__]]


def own(all_users: list[tuple[type[locust.User], int]], share: Share) -> list[tuple[type[locust.User], int]]:
    """The users that are this generator's; over all generators, the mix of classes is that of one."""
    seats = [base for base, users in all_users for _ in range(users)]
    counts = Counter(seats[share.number :: share.of])
    return [(base, counts[base]) for base, _ in all_users if counts[base]]


def refuse_too_many(workload: Workload, classes: list[type[locust.User]]) -> None:
    """Every user holds a connection: raise the soft limit of open files, refuse what still does not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = workload.users * len(workload.arms) + OTHER_FILES
    if soft < needed and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limit, reason = soft, "the open-file limit"
    if any(issubclass(base, FastHttpUser) for base in classes) and limit > SELECT_LIMIT:
        limit, reason = SELECT_LIMIT, "what select() in FastHttpUser's client can watch"
    if needed > limit:
        raise ConfigurationError(
            f"{workload.users} users x {len(workload.arms)} arms + {OTHER_FILES} other files = {needed} "
            f"open files, but {reason} is {limit}",
            cure=f"use at most {users_within(limit, len(workload.arms))} users",
        )


def _new_lane(workload: Workload, share: Share) -> Callable[[str], Lane]:
    """Every arm gets the same sequence of gaps; several generators share the starts."""
    pace = workload.pace
    if pace is None:
        return Lane
    seed = workload.seed + share.number
    return lambda arm: PacedLane(
        arm, Timetable(pace.arrivals, pace.rates_rps[arm], share), random.Random(seed)
    )


def _wait_for_on_start(lane: Lane, users: int) -> None:
    _wait(lambda: lane.failed_start is not None or lane.started == users, ON_START_SECONDS)
    if lane.failed_start is not None:
        raise ConfigurationError(
            f"a user of arm {lane.arm!r} failed in on_start: {lane.failed_start}",
            cure="the load generator's log has the traceback",
        )
    if lane.started < users:
        raise ArmNotReady(
            lane.arm,
            f"only {lane.started} of {users} users of arm {lane.arm!r} got through on_start "
            f"within {ON_START_SECONDS:.0f} s",
            cure="look at the arm's log: does its server answer?",
        )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() >= deadline:
            return False
        gevent.sleep(POLL_SECONDS)
    return True


def _described(exception: Exception, tb: Any) -> str:
    while tb.tb_next is not None:
        tb = tb.tb_next
    place = f"{Path(tb.tb_frame.f_code.co_filename).name}:{tb.tb_lineno}"
    return f"{type(exception).__name__}: {exception} ({place})"


class _FirstFew(logging.Filter):
    """Keeps a task that always raises from filling the disk."""

    def __init__(self, few: int) -> None:
        super().__init__()
        self._few = few
        self._left = few

    def begin(self) -> None:
        self._left = self._few

    def filter(self, record: logging.LogRecord) -> bool:
        self._left -= 1
        return self._left >= 0
