"""docker-compose.yaml keeps its rules, and each rule can fail."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gainbench.plan.model import Arm
from gainbench.stack.arms.arm import server_command
from tests.compose.by_hand import ROOT
from tools.check_compose import ARMS, cores, objections
from tools.compose_file import DOCKERFILE, FILE, parse, read

Document = dict[str, Any]


def changed(change: Callable[[Document], object]) -> str:
    """The file's text after a change to one place: what YAML shares between services is copied first."""
    document = json.loads(json.dumps(yaml.safe_load((ROOT / FILE).read_text(encoding="utf-8"))))
    change(document["services"])
    return yaml.safe_dump(document, sort_keys=False)


def test_the_file_as_it_is_keeps_every_rule() -> None:
    assert objections(read(ROOT)) == []


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        (lambda s: s["locust-master"].update(ports=["8089:8089"]), "locust-master: port '8089:8089'"),
        (lambda s: s["sync-app"].update(ports=["127.0.0.1:8089:8000"]), "already published by sync-app"),
        (lambda s: s["latency"].update(cap_drop=[]), "latency: keeps capabilities"),
        (lambda s: s["seed"].update(security_opt=[]), "seed: may gain privileges"),
        (lambda s: s["db"].update(read_only=False), "db: may write to its image"),
        (lambda s: s["db"].pop("user"), "db: runs as root"),
        (lambda s: s["latency"].update(user="0:0"), "latency: runs as root"),
        (lambda s: s["locust-worker"].pop("healthcheck"), "locust-worker: has no healthcheck"),
        (lambda s: s["latency"].pop("healthcheck"), "sync-app: waits for the health of latency"),
        (lambda s: s["latency"]["depends_on"].update(sed={"condition": "service_healthy"}), "not there"),
        (lambda s: s["seed"]["depends_on"]["db"].pop("required"), "seed: requires db"),
        (lambda s: s["latency"].update(build="."), "latency: builds 'gainbench', which seed builds already"),
        (lambda s: s["sync-app"].pop("pull_policy"), "sync-app: may pull 'gainbench'"),
        (lambda s: s["latency"]["depends_on"].pop("seed"), "sync-app: does not wait for seed"),
        (lambda s: s["async-app"].update(cpuset="1"), "async-app: has other cores than sync-app"),
        (lambda s: s["locust-worker"].update(cpuset="0-1"), "locust-worker: shares cores with the arms"),
        (lambda s: s["async-app"]["entrypoint"].append("--workers=2"), "async-app: entrypoint differs"),
        (
            lambda s: s["blocking-app"]["environment"].update(POOL_SIZE="15"),
            "blocking-app: POOL_SIZE differs",
        ),
        (lambda s: s["async-app"]["environment"].update(EXTRA="1"), "async-app: EXTRA differs"),
        (
            lambda s: s["async-app"]["environment"].update(
                DATABASE_URL="mysql://a:b@db:3306/gainbench_async"
            ),
            "async-app: DATABASE_URL does not go through the latency proxy",
        ),
        (
            lambda s: s["blocking-app"]["environment"].update(s["sync-app"]["environment"]),
            "DATABASE_URL: two arms have the same schema",
        ),
        (
            lambda s: s["sync-app"]["environment"].update(DATABASE_TLS="on"),
            "sync-app: DATABASE_TLS is not off",
        ),
        (lambda s: s["db"]["command"].remove("--tls-version="), "db: offers TLS"),
        (
            lambda s: s["mariadb"]["command"].append("--innodb-flush-log-at-trx-commit=1"),
            "db, mariadb: only one",
        ),
        (lambda s: s["mariadb"].update(profiles=[]), "mariadb: is not in the profile 'mariadb' alone"),
        (lambda s: s.pop("blocking-app"), "services are missing: blocking-app"),
    ],
)
def test_a_file_that_breaks_a_rule_is_objected_to(
    change: Callable[[Document], object], objection: str
) -> None:
    assert any(objection in found for found in objections(parse(changed(change), {})))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda s: s["db"].update(privileged=True), "services.db.privileged"),
        (lambda s: s["db"].update(healtcheck={}), "services.db.healtcheck"),
        (lambda s: s["seed"].pop("cpuset"), "services.seed.cpuset"),
        (
            lambda s: s["sync-app"]["environment"].update(POOL_SIZE=40),
            "services.sync-app.environment.POOL_SIZE",
        ),
        (lambda s: s["seed"]["depends_on"]["db"].update(condition="started"), "services.seed.depends_on.db"),
    ],
)
def test_an_unknown_key_or_a_wrong_type_is_refused(change: Callable[[Document], object], where: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(where)):
        parse(changed(change), {})


def test_a_variable_needs_a_default() -> None:
    with pytest.raises(ValueError, match="without a default"):
        parse(changed(lambda s: s["latency"]["command"].append("--rtt-ms=$RTT")), {})


def test_variables_of_the_shell_take_the_place_of_their_defaults() -> None:
    file = read(ROOT, {"RTT_MS": "0.4", "POOL_SIZE": "60", "ARM": "sync", "ARM_CORES": "0-1,4"})
    assert "--rtt-ms=0.4" in file.services["latency"].command
    assert {file.services[arm].environment["POOL_SIZE"] for arm in ARMS} == {"60"}
    assert "--host=http://sync-app:8000" in file.services["locust-master"].command
    assert cores(file.services["async-app"]) == {0, 1, 4}


def test_the_arms_servers_have_the_settings_of_the_harness() -> None:
    service = read(ROOT).services["async-app"]
    harness = server_command(Arm(name="async", app=service.command[0]), port=8000, workers=1)
    assert flags(harness) | {"host": "0.0.0.0"} == flags(service.entrypoint)
    assert (harness[1:3], harness[3]) == (service.entrypoint[1:3], service.command[0])


def flags(words: list[str]) -> dict[str, str]:
    """``--a b``, ``--a=b`` and ``--a`` alike."""
    return dict(re.findall(r"--([\w-]+)(?:[ =]([^-\s]\S*))?", " ".join(words)))


def test_the_image_holds_what_the_lock_names_and_no_tools_of_development() -> None:
    text = (ROOT / DOCKERFILE).read_text(encoding="utf-8")
    assert "--require-hashes --only-binary :all: -r requirements.lock" in text
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert sent[0] == "*"
    assert {"!apps", "!gainbench", "!loadtests", "!requirements.lock"} <= set(sent)
    assert "!tests" not in sent
