"""Rows on their way out: which members an interface shows, in its spelling, page by page."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from api.kernel.problems import INVALID_DATA
from engine.errors import Invalid

V = TypeVar("V", bound=msgspec.Struct)
R = TypeVar("R")
T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=500)]
NUMBER: Final = "number"  # of a row, in a rule


class Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Members are camelCase outside. What is read takes no others: they would change nothing, unnoticed."""


def shown(view: type[V], row: msgspec.Struct, **more: Any) -> V:
    """The members of `view`, each from `more` or from the row's attribute of the same name."""
    names = [name for name in view.__struct_fields__ if name not in more]
    return view(**{name: getattr(row, name) for name in names}, **more)


def key_cursor(key: tuple[str | int, ...]) -> str:
    """The cursor of a row that is found by a key of several parts."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str, decoder: msgspec.json.Decoder[T]) -> T:
    """`key_cursor` taken apart; raises Invalid for what it never made."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return decoder.decode(text)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise Invalid(INVALID_DATA, {"cursor": ["is not one that was given out"]}) from None
