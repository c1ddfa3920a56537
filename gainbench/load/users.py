"""A Locust file's users, seated in a lane: gate and recording are put on from outside, by subclassing.

The file's own class stays as it is and knows nothing of this. Its HTTP clients pass the gate before each
request and report to their seat; a client of the user's own making, which only fires Locust's request event,
is counted and parked when it fires.
"""

# mypy: untyped-calls-exclude=locust

from collections.abc import Collection, Mapping
from types import new_class
from typing import Any, ClassVar
from urllib.parse import urlsplit

from locust import TaskSet, User, constant
from locust.clients import HttpSession, absolute_http_url_regexp
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from gainbench.load.cycle import Cycle
from gainbench.load.failure import SentElsewhere, example, failure_name
from gainbench.load.seat import Seat, current_seat
from gainbench.load.stamps import stamped
from gainbench.load.turnstile import NEVER_REPORTED, Lane, Turnstile

# Beyond it, a client of the user's own making reports nonsense.
LONGEST_MS = 3_600_000.0

CYCLE = "gainbench"  # the cycle's key in a request's context
SUCCESS = ""


class RequestEvent(EventHook):
    """Locust's request event. Whoever fires it directly is a client that did not pass the gate."""

    def __init__(self, turnstile: Turnstile) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._turnstile = turnstile

    def fire(self, *, reverse: bool = False, **meta: Any) -> None:
        seat, is_own = self._seat()
        if seat is not None:
            milliseconds = min(max(float(meta.get("response_time") or 0.0), 0.0), LONGEST_MS)
            cycle = seat.report_late(milliseconds / 1000, is_own=is_own)
            _settle(seat, cycle, {**meta, "response_time": milliseconds})
        self.announce(reverse=reverse, **meta)
        if seat is not None:
            if not is_own:
                seat.lane.wait_until_open()
            elif cycle.is_loose:
                seat.pause()
            else:
                seat.park()

    def announce(self, *, reverse: bool = False, **meta: Any) -> None:
        """Tell the listeners alone: the request has been counted."""
        if self._handlers:
            super().fire(reverse=reverse, **meta)  # type: ignore[no-untyped-call]

    def _seat(self) -> tuple[Seat | None, bool]:
        """The firing user's; outside of any user, one of whoever's turn it is, if any."""
        seat = current_seat.get()
        if seat is None and self._turnstile.turn is not None and self._turnstile.turn.seats:
            return self._turnstile.turn.seats[0], False
        return seat, True


class _SeatEvent:
    """What a seated client fires instead: count for the seat, then tell the listeners."""

    def __init__(self, seat: Seat, event: RequestEvent) -> None:
        self._seat = seat
        self._event = event

    def fire(self, **meta: Any) -> None:
        cycle = meta["context"].pop(CYCLE, None)
        if cycle is not None:
            _settle(self._seat, cycle, meta)
            if cycle in self._seat.owed:
                self._seat.owed.remove(cycle)
        self._event.announce(**meta)


def _settle(seat: Seat, cycle: Cycle, meta: Mapping[str, Any]) -> None:
    exception = meta.get("exception")
    if exception is None:
        cycle.failure = SUCCESS
    else:
        cycle.failure = failure_name(exception)
        if seat.lane.lacks_example(cycle.failure):
            seat.lane.examples[cycle.failure] = example(meta)
    cycle.latency_ms = meta["response_time"]
    cycle.request = (meta["request_type"], meta["name"])
    cycle.bytes = meta.get("response_length") or 0
    seat.settle(cycle)


def seat_client(
    client: FastHttpSession | HttpSession,
    seat: Seat,
    event: RequestEvent,
    allowed: Collection[str] = (),
    *,
    is_stamped: bool = False,
) -> None:
    """Put the gate before the client's ``request``, which all its other methods call.

    The cycle travels in the request's context, which Locust hands on to whoever reports the outcome. What
    would go to another server than the arm's, or those that the plan allows, is not sent.
    """
    send = stamped(client.request) if is_stamped else client.request
    hosts = {urlsplit(str(client.base_url)).netloc, *allowed}

    def request(*args: Any, **kwargs: Any) -> Any:
        cycle = seat.enter()
        kwargs["context"] = {**kwargs.get("context", {}), CYCLE: cycle}
        try:
            _require_host(kwargs["url"] if "url" in kwargs else args[1], hosts)
            response = send(*args, **kwargs)
        except BaseException as error:
            seat.leave(cycle)
            # If it ended without firing its event: a bad URL, or the user was killed.
            name = failure_name(error)
            seat.fail(cycle, name)
            if seat.lane.lacks_example(name):
                seat.lane.examples[name] = str(error)
            raise
        seat.leave(cycle)
        if cycle.failure is None:
            seat.owed.append(cycle)
        return response

    client.request = request  # type: ignore[method-assign]
    client.request_event = _SeatEvent(seat, event)


def _require_host(url: Any, hosts: Collection[str]) -> None:
    if isinstance(url, str) and absolute_http_url_regexp.match(url):
        parts = urlsplit(url)
        if parts.netloc not in hosts and parts.hostname not in hosts:
            raise SentElsewhere(url)


def let_rests_stand_still() -> None:
    """Wait times run on the arm's clock, for every task set of this process."""
    TaskSet.wait = _wait  # type: ignore[method-assign]


def close_accounts_after_each_task() -> None:
    """A request with ``catch_response`` that no with-block has judged by then is a failure."""
    TaskSet.execute_next_task = _execute_next_task  # type: ignore[method-assign]


def _execute_next_task(taskset: TaskSet) -> None:
    """What Locust's own does. If the task raises, the listener of ``user_error`` closes the account."""
    taskset.execute_task(taskset._task_queue.popleft())
    seat = seat_of(taskset)
    if seat is not None and seat.owed:
        seat.fail_what_is_owed(NEVER_REPORTED)


def _wait(taskset: TaskSet) -> None:
    """What Locust's own does, with a sleep that stands still while the arm is parked."""
    user = taskset.user
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser()
    user._state = LOCUST_STATE_WAITING
    seat = seat_of(user)
    if seat is None:
        taskset._sleep(taskset.wait_time())
    else:
        # constant_pacing takes off what the task took, but not the time for which its user was parked.
        parked = seat.take_parked_seconds()
        user._cp_last_run += parked
        taskset._cp_last_run += parked
        seat.rest(float(taskset.wait_time()))
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser()
    user._state = LOCUST_STATE_RUNNING


class _ArmsEnvironment:
    """Locust's environment as the users of an arm see it: its host is the arm's."""

    def __init__(self, environment: Any, host: str | None) -> None:
        vars(self).update(_shared=environment, host=host)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._shared, name, value)


class _Seated(User):
    """The mixin that makes a user class an arm's."""

    abstract = True

    gainbench_lane: ClassVar[Lane]
    gainbench_turnstile: ClassVar[Turnstile]
    gainbench_event: ClassVar[RequestEvent]
    gainbench_allowed: ClassVar[Collection[str]]
    gainbench_stamped: ClassVar[bool]

    def __init__(self, environment: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_ArmsEnvironment(environment, self.host), *args, **kwargs)
        self.gainbench_began = False
        self.gainbench_leaving = False
        self.gainbench_seat = self.gainbench_lane.seat()
        for client in list(vars(self).values()):
            if isinstance(client, FastHttpSession | HttpSession):
                seat_client(
                    client,
                    self.gainbench_seat,
                    self.gainbench_event,
                    self.gainbench_allowed,
                    is_stamped=self.gainbench_stamped,
                )

    def on_start(self) -> None:
        """The file's own, when it is the lane's turn; then wait until all other users have done theirs."""
        lane = self.gainbench_lane
        current_seat.set(self.gainbench_seat)
        lane.wait_until_open()
        if self._state == LOCUST_STATE_STOPPING:  # another arm's users failed to start
            raise StopUser()
        self.gainbench_began = True
        try:
            super().on_start()
        except Exception as error:
            lane.failed_start = f"{type(error).__name__}: {error}"
            raise
        lane.started += 1
        self.gainbench_turnstile.started.wait()
        self.gainbench_seat.park()

    def on_stop(self) -> None:
        self.gainbench_leaving = True
        self.gainbench_seat.leave_for_good()
        if self.gainbench_began:
            super().on_stop()  # type: ignore[no-untyped-call]


def seated(
    base: type[User],
    arm: str,
    host: str,
    turnstile: Turnstile,
    event: RequestEvent,
    allowed: Collection[str] = (),
    *,
    is_stamped: bool = False,
) -> type[User]:
    """The user class, as users of this arm, which may send to it and to these hosts."""
    attributes: dict[str, Any] = {
        "host": host,
        "gainbench_lane": turnstile.lanes[arm],
        "gainbench_turnstile": turnstile,
        "gainbench_event": event,
        "gainbench_allowed": allowed,
        "gainbench_stamped": is_stamped,
        "__module__": base.__module__,
    }
    if turnstile.lanes[arm].is_paced:
        attributes["wait_time"] = constant(0)  # the schedule says when; a user that rests is only missing
    return new_class(
        f"{base.__name__}@{arm}", (_Seated, base), exec_body=lambda body: body.update(attributes)
    )


def is_leaving(user: User) -> bool:
    """Locust has told the user to stop, so it will not begin another task."""
    return user._state == LOCUST_STATE_STOPPING or (isinstance(user, _Seated) and user.gainbench_leaving)


def seat_of(user_or_taskset: Any) -> Seat | None:
    """The seat behind what Locust hands to listeners of ``user_error``."""
    user = user_or_taskset.user if isinstance(user_or_taskset, TaskSet) else user_or_taskset
    return user.gainbench_seat if isinstance(user, _Seated) else None
