"""Placeholders in the commands and environments of a plan: ``{port}``, ``{db_url}`` and their kin.

Other braces stay as they are, so that JSON and shell code pass through.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gainbench.errors import ConfigurationError
from gainbench.plan.model import PLACEHOLDERS
from gainbench.stack.database import sql

_PATTERN = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")


@dataclass(frozen=True)
class ArmDatabase:
    """Where one arm finds its schema: host and port are the latency proxy's when there is one."""

    endpoint: sql.Endpoint
    schema: str

    @property
    def url(self) -> str:
        return self.endpoint.url(self.schema)

    def behind(self, host: str, port: int) -> "ArmDatabase":
        """The same schema, reached through a proxy."""
        return replace(self, endpoint=self.endpoint.at(host, port))


@dataclass(frozen=True)
class Placeholders:
    """The values, and whose command they go into."""

    owner: str
    values: Mapping[str, str]

    def fill(self, text: str) -> str:
        return _PATTERN.sub(lambda match: self._value(match.group(1)), text)

    def fill_all(self, texts: Sequence[str]) -> list[str]:
        return [self.fill(text) for text in texts]

    def fill_values(self, table: Mapping[str, str]) -> dict[str, str]:
        return {key: self.fill(text) for key, text in table.items()}

    def _value(self, name: str) -> str:
        if name not in self.values:
            raise ConfigurationError(
                f"{self.owner} uses {{{name}}}, which has no value here",
                cure='{db_...} needs a database: server = "private" or a URL'
                if name.startswith("db_")
                else f"here these have values: {', '.join(self.values)}",
            )
        return self.values[name]


def for_arm(
    name: str,
    *,
    port: int,
    workers: int,
    scratch: Path,
    database: ArmDatabase | None,
    upstream: str | None = None,
) -> Placeholders:
    values = {
        "port": str(port),
        "workers": str(workers),
        "python": sys.executable,
        "scratch": str(scratch),
    }
    if upstream is not None:
        values["upstream"] = upstream
    if database is not None:
        endpoint = database.endpoint
        values |= {
            "db_url": database.url,
            "db_host": endpoint.host,
            "db_port": str(endpoint.port),
            "db_user": endpoint.user,
            "db_password": endpoint.password,
            "db_name": database.schema,
            "db_product": endpoint.dialect.product.name,
        }
    return Placeholders(f"arm {name!r}", values)


def for_seed(name: str, *, product: str) -> Placeholders:
    return Placeholders(f"seed {name!r}", {"python": sys.executable, "db_product": product})
