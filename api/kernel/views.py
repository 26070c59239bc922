"""Rows on their way out: which members an interface shows, in its spelling, page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from api.kernel.problems import INVALID_DATA
from engine.errors import Invalid

V = TypeVar("V", bound=msgspec.Struct)
R = TypeVar("R")
T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=500)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # of a row
NUMBER: Final = "number"  # the same in a rule


class Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Members are camelCase outside. What is read takes no others: they would change nothing, unnoticed."""


class Page(Camel, frozen=True, kw_only=True):
    """A page of a listing; `next_cursor` is null on the last one."""

    data: Sequence[object]
    next_cursor: int | str | None


def shown(view: type[V], row: msgspec.Struct, **more: Any) -> V:
    """The members of `view`, each from `more` or from the row's attribute of the same name."""
    names = [name for name in view.__struct_fields__ if name not in more]
    return view(**{name: getattr(row, name) for name in names}, **more)


def page(
    rows: Sequence[R], limit: int, cursor: Callable[[R], int | str], show: Callable[[R], object]
) -> Page:
    """One page; there may be another when this one is full."""
    following = cursor(rows[-1]) if len(rows) == limit else None
    return Page(data=[show(row) for row in rows], next_cursor=following)


def key_cursor(key: tuple[str | int, ...]) -> str:
    """The cursor of a row that is found by a key of several parts."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str, decoder: msgspec.json.Decoder[T]) -> T:
    """`key_cursor` taken apart; raises Invalid for what it never made."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return decoder.decode(text)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _foreign() from None


def _foreign() -> Invalid:
    return Invalid(INVALID_DATA, {"cursor": ["is not one that was given out"]})


def moment_cursor(moment: datetime, number: int) -> str:
    """The cursor of a row that is found by its time and, among those of one time, its number."""
    return f"{moment.astimezone(UTC).isoformat().removesuffix('+00:00')}Z_{number}"


def moment_and_number(cursor: str | None) -> tuple[datetime, int] | None:
    """`moment_cursor` taken apart; raises Invalid for what it never made."""
    if cursor is None:
        return None
    moment, _, number = cursor.partition("_")
    try:
        at, row = datetime.fromisoformat(moment), int(number)
    except ValueError:
        raise _foreign() from None
    if at.tzinfo is None or not -(2**63) <= row < 2**63:
        raise _foreign()
    return at, row
