"""The parameters of a command as people read them: names, which are required, and what goes into each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import inspect

from api.kernel.types import marked, words
from engine.ocpp.intents import Intent

PLAIN: Final[Mapping[type[inspect.Type], str]] = {
    inspect.BoolType: "true | false",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.DecimalType: "number",
    inspect.StrType: "text",
    inspect.DateTimeType: "time such as 2030-12-31T23:59:59Z",
    inspect.DictType: "object",
}


def names(kind: type[Intent]) -> Sequence[str]:
    """As JSON has them, those that are required with `*`."""
    return [marked(field) for field in _fields(kind)]


def types(kind: type[Intent]) -> Mapping[str, str]:
    """What goes into each."""
    return {field.encode_name: _told(field.type) for field in _fields(kind)}


def sentence(kind: type[Intent]) -> str:
    """All of them on one line."""
    told = [f"{marked(field)} ({_told(field.type)})" for field in _fields(kind)]
    return f"parameters, * required: {', '.join(told)}" if told else "it takes no parameters"


def _fields(kind: type[Intent]) -> Sequence[inspect.Field]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - every Intent is a Struct
    return described.fields


def _told(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _told(kind.type)
        case inspect.LiteralType() | inspect.EnumType():
            return " | ".join(words(kind))
        case inspect.ListType() | inspect.VarTupleType():
            return f"list of {_told(kind.item_type)}"
        case inspect.StructType():
            return "{" + ", ".join(map(marked, kind.fields)) + "}"
        case inspect.UnionType():
            there = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            return " or ".join(dict.fromkeys(map(_told, there)))
    return PLAIN.get(type(kind), "any JSON")
