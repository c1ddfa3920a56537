"""What an arm offers, read from its OpenAPI document. Sends nothing, draws nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gainbench.plan.model import ParityRules

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

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
        if path.startswith(rules.include) and not path.startswith(rules.exclude)
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


def without_title(document: Schema) -> Schema:
    """The document but for its title, the one thing in which arms may differ."""
    info = {key: value for key, value in document.get("info", {}).items() if key != "title"}
    return {**document, "info": info}


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
