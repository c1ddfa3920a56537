"""The subset of the Compose specification that docker-compose.yaml uses, as strict models.

A key that is not here is refused: neither ``privileged`` nor a misspelt ``healtcheck`` can slip in.
Must not know what a good file is; that is ``check_compose.py``.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path("docker-compose.yaml")
DEFAULTS = Path(".env")
DOCKERFILE = Path("Dockerfile")

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+):-(?P<default>[^}]*)\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Healthcheck(_Strict):
    test: list[str]
    interval: str
    timeout: str
    retries: int
    start_period: str
    start_interval: str


class Dependency(_Strict):
    condition: Literal["service_healthy", "service_completed_successfully"]
    required: bool = True
    restart: bool = False


class Attachment(_Strict):
    """A service's place in a network."""

    aliases: list[str]


class Service(_Strict):
    image: str
    cpuset: str = Field(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$")
    cap_drop: list[str]
    security_opt: list[str]
    read_only: bool
    init: bool
    build: str | None = None
    pull_policy: Literal["build", "never"] | None = None
    profiles: list[str] = []
    user: str | None = None
    entrypoint: list[str] = []
    command: list[str]
    environment: dict[str, str] = {}
    expose: list[str] = []
    ports: list[str] = []
    networks: dict[str, Attachment] = {}
    tmpfs: list[str] = []
    volumes: list[str] = []
    depends_on: dict[str, Dependency] = {}
    healthcheck: Healthcheck | None = None


class ComposeFile(_Strict):
    name: str
    services: dict[str, Service]
    volumes: dict[str, None]


def read(root: Path, environment: Mapping[str, str] | None = None) -> ComposeFile:
    """The file as Compose sees it in that environment; what is not set there has its default."""
    return parse((root / FILE).read_text(encoding="utf-8"), environment or {})


def parse(text: str, environment: Mapping[str, str]) -> ComposeFile:
    written = yaml.safe_load(text)
    fragments = [key for key in written if key.startswith("x-")]
    kept = {key: value for key, value in written.items() if key not in fragments}
    return ComposeFile.model_validate(_filled_in(kept, environment))


def _filled_in(node: Any, environment: Mapping[str, str]) -> Any:
    """Variables are written ``${NAME:-default}`` and in no other way."""
    if isinstance(node, dict):
        return {key: _filled_in(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled_in(value, environment) for value in node]
    if isinstance(node, str):
        filled = _VARIABLE.sub(lambda found: environment.get(found["name"]) or found["default"], node)
        if "$" in filled:
            raise ValueError(f"a variable without a default, or a stray $: {node!r}")
        return filled
    return node
