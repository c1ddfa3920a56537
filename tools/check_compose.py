"""``python -m tools.check_compose``: whether docker-compose.yaml is safe to start and fair to every arm.

Runs in ``make check``, without Docker. Each rule is one function that yields what it objects to.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from tools.compose_file import DEFAULTS, DOCKERFILE, ComposeFile, Service, read

ARMS = ("sync-app", "blocking-app", "async-app")
DATABASES = {"db": "mysql", "mariadb": "mariadb"}  # by service: its profile
OUR_IMAGE = "gainbench"
ONE_SHOT = "service_completed_successfully"
# What differs between the arms: which app, where it is published, where its handlers run, whose schema.
ARMS_OWN = {"command", "ports", "environment"}
ARMS_OWN_SETTINGS = {"HANDLERS", "DATABASE_URL"}
# How each server is told to do without TLS, and the one listener that MySQL alone has.
FLAVOURS_OWN_FLAGS = {"--tls-version=", "--mysqlx=OFF", "--skip-ssl"}

Rule = Callable[[ComposeFile], Iterator[str]]


def ports_are_published_on_loopback_only(file: ComposeFile) -> Iterator[str]:
    for name, service in file.services.items():
        for port in service.ports:
            if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port):
                yield f"{name}: port {port!r} is not of the form 127.0.0.1:HOST:CONTAINER"


def published_ports_differ(file: ComposeFile) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, service in file.services.items():
        for port in service.ports:
            address = port.rpartition(":")[0]
            if address in seen:
                yield f"{name}: {address} is already published by {seen[address]}"
            seen[address] = name


def nothing_has_rights_to_spare(file: ComposeFile) -> Iterator[str]:
    for name, service in file.services.items():
        if service.cap_drop != ["ALL"]:
            yield f"{name}: keeps capabilities of root (cap_drop: [ALL])"
        if "no-new-privileges:true" not in service.security_opt:
            yield f"{name}: may gain privileges (security_opt: no-new-privileges:true)"
        if not service.read_only:
            yield f"{name}: may write to its image (read_only: true)"


def nobody_is_root(file: ComposeFile) -> Iterator[str]:
    users = re.findall(r"^USER\s+(\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    for name, service in file.services.items():
        of_image = users[-1] if users and service.image == OUR_IMAGE else None
        user = (service.user or of_image or "root").partition(":")[0]
        if user in ("root", "0"):
            yield f"{name}: runs as root (user:, or USER in the {DOCKERFILE})"


def everything_is_watched_or_ends(file: ComposeFile) -> Iterator[str]:
    ending = {
        needed
        for service in file.services.values()
        for needed, dependency in service.depends_on.items()
        if dependency.condition == ONE_SHOT
    }
    for name, service in file.services.items():
        if service.healthcheck is None and name not in ending:
            yield f"{name}: has no healthcheck, and nobody waits for its end"


def dependencies_can_come_true(file: ComposeFile) -> Iterator[str]:
    for name, service in file.services.items():
        for needed, dependency in service.depends_on.items():
            other = file.services.get(needed)
            if other is None:
                yield f"{name}: depends on {needed}, which is not there"
            elif dependency.condition != ONE_SHOT and other.healthcheck is None:
                yield f"{name}: waits for the health of {needed}, which has no healthcheck"
            elif dependency.required and other.profiles:
                yield f"{name}: requires {needed}, which runs in its profile only (required: false)"


def each_image_is_built_once(file: ComposeFile) -> Iterator[str]:
    """Parallel builds of one tag fail with "already exists", on a machine that does not have it yet."""
    builders: dict[str, str] = {}
    for name, service in file.services.items():
        if service.build is not None:
            if service.image in builders:
                yield f"{name}: builds {service.image!r}, which {builders[service.image]} builds already"
            builders.setdefault(service.image, name)
    for name, service in file.services.items():
        builder = builders.get(service.image, name)
        if name == builder:
            continue
        if service.pull_policy != "never":
            yield f"{name}: may pull {service.image!r}, which {builder} builds (pull_policy: never)"
        if builder not in needed_by(file, name):
            yield f"{name}: does not wait for {builder}, which builds {service.image!r}"


def arms_have_cores_of_their_own(file: ComposeFile) -> Iterator[str]:
    arms = {name: cores(file.services[name]) for name in ARMS}
    for name in ARMS:
        if arms[name] != arms[ARMS[0]]:
            yield f"{name}: has other cores than {ARMS[0]}"
    for name, service in file.services.items():
        if name not in ARMS and cores(service) & arms[ARMS[0]]:
            yield f"{name}: shares cores with the arms"


def arms_are_alike(file: ComposeFile) -> Iterator[str]:
    first = file.services[ARMS[0]]
    for name in ARMS[1:]:
        service = file.services[name]
        for key in sorted(set(Service.model_fields) - ARMS_OWN):
            if getattr(service, key) != getattr(first, key):
                yield f"{name}: {key} differs from that of {ARMS[0]}"
        for key in sorted((first.environment.keys() | service.environment.keys()) - ARMS_OWN_SETTINGS):
            if service.environment.get(key) != first.environment.get(key):
                yield f"{name}: {key} differs from that of {ARMS[0]}"


def arms_share_no_schema_and_no_port_of_the_proxy(file: ComposeFile) -> Iterator[str]:
    urls = {name: file.services[name].environment.get("DATABASE_URL", "") for name in ARMS}
    form = re.compile(r"mysql://(?P<account>\w+:\w+)@latency:(?P<port>\d+)/(?P<schema>gainbench_\w+)")
    found = {name: form.fullmatch(url) for name, url in urls.items()}
    for name, parts in found.items():
        if parts is None:
            yield f"{name}: DATABASE_URL does not go through the latency proxy to a schema gainbench_..."
    whole = [parts for parts in found.values() if parts is not None]
    for part in ("port", "schema"):
        if len({parts[part] for parts in whole}) < len(whole):
            yield f"DATABASE_URL: two arms have the same {part}"
    if len({parts["account"] for parts in whole}) > 1:
        yield "DATABASE_URL: the arms log in differently"


def tls_is_off_everywhere(file: ComposeFile) -> Iterator[str]:
    for name in ARMS:
        if file.services[name].environment.get("DATABASE_TLS") != "off":
            yield f"{name}: DATABASE_TLS is not off"
    for name, flag in (("db", "--tls-version="), ("mariadb", "--skip-ssl")):
        if flag not in file.services[name].command:
            yield f"{name}: offers TLS ({flag})"


def databases_are_alike_and_one_is_chosen(file: ComposeFile) -> Iterator[str]:
    flags = {name: set(file.services[name].command) - FLAVOURS_OWN_FLAGS for name in DATABASES}
    if flags["db"] != flags["mariadb"]:
        yield f"db, mariadb: only one of them has {', '.join(sorted(flags['db'] ^ flags['mariadb']))}"
    for name, profile in DATABASES.items():
        if file.services[name].profiles != [profile]:
            yield f"{name}: is not in the profile {profile!r} alone"
    chosen = DEFAULTS.read_text(encoding="utf-8").strip()
    if chosen != "COMPOSE_PROFILES=mysql":
        yield f"{DEFAULTS}: must choose one database: COMPOSE_PROFILES=mysql"


RULES: tuple[Rule, ...] = (
    ports_are_published_on_loopback_only,
    published_ports_differ,
    nothing_has_rights_to_spare,
    nobody_is_root,
    everything_is_watched_or_ends,
    dependencies_can_come_true,
    each_image_is_built_once,
    arms_have_cores_of_their_own,
    arms_are_alike,
    arms_share_no_schema_and_no_port_of_the_proxy,
    tls_is_off_everywhere,
    databases_are_alike_and_one_is_chosen,
)


def objections(file: ComposeFile) -> list[str]:
    missing = {*ARMS, *DATABASES} - file.services.keys()
    if missing:
        return [f"services are missing: {', '.join(sorted(missing))}"]
    return [objection for rule in RULES for objection in rule(file)]


def needed_by(file: ComposeFile, name: str) -> set[str]:
    """What the service waits for, directly or not: that alone is built and started with it."""
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        service = file.services.get(waiting.pop())
        new = set() if service is None else service.depends_on.keys() - needed
        needed |= new
        waiting += new
    return needed


def cores(service: Service) -> set[int]:
    """``0-2,4`` is {0, 1, 2, 4}."""
    spans = (part.split("-") for part in service.cpuset.split(","))
    return {core for span in spans for core in range(int(span[0]), int(span[-1]) + 1)}


def main() -> int:
    try:
        found = objections(read(Path()))
    except (ValidationError, ValueError, yaml.YAMLError) as error:
        found = [str(error)]
    for objection in found:
        print(f"docker-compose.yaml: {objection}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
