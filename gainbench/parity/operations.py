"""What an arm offers, read from its OpenAPI document. Sends nothing, draws nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gainbench.plan.model import ParityRules

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
SCHEMAS = "#/components/schemas/"

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    name: str
    schema: Schema
    required: bool = True


@dataclass(frozen=True)
class Body:
    media_type: str
    schema: Schema


@dataclass(frozen=True)
class Operation:
    """One method of one path; the path keeps its ``{placeholders}``."""

    method: str
    path: str
    in_path: tuple[Parameter, ...] = ()
    in_query: tuple[Parameter, ...] = ()
    in_header: tuple[Parameter, ...] = ()
    bodies: tuple[Body, ...] = ()
    document: Schema = field(default_factory=dict, repr=False)  # where its schemas' references lead

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def operations_of(document: Schema, rules: ParityRules) -> tuple[Operation, ...]:
    """Every operation that is to be looked at."""
    methods = [method for method in METHODS if not rules.methods or method.upper() in rules.methods]
    return tuple(
        _operation(document, method, path, item)
        for path, item in document["paths"].items()
        if _is_looked_at(path, rules)
        for method in methods
        if method in item
    )


def common_operations(documents: Iterable[Schema], rules: ParityRules) -> tuple[Operation, ...]:
    """Those that every arm has, as the first describes them."""
    first, *others = [operations_of(document, rules) for document in documents]
    known = [{operation.name for operation in each} for each in others]
    return tuple(operation for operation in first if all(operation.name in names for names in known))


def resolved(schema: Schema, document: Schema) -> Schema:
    """The schema itself, or what its reference leads to inside the document."""
    while "$ref" in schema:
        target: Any = document
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        schema = target
    return schema


def looked_at(document: Schema, rules: ParityRules) -> Schema:
    """The document with the paths that are looked at and the schemas that these lead to.

    Its title is gone too: the one thing in which arms may differ.
    """
    info = {key: value for key, value in document.get("info", {}).items() if key != "title"}
    paths = {path: item for path, item in document["paths"].items() if _is_looked_at(path, rules)}
    components = document.get("components", {})
    schemas = components.get("schemas", {})
    others = {key: value for key, value in components.items() if key != "schemas"}
    named = _led_to([paths, others], schemas)
    found = {name: schema for name, schema in schemas.items() if name in named}
    return {**document, "info": info, "paths": paths, "components": {**others, "schemas": found}}


def _is_looked_at(path: str, rules: ParityRules) -> bool:
    return path.startswith(rules.include) and not path.startswith(rules.exclude)


def _led_to(parts: Any, schemas: Schema) -> set[str]:
    """The names of the schemas that these parts refer to, by way of others too."""
    found: set[str] = set()
    unread = list(_schemas_in(parts))
    while unread:
        name = unread.pop()
        if name not in found:
            found.add(name)
            unread += _schemas_in(schemas.get(name))
    return found


def _schemas_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(SCHEMAS):
            yield reference.removeprefix(SCHEMAS)
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inside:
        yield from _schemas_in(each)


def _operation(document: Schema, method: str, path: str, item: Schema) -> Operation:
    described = item[method]
    body = resolved(described.get("requestBody", {}), document)
    places = dict(_parameters([*item.get("parameters", ()), *described.get("parameters", ())], document))
    return Operation(
        method=method.upper(),
        path=path,
        in_path=tuple(p for (place, _), p in places.items() if place == "path"),
        in_query=tuple(p for (place, _), p in places.items() if place == "query"),
        in_header=tuple(p for (place, _), p in places.items() if place == "header"),
        bodies=tuple(Body(kind, media.get("schema", {})) for kind, media in body.get("content", {}).items()),
        document=document,
    )


def _parameters(described: Iterable[Schema], document: Schema) -> Iterator[tuple[tuple[str, str], Parameter]]:
    """By place and name: what an operation says of a parameter takes the place of what its path says."""
    for each in described:
        known = resolved(each, document)
        parameter = Parameter(known["name"], known.get("schema", {}), known.get("required", False))
        yield (known["in"], known["name"]), parameter
