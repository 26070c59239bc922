"""What a resource looks like outside: a Struct whose members say what they show and how people read them.

Members are pure types and words; the command line reads its columns from the same declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from api.kernel.views import Camel
from engine.validation import plain_type

T = TypeVar("T")
Moment = Annotated[datetime, Meta(tz=True)]


class Shape(Camel, frozen=True, kw_only=True):
    """Each member shows the field of its name."""


class titled(msgspec.Struct, frozen=True):  # noqa: N801 - a word of declarations
    """What people call the member; `listed` heads its column in listings (none: it is not in them)."""

    title: str = ""  # empty: it is not shown where one is shown
    listed: str = ""


class Given(Enum):
    """Beside a member's type: when callers may give it."""

    ONCE = "when the row is made"
    ALWAYS = "when the row is made, and when it is changed"


@cache
def members(shape: type[Shape]) -> Mapping[str, Any]:
    """The types of a shape's members, with what is said of them, in their order."""
    hints = get_type_hints(shape, include_extras=True)
    return {name: hints[name] for name in shape.__struct_fields__}


def said(kind: Any, what: type[T]) -> T | None:
    """What stands beside a member's type."""
    return next((one for one in get_args(kind)[1:] if isinstance(one, what)), None) if _noted(kind) else None


def is_raw(kind: Any) -> bool:
    """Whether the member is JSON as it was received."""
    return plain_type(kind) is msgspec.Raw


def inner(kind: Any) -> type[Shape] | None:
    """The shape of what a member includes: of its items, if it is a list."""
    kind = plain_type(kind)
    for one in (kind, *map(plain_type, get_args(kind))):
        if isinstance(one, type) and issubclass(one, Shape):
            return one
    return None


def columns(shape: type[Shape]) -> Mapping[str, str]:
    """Of a listing for people: heading → member, in JSON's spelling."""
    return {words.listed: name for name, words in _titled(shape) if words.listed}


def details(shape: type[Shape]) -> Mapping[str, str]:
    """Of one thing for people: title → member."""
    return {words.title: name for name, words in _titled(shape) if words.title}


def _titled(shape: type[Shape]) -> list[tuple[str, titled]]:
    encoded = dict(zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True))
    found = ((encoded[name], said(kind, titled)) for name, kind in members(shape).items())
    return [(name, words) for name, words in found if words is not None]


def _noted(kind: Any) -> bool:
    return get_origin(kind) is Annotated
