"""The parameters of a command as people read them: names, which are required, and what goes into each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import inspect

from api.kernel.types import marked, words
from engine.ocpp.operation import Operation

PLAIN: Final[Mapping[type[inspect.Type], str]] = {
    inspect.BoolType: "true | false",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.DecimalType: "number",
    inspect.StrType: "text",
    inspect.DateTimeType: "time such as 2030-12-31T23:59:59Z",
    inspect.DictType: "object",
}


def names(kind: type[Operation]) -> Sequence[str]:
    """As JSON has them, those that are required with `*`."""
    return [marked(field) for field in _fields(kind)]


def types(kind: type[Operation]) -> Mapping[str, str]:
    """What goes into each."""
    return {field.encode_name: _described(field.type) for field in _fields(kind)}


def sentence(kind: type[Operation]) -> str:
    """All of them on one line."""
    each = [f"{marked(field)} ({_described(field.type)})" for field in _fields(kind)]
    return f"parameters, * required: {', '.join(each)}" if each else "it takes no parameters"


def _fields(kind: type[Operation]) -> Sequence[inspect.Field]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - every Operation is a Struct
    return described.fields


def _described(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return _described(kind.type)
        case inspect.LiteralType() | inspect.EnumType():
            return " | ".join(words(kind))
        case inspect.ListType() | inspect.VarTupleType():
            return f"list of {_described(kind.item_type)}"
        case inspect.StructType():
            return "{" + ", ".join(map(marked, kind.fields)) + "}"
        case inspect.UnionType():
            there = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            return " or ".join(dict.fromkeys(map(_described, there)))
    return PLAIN.get(type(kind), "any JSON")
