"""What callers send to make or change a row: the members of its shape that they may give, as types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from api.kernel.shape import Given, Shape, members, said
from api.kernel.views import Camel

NEW: Final = "A new row: what is absent is what it is by itself."
CHANGES: Final = "What changes: what is absent stays as it is."


def of_new(shape: type[Shape], needed: Collection[str], besides: type[Camel] | None) -> type[Camel]:
    """The body that makes a row; what is `needed` has to be there. It has the members of `besides`, too."""
    fields: list[Any] = [
        (name, kind) if name in needed else (name, kind | UnsetType, UNSET)
        for name, kind in _given(shape, Given.ONCE, Given.ALWAYS).items()
    ]
    return _made(f"New{shape.__name__}", fields, besides, NEW)


def of_changes(shape: type[Shape], besides: type[Camel] | None) -> type[Camel]:
    """The body that changes a row."""
    fields = [(name, kind | UnsetType, UNSET) for name, kind in _given(shape, Given.ALWAYS).items()]
    return _made(f"{shape.__name__}Changes", fields, besides, CHANGES)


def once(shape: type[Shape]) -> frozenset[str]:
    """The members that stay as they were given first."""
    return frozenset(_given(shape, Given.ONCE))


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The members that are there."""
    values = {name: getattr(body, name) for name in body.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def _given(shape: type[Shape], *when: Given) -> Mapping[str, Any]:
    return {name: kind for name, kind in members(shape).items() if said(kind, Given) in when}


def _made(name: str, fields: list[Any], besides: type[Camel] | None, words: str) -> type[Camel]:
    made = msgspec.defstruct(
        name,
        fields,
        bases=(besides or Camel,),
        namespace={"__doc__": words},
        frozen=True,
        kw_only=True,
        module=__name__,
    )
    assert issubclass(made, Camel)  # noqa: S101 - what was just asked for
    return made
