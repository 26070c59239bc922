"""Command line options from the members of a msgspec Struct; its Meta gives bounds and help."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import click
import msgspec
from msgspec import inspect

from engine.validation import choices


def options_of(struct: type[msgspec.Struct], skip: Collection[str] = ()) -> Callable[[Any], Any]:
    """One option per member, all optional: one that was not given arrives as None (or an empty tuple)."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - holds for every Struct
    words = {field.name: choices(field.type) for field in msgspec.structs.fields(struct)}

    def decorate(command: Any) -> Any:
        for field in reversed(info.fields):
            if field.name not in skip:
                command = _option(field, words[field.name])(command)
        return command

    return decorate


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None and value != ()}


def _option(field: inspect.Field, words: Sequence[str]) -> Callable[[Any], Any]:
    flag = "--" + field.name.replace("_", "-")
    kind, described = plain(field.type)
    default = "" if field.default in {None, msgspec.NODEFAULT, ()} else _shown(field.default)
    text = f"{described} {default}".strip()
    if isinstance(kind, inspect.BoolType):
        return click.option(f"{flag}/--no-{flag.removeprefix('--')}", field.name, default=None, help=text)
    if words:
        return click.option(flag, field.name, type=click.Choice(words), help=text)
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return click.option(flag, field.name, multiple=True, help=f"{text} May be repeated.")
    return click.option(flag, field.name, type=_click_type(kind), help=text)


def plain(type_: inspect.Type) -> tuple[inspect.Type, str]:
    """The type without annotations and None, and its description."""
    description = ""
    while isinstance(type_, inspect.Metadata | inspect.UnionType):
        if isinstance(type_, inspect.Metadata):
            description = description or (type_.extra_json_schema or {}).get("description", "")
            type_ = type_.type
        else:
            type_ = next(t for t in type_.types if not isinstance(t, inspect.NoneType))
    return type_, description


def _click_type(kind: inspect.Type) -> click.ParamType[Any]:
    if isinstance(kind, inspect.IntType):
        return click.IntRange(min=kind.ge if kind.ge is not None else kind.gt, max=kind.le)
    if isinstance(kind, inspect.FloatType):
        return click.FloatRange(min=kind.ge if kind.ge is not None else kind.gt, min_open=kind.gt is not None)
    return click.STRING


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "[default: on]" if default else "[default: off]"
    if isinstance(default, tuple | list):
        return f"[default: {', '.join(map(str, default))}]"
    return f"[default: {default}]"


def json_argument(text: str, name: str) -> Any:
    """An argument that is JSON; wrong usage otherwise."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint=name) from None
