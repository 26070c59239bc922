"""Members as interfaces spell them, and rows on their way out."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

V = TypeVar("V", bound=msgspec.Struct)

Limit = Annotated[int, Meta(ge=1, le=500)]
NUMBER: Final = "number"  # of a row, in a rule


class Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Members are camelCase outside. What is read takes no others: they would change nothing, unnoticed."""


def shown(view: type[V], row: msgspec.Struct, **more: Any) -> V:
    """The members of `view`, each from `more` or from the row's attribute of the same name."""
    names = [name for name in view.__struct_fields__ if name not in more]
    return view(**{name: getattr(row, name) for name in names}, **more)
