"""Writes a plan and a Locust file for somebody's servers, and tries them: each request, once for each arm."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from gainbench.draft import sources
from gainbench.draft.apps import read_app
from gainbench.draft.endpoints import Endpoint, from_openapi
from gainbench.draft.sources import DraftedArm
from gainbench.errors import ConfigurationError, EnvironmentLacking
from gainbench.experiments.check import CheckedScenario, check
from gainbench.plan.build import load_plan
from gainbench.stack.processes.supervisor import Supervisor
from gainbench.stack.up import stack_up

ROOT = Endpoint("GET", "/", "/")
OPENAPI = "/openapi.json"
ANSWER_SECONDS = 10.0
PAIR = ("before", "after")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """The servers that somebody has, one or two of a kind, and the files that are to be written."""

    plan: Path
    locustfile: Path
    apps: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    python: Path | None = None

    @property
    def has_locustfile(self) -> bool:
        """Then it is theirs, and stays as it is."""
        return self.locustfile.exists()


def draft(asked: Asked, supervisor: Supervisor, say: Say) -> CheckedScenario:
    """Write both files, and take out of the Locust file what the arms refuse."""
    arms, endpoints, drivers = _arms(asked, supervisor)
    locust = Path(os.path.relpath(asked.locustfile, asked.plan.parent))
    _write(asked.plan, sources.plan(arms, locust, drivers=drivers))
    if asked.has_locustfile:
        say(f"wrote {asked.plan}; {asked.locustfile} is yours and stays as it is")
        return _tried(asked, supervisor, say)
    title = " and ".join((*asked.apps, *asked.commands, *asked.urls))
    endpoints = endpoints or (ROOT,)
    _write(asked.locustfile, sources.locustfile(title, endpoints, {}))
    say(f"wrote {asked.plan} and {asked.locustfile}")
    if not asked.apps:
        endpoints = _published(asked, supervisor) or endpoints
        _write(asked.locustfile, sources.locustfile(title, endpoints, {}))
    if not any(one.reads for one in endpoints):
        raise ConfigurationError(
            f"nothing that {title} offers is read with GET, so that no task could be drafted",
            cure=f"say in {asked.locustfile} what to send, then run: gainbench check --plan {asked.plan}",
        )
    found = _tried(asked, supervisor, say)
    refused = _refused(found)
    if refused:
        _write(asked.locustfile, sources.locustfile(title, endpoints, refused))
        if all(one.request in refused for one in endpoints if one.reads):
            answers = "; ".join(f"{request}: {answer}" for request, answer in refused.items())
            raise ConfigurationError(
                f"every request that was drafted is refused: {answers}",
                cure=f"say in {asked.locustfile} what to send, then run: gainbench check --plan {asked.plan}",
            )
    return found


def _arms(
    asked: Asked, supervisor: Supervisor
) -> tuple[list[DraftedArm], tuple[Endpoint, ...], tuple[str, ...]]:
    """What the plan says of them; what apps say of themselves without being started."""
    if asked.apps:
        told = [read_app(supervisor, app, asked.python, asked.plan.parent.resolve()) for app in asked.apps]
        names = PAIR if len(told) > 1 else ("app",)
        common = [one for one in told[0].endpoints if all(one in other.endpoints for other in told)]
        drivers = tuple(dict.fromkeys(driver for one in told for driver in one.drivers))
        return [one.arm(name) for name, one in zip(names, told, strict=False)], tuple(common), drivers
    if asked.commands:
        keys: list[dict[str, object]] = [{"command": ["sh", "-c", command]} for command in asked.commands]
    else:
        keys = [{"url": url} for url in asked.urls]
    names = PAIR if len(keys) > 1 else ("server",)
    return [DraftedArm(name, one) for name, one in zip(names, keys, strict=False)], (), ()


def _published(asked: Asked, supervisor: Supervisor) -> tuple[Endpoint, ...]:
    """What all running servers say they offer."""
    with (
        stack_up(supervisor, load_plan(asked.plan)) as stack,
        httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client,
    ):
        offered = [_offered(client, arm.url) for arm in stack.arms.values()]
    return tuple(one for one in offered[0] if all(one in other for other in offered))


def _offered(client: httpx.Client, url: str) -> tuple[Endpoint, ...]:
    try:
        document = client.get(f"{url}{OPENAPI}").json()
        return from_openapi(document) if isinstance(document, Mapping) and "paths" in document else ()
    except (httpx.HTTPError, ValueError, KeyError, AttributeError, TypeError):
        return ()  # it publishes none, or one that nobody can read


def _tried(asked: Asked, supervisor: Supervisor, say: Say) -> CheckedScenario:
    (found,) = check(load_plan(asked.plan), supervisor, say)
    return found


def _refused(found: CheckedScenario) -> dict[str, str]:
    """Requests that did not succeed on every arm, with one of the answers."""
    return {one.request: one.failure for arm in found.arms.values() for one in arm.requests if one.failure}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentLacking(
            f"{path} cannot be written: {error.strerror}", cure="name another place"
        ) from None


def require_port(commands: Sequence[str]) -> None:
    """A server that listens where it likes is waited for in vain."""
    for command in commands:
        if "{port}" not in command:
            raise ConfigurationError(
                f"{command}: nothing tells this server where to listen",
                cure="write {port} where its command takes the port, or name a running server with --url",
            )
