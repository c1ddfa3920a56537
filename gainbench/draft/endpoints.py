"""What an app offers, as requests that a Locust file can send. Sends nothing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from gainbench.parity.operations import Operation, Parameter, Schema, operations_of, resolved
from gainbench.plan.model import ParityRules

NOT_LOAD = re.compile(
    r"^/(docs|redoc|openapi|schema|static|metrics|favicon)\b|/(health|healthz|ready|readyz|livez|ping)/?$"
)
READY = re.compile(r"^/(health|healthz|ready|readyz|livez)/?$")
# `<int:id>` of Flask and Django, `{id:int}` of Starlette.
_ANGLED = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_BRACED = re.compile(r"\{(?P<name>\w+)(?::(?P<kind>\w+))?\}")
_SAMPLES: Mapping[str, Any] = {
    "integer": 1,
    "int": 1,
    "number": 1,
    "float": 1,
    "boolean": "true",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Endpoint:
    """A method of a path, with values for what it must be given. Its name keeps the ``{placeholders}``."""

    method: str
    name: str
    target: str

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @property
    def request(self) -> str:
        return f"{self.method} {self.name}"


def from_openapi(document: Schema) -> tuple[Endpoint, ...]:
    rules = ParityRules(methods=("GET", "PUT", "POST", "DELETE", "PATCH"))
    return _for_load(_from_operation(each) for each in operations_of(document, rules))


def from_routes(routes: Iterable[Mapping[str, str]]) -> tuple[Endpoint, ...]:
    return _for_load(_from_route(route["method"], route["path"]) for route in routes)


def ready_path(endpoints: Sequence[Mapping[str, str]] | Schema | None) -> str | None:
    """A path that the app itself has for it."""
    if endpoints is None:
        return None
    paths = (
        endpoints.get("paths", {}) if isinstance(endpoints, Mapping) else [one["path"] for one in endpoints]
    )
    return next((path for path in paths if READY.match(path)), None)


def _for_load(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple(dict.fromkeys(one for one in endpoints if not NOT_LOAD.search(one.name)))


def _from_operation(operation: Operation) -> Endpoint:
    target = operation.path
    for parameter in operation.in_path:
        value = quote(str(_sample(parameter, operation.document)), safe="")
        target = target.replace(f"{{{parameter.name}}}", value)
    query = {one.name: _sample(one, operation.document) for one in operation.in_query if one.required}
    return Endpoint(operation.method, operation.path, target + (f"?{urlencode(query)}" if query else ""))


def _sample(parameter: Parameter, document: Schema) -> Any:
    schema = resolved(parameter.schema, document)
    for key in ("example", "default"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for choice in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        if (found := resolved(choice, document)).get("type") != "null":
            return _sample(Parameter(parameter.name, found), document)
    kind = schema.get("format") if schema.get("format") in _SAMPLES else schema.get("type")
    sample = _SAMPLES.get(str(kind), "a")
    return max(sample, schema.get("minimum", sample)) if isinstance(sample, int) else sample


def _from_route(method: str, path: str) -> Endpoint:
    name = _BRACED.sub(r"{\g<name>}", _ANGLED.sub(r"{\g<name>}", path))
    target = _BRACED.sub(_of_kind, _ANGLED.sub(_of_kind, path))
    return Endpoint(method, name, target)


def _of_kind(match: re.Match[str]) -> str:
    """Names of ids are mostly numbers, also where nobody says so."""
    is_id = match["name"] in ("id", "pk") or match["name"].endswith("_id")
    return str(_SAMPLES.get(match["kind"] or ("int" if is_id else ""), "a"))
