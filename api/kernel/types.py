"""A type as msgspec describes it, for errors and listings: what stands where, and which words it takes."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect


def bare(kind: inspect.Type) -> inspect.Type:
    """Of a list its items, of what may be absent what it else is."""
    if isinstance(kind, inspect.Metadata):
        return bare(kind.type)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return bare(kind.item_type)
    if isinstance(kind, inspect.UnionType):
        absent = inspect.NoneType
        return bare(next((one for one in kind.types if not isinstance(one, absent)), kind.types[0]))
    return kind


def path_to(described: inspect.Type, where: str) -> list[inspect.Type]:
    """The types on the way to `evses[0].connectors`, the whole first; AnyType where there is none."""
    way = [bare(described)]
    for name in re.findall(r"[^.\[\]]+(?![^\[]*\])", where):
        here = way[-1]
        fields = here.fields if isinstance(here, inspect.StructType) else ()
        way.append(next((bare(one.type) for one in fields if one.encode_name == name), inspect.AnyType()))
    return way


def words(kind: inspect.Type) -> list[str]:
    """Those that an enumeration takes; none for any other type."""
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    return []


def marked(field: inspect.Field) -> str:
    """Its name in JSON, with `*` if it is required."""
    return field.encode_name + ("*" if field.required else "")


def without_unknown(given: Any, kind: inspect.Type) -> Any:
    """`given` without the members, at any depth, that the type does not have."""
    kind = bare(kind)
    if isinstance(given, list):
        return [without_unknown(item, kind) for item in given]
    if not (isinstance(given, dict) and isinstance(kind, inspect.StructType)):
        return given
    types = {field.encode_name: field.type for field in kind.fields}
    return {name: without_unknown(value, types[name]) for name, value in given.items() if name in types}
