"""Every task of a Locust file once, for each arm: what it sends, and what is answered. Nothing is timed."""

# mypy: untyped-calls-exclude=locust

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

import gevent
from locust import TaskSet, User
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, StopUser

from gainbench.load.failure import failure_name
from gainbench.load.protocol import Tried, TriedArm
from gainbench.load.users import RequestEvent

TRY_SECONDS = 30.0  # for all tasks at one arm: the harness waits for little more
MOST_TRIED = 500
MOST_SHAPE = 4000
DEEPEST = 12

Raised = Callable[[str, Exception], None]


def try_arm(
    classes: list[type[User]],
    environment: Environment,
    event: RequestEvent,
    described: Callable[..., str],
    seed: int,
) -> TriedArm:
    """Users of these classes, one after the other; each does each of its tasks once."""
    raised: dict[str, None] = {}
    random.seed(seed)  # the same draws for every arm

    def note(where: str, error: Exception) -> None:
        raised[f"{where}: {described(error, error.__traceback__)}"] = None

    deadline = monotonic() + TRY_SECONDS
    with _listening(event) as seen:
        for user_class in classes:
            name = user_class.__name__.partition("@")[0]
            running = gevent.spawn(_go_through, user_class, environment, name, note)
            running.join(max(deadline - monotonic(), 0.0))
            if not running.ready():
                running.kill()
                raised[f"{name} was not through with its tasks within {TRY_SECONDS:.0f} s of the arm"] = None
    return TriedArm(tuple(seen[:MOST_TRIED]), tuple(raised))


@contextmanager
def _listening(event: RequestEvent) -> Iterator[list[Tried]]:
    seen: list[Tried] = []

    def note(**meta: Any) -> None:
        seen.append(_tried(meta))

    event.add_listener(note)  # type: ignore[no-untyped-call]
    try:
        yield seen
    finally:
        event.remove_listener(note)  # type: ignore[no-untyped-call]


def _go_through(user_class: type[User], environment: Environment, name: str, note: Raised) -> None:
    try:
        user = user_class(environment)
        user.on_start()
    except Exception as error:  # noqa: BLE001 (whatever the file raises is told)
        note(f"{name}.on_start", error)
        return
    for task in dict.fromkeys(user.tasks):
        _once(user, task, name, note)
    try:
        user.on_stop()
    except Exception as error:  # noqa: BLE001
        note(f"{name}.on_stop", error)


def _once(parent: Any, task: Any, name: str, note: Raised) -> None:
    where = f"{name}.{getattr(task, '__name__', task)}"
    try:
        if isinstance(task, type) and issubclass(task, TaskSet):
            inner = task(parent)
            inner.on_start()
            for deeper in dict.fromkeys(inner.tasks):
                _once(inner, deeper, where, note)
            inner.on_stop()
        else:
            task(parent)
    except (InterruptTaskSet, RescheduleTask, StopUser):
        pass  # the file's own ways to leave a task
    except Exception as error:  # noqa: BLE001
        note(where, error)


def _tried(meta: Mapping[str, Any]) -> Tried:
    response, exception = meta.get("response"), meta.get("exception")
    headers = getattr(response, "headers", None) or {}
    kind = str(headers.get("content-type", "")).partition(";")[0].strip()
    body = _body(response)
    return Tried(
        request=f"{meta.get('request_type', '')} {meta.get('name', '')}".strip(),
        status=getattr(response, "status_code", None) or None,
        failure="" if exception is None else failure_name(exception),
        kind=kind,
        size=None if body is None else len(body),
        shape=_shape(body, kind),
    )


def _body(response: Any) -> bytes | None:
    content = getattr(response, "content", None)  # a client of the user's own may have none
    return content if isinstance(content, bytes) else None


def _shape(body: bytes | None, kind: str) -> str:
    """Keys and types of a JSON body; of another nothing."""
    if body is None or "json" not in kind:
        return ""
    try:
        return json.dumps(_skeleton(json.loads(body)), sort_keys=True)[:MOST_SHAPE]
    except (ValueError, RecursionError):
        return "no JSON"


def _skeleton(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {key: _skeleton(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(_skeleton(each, depth + 1), sort_keys=True) for each in value}
        return [json.loads(kind) for kind in sorted(kinds)]
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    return "number" if isinstance(value, int | float) else "text"
