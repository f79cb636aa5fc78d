"""What can the API do? OpenAPI as JSON, and a page of our own that shows it: no third-party script, nothing foreign."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja.openapi import get_schema

from dashboard.access import public
from dashboard.api.api import api


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    anchor: str
    method: str
    path: str
    title: str
    meaning: str
    parameters: list[Parameter]
    returns: str


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    anchor: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class DocsPage:
    endpoints: list[Endpoint]
    shapes: list[Shape]
    base: str


@cache
def schema() -> dict[str, Any]:
    """OpenAPI 3.1 of the API: errors are described once for every operation."""
    made: dict[str, Any] = dict(get_schema(api, path_prefix="/api/v1/"))
    for operations in made["paths"].values():
        for operation in operations.values():
            operation["responses"] = {str(code): body for code, body in operation["responses"].items()} | _ERRORS
    return made


_PROBLEM = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
_ERRORS = {
    code: {"description": meaning, "content": {"application/json": {"schema": _PROBLEM}}}
    for code, meaning in {
        "400": "A parameter cannot be read, or the question takes too long",
        "401": "No valid key",
        "403": "The key's scope does not suffice",
        "404": "Not in this project",
        "413": "The body is too large",
        "429": "Too many requests with this key",
        "503": "The database does not answer",
    }.items()
}


@public
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(schema()), content_type="application/json")


@public
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html", {"page": page(schema())})


def page(of: Mapping[str, Any]) -> DocsPage:
    endpoints = [
        _endpoint(path, method, operation)
        for path, operations in of["paths"].items()
        for method, operation in operations.items()
    ]
    shapes = [_shape(name, shape) for name, shape in of["components"]["schemas"].items() if "properties" in shape]
    return DocsPage(endpoints, sorted(shapes, key=lambda shape: shape.name), "/api/v1")


def _endpoint(path: str, method: str, operation: Mapping[str, Any]) -> Endpoint:
    answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Endpoint(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation.get("summary", ""),
        meaning=operation.get("description", ""),
        parameters=[_parameter(one) for one in operation.get("parameters", [])] + _of_body(operation),
        returns=_kind(answer),
    )


def _parameter(of: Mapping[str, Any]) -> Parameter:
    shape = of["schema"]
    default = shape.get("default")
    meaning = shape.get("description", of.get("description", ""))
    shown = "required" if of.get("required") else "" if default in (None, "") else str(default)
    return Parameter(of["name"], of["in"], _kind(shape), shown, meaning)


def _of_body(operation: Mapping[str, Any]) -> list[Parameter]:
    """The fields of an object that is posted; where a list of them may be, those of one."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shape = content.get("schema", {})
    one = shape["anyOf"][0] if "anyOf" in shape else shape
    needed = one.get("required", ())
    described = [
        {"name": name, "in": "body", "required": name in needed, "schema": of}
        for name, of in one.get("properties", {}).items()
    ]
    return [_parameter(field) for field in described]


def _shape(name: str, shape: Mapping[str, Any]) -> Shape:
    return Shape(name, f"shape-{name}", [Field(field, _kind(of)) for field, of in shape["properties"].items()])


def _kind(shape: Mapping[str, Any]) -> str:
    """A JSON schema in words: "string or null", "list of Trace"."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_kind(one) for one in shape["anyOf"]))
    if "enum" in shape:
        return " | ".join(str(one) for one in shape["enum"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    if isinstance(shape.get("additionalProperties"), Mapping):
        return f"name to {_kind(shape['additionalProperties'])}"
    return str(shape.get("type", "anything"))
