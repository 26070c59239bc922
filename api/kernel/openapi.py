"""An OpenAPI 3.1 document from the operations themselves: its types are those that decode and encode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec

from api.http.message import Response, phrase
from api.kernel.operations import Operation
from api.kernel.router import template, variables
from engine.validation import plain_type

REFERENCE: Final = "#/components/schemas/{name}"
SECURITY: Final = {"token": {"type": "http", "scheme": "bearer"}}
NUMBER: Final = {"type": "integer", "format": "int64", "minimum": 0}
JSON: Final = "application/json"
LISTS: Final = {"style": "form", "explode": False}  # several values with commas between them
# What any operation may answer; of what else one may, its description says.
ERRORS: Final = (401, 403, 422, 429, 503)
MISSING: Final = 404

Schemas = Mapping[Any, dict[str, Any]]


class Error(msgspec.Struct):
    """What went wrong, in words; of data that is wrong, by its place."""

    message: str
    errors: dict[str, list[str]] | msgspec.UnsetType = msgspec.UNSET


def document(title: str, version: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of the operations."""
    kinds = list(dict.fromkeys([Error, *(kind for one in operations for kind in _types(one))]))
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_anything, ref_template=REFERENCE)
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(template(operation.rule), {})
        methods[operation.route.method.lower()] = _described(operation, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SECURITY},
        "security": [{"token": []}],
    }


def _anything(kind: type) -> dict[str, Any]:
    """Of what a handler answers without saying more."""
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError


def _types(operation: Operation) -> Iterator[Any]:
    yield from (one.type for one in _parameters(operation))
    if operation.body is not None:
        yield operation.body
    if _has_schema(operation.answers):
        yield operation.answers


def _parameters(operation: Operation) -> Sequence[msgspec.structs.FieldInfo]:
    return () if operation.query is None else msgspec.structs.fields(operation.query)


def _has_schema(answers: Any) -> bool:
    return answers not in (None, type(None), Response, object)


def _described(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    summary, _, description = _words(operation).partition("\n")
    described: dict[str, Any] = {
        "summary": summary.rstrip("."),
        "description": description.strip(),
        "tags": [operation.route.rule.split("/")[1]],
        "parameters": [*_path(operation), *_query(operation, schemas)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        described["requestBody"] = {"content": {JSON: {"schema": schemas[operation.body]}}}
    return {name: value for name, value in described.items() if value}


def _words(operation: Operation) -> str:
    """What it does; of one that says nothing its address does."""
    route = operation.route
    return route.summary or cleandoc(route.handler.__doc__ or f"{route.method} {template(route.rule)}")


def _path(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, kind in variables(operation.rule).items():
        schema = NUMBER if kind is int else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query(operation: Operation, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for one in _parameters(operation):
        parameter = {"name": one.encode_name, "in": "query", "schema": schemas[one.type]}
        several = getattr(plain_type(one.type), "__origin__", None) is list
        yield parameter | (LISTS if several else {})


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    status = operation.route.status
    done: dict[str, Any] = {"description": phrase(status)}
    if _has_schema(operation.answers):
        done["content"] = {JSON: {"schema": schemas[operation.answers]}}
    failed = {"content": {JSON: {"schema": schemas[Error]}}}
    errors = sorted({*ERRORS, *([MISSING] if variables(operation.rule) else [])})
    return {str(status): done} | {str(code): {"description": phrase(code), **failed} for code in errors}
