"""What all look-ups share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from engine.domain.state import ChargePoint
from engine.store.database import Connection

L = TypeVar("L")
Asked: TypeAlias = Sequence[tuple[ChargePoint, L]]  # of one class
Fetch: TypeAlias = Callable[[Connection, Asked[Any]], Awaitable[Sequence[Any]]]  # answers in that order


def storable(keys: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Each once, without those whose text PostgreSQL cannot hold."""
    return [key for key in dict.fromkeys(keys) if "\0" not in key[1]]
