"""The drafted files' texts: a Locust file, and a plan. Pure."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from gainbench.draft.endpoints import Endpoint
from gainbench.products import DEFAULT, PRODUCTS

MOST_STUBS = 60


def locustfile(title: str, endpoints: Sequence[Endpoint], refused: Mapping[str, str]) -> str:
    """A task for each endpoint that reads; the others, and those that were refused, as comments."""
    names = _names(endpoints)
    lines = [
        f'"""Load for {_one_line(title)}, drafted by `gainbench init`: fit it to your traffic."""',
        "",
        "from locust import FastHttpUser, task",
        "",
        "",
        "class Visitor(FastHttpUser):",
        "    # Without wait_time each user asks again at once: this measures what the servers can take.",
    ]
    stubs: list[str] = []
    for endpoint in endpoints:
        task = ["@task", f"def {names[endpoint]}(self):", f"    {_call(endpoint)}"]
        if endpoint.reads and endpoint.request not in refused:
            lines += ["", *(f"    {line}" for line in task)]
        elif len(stubs) < MOST_STUBS:
            why = f"answered {refused[endpoint.request]}" if endpoint.request in refused else "writes"
            stubs += ["", f"    # {endpoint.request}: {_one_line(why)}", *(f"    # {line}" for line in task)]
    if stubs:
        lines += ["", "    # Left out until somebody says what to send:", *stubs[1:]]
    return "\n".join(lines) + "\n"


def _call(endpoint: Endpoint) -> str:
    words = [json.dumps(endpoint.target, ensure_ascii=False)]
    if endpoint.method in ("POST", "PUT", "PATCH"):
        words.append("json={}")
    if endpoint.target != endpoint.name:
        words.append(f"name={json.dumps(endpoint.name, ensure_ascii=False)}")
    return f"self.client.{endpoint.method.lower()}({', '.join(words)})"


def _names(endpoints: Sequence[Endpoint]) -> dict[Endpoint, str]:
    found: dict[Endpoint, str] = {}
    for endpoint in endpoints:
        words = re.sub(r"\W+", "_", endpoint.name.replace("{", "by_"), flags=re.ASCII).strip("_") or "root"
        name = f"{endpoint.method.lower()}_{words}".lower()
        while name in found.values() or keyword.iskeyword(name):
            name += "_"
        found[endpoint] = name
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace('"""', "'''").replace("\\", "/")


@dataclass(frozen=True)
class DraftedArm:
    """What the plan says of an arm."""

    name: str
    keys: Mapping[str, object]


def plan(arms: Sequence[DraftedArm], locust: Path, *, drivers: Sequence[str] = ()) -> str:
    return "\n".join(_plan(arms, locust, drivers))


def _plan(arms: Sequence[DraftedArm], locust: Path, drivers: Sequence[str]) -> Iterator[str]:
    yield "# Drafted by `gainbench init`; docs/plan.md explains every key."
    yield ""
    yield "[database]"
    used = f" ({', '.join(drivers)} is used)" if drivers else ""
    yield f'# The arms use the database that they are configured for{used}. With "private" each gets an'
    yield "# empty schema on a throw-away server, behind a proxy that counts and delays round trips. It takes"
    product = next((one for one in PRODUCTS.values() if set(one.drivers) & set(drivers)), DEFAULT)
    url = f"{product.name}+{product.drivers[0]}://" + "{db_user}:{db_password}@{db_host}:{db_port}/{db_name}"
    yield f'# env = {{ DATABASE_URL = "{url}" }}'
    yield '# and setup = ["alembic", "upgrade", "head"].'
    yield 'server = "none"'
    if product != DEFAULT:
        yield f'product = "{product.name}"'
    yield ""
    for arm in arms:
        yield tomli_w.dumps({"arms": {arm.name: dict(arm.keys)}})
    if len(arms) == 1:
        yield "# A second arm is compared with the first: another app, command, url or folder (cwd)."
        yield "# [arms.after]"
        yield ""
    yield tomli_w.dumps({"scenarios": {"load": {"locustfile": str(locust)}}})
    yield "[[cells]]"
    yield 'scenario = "load"'
    yield "users = 8"
    yield ""
