"""From members to columns and back: what a change is written to, and what a value is read from."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar

import asyncpg
import msgspec

from engine.domain.changes import Change, Json
from engine.domain.state import Frozen

F = TypeVar("F", bound=Frozen)

KINDS: Final[dict[type, str]] = {
    int: "bigint",
    float: "double precision",
    str: "text",
    bool: "boolean",
    datetime: "timestamptz",
    bytes: "json",
    Json: "json",
    tuple: "text[]",
}


class Field(Frozen, frozen=True):
    """`plain` is the Python type without None, `kind` that of the column."""

    name: str
    plain: type
    kind: str
    null: bool


@cache
def fields(change: type[Change]) -> Sequence[Field]:
    """In the order of declaration."""
    hints = typing.get_type_hints(change, include_extras=True)
    omitted = change.__struct_config__.omit_defaults
    return [_field(field, hints[field.name], omitted) for field in msgspec.structs.fields(change)]


def _field(field: msgspec.structs.FieldInfo, hint: Any, omitted: bool) -> Field:
    """`omitted`: a default is not written out, so it is null."""
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    options = typing.get_args(hint) if union else (hint,)
    (given,) = (option for option in options if option is not types.NoneType)
    annotated = typing.get_origin(given) is typing.Annotated
    plain, kind = typing.get_args(given)[:2] if annotated else (given, "")
    plain = typing.get_origin(plain) or plain
    return Field(
        name=field.name,
        plain=plain,
        kind=kind or KINDS[plain],
        null=union or (omitted and not field.required),
    )


def columns(kind: type[Frozen], **otherwise: str) -> str:
    """What is selected for the members of a value: the column of that name, or what is said instead."""
    said = ((name, otherwise.get(name)) for name in kind.__struct_fields__)
    return ", ".join(name if sql is None else f"{sql} as {name}" for name, sql in said)


def read(kind: type[F], row: asyncpg.Record) -> F:
    """A value out of a row that has its members, among others."""
    return msgspec.convert(dict(row), kind)
