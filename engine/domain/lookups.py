"""What a message may need to know beyond its charge point's state, and only the store knows.

Each look-up is a class whose fields say what is asked, and whose type says what the answer is. A handler
declares those it needs, of each class at most one; `engine.store.lookups` answers those of many charge points
together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from engine.domain.session.facts import EventKey, History, Neighbour
from engine.domain.starting import Pending, PendingKey
from engine.domain.state import Frozen, Price, Session, Token

A_co = TypeVar("A_co", covariant=True)


class Lookup(Frozen, Generic[A_co], frozen=True):
    """Base of all look-ups. `nothing` is the answer where there is none, or where nobody asked."""

    nothing: ClassVar[Any] = None


class TokensOf(Lookup[Mapping[str, Token]], frozen=True):
    """Tokens by the id tag as asked; an unknown one is absent.

    `starts`: they begin a transaction, so it counts for others at once.
    """

    nothing: ClassVar[Any] = {}

    id_tags: tuple[str, ...]
    starts: bool = False


class SessionOfStart(Lookup[Session | None], frozen=True):
    """The session that a start already made, open or closed."""

    start_key: str


class SessionOfTransaction(Lookup[Session | None], frozen=True):
    """The session to which we gave that transaction id, open or closed."""

    transaction_id: str


class SamplesSince(Lookup[frozenset[tuple[datetime, str]]], frozen=True):
    """Time and identity (`domain.metering`) of a session's samples from a time on."""

    nothing: ClassVar[Any] = frozenset()

    session_id: int
    at: datetime


class NeighboursOf(Lookup[Sequence[Neighbour]], frozen=True):
    """The sessions before and after a session on its EVSE."""

    nothing: ClassVar[Any] = ()

    session_id: int


class LooseSince(Lookup[Sequence[tuple[datetime, str]]], frozen=True):
    """Meter values of no session on an EVSE after a time: their time and samples (JSON)."""

    nothing: ClassVar[Any] = ()

    evse_number: int
    at: datetime


class StoredEvents(Lookup[History], frozen=True):
    """What is stored of the transaction of an event (OCPP 2.x)."""

    nothing: ClassVar[Any] = History()

    key: EventKey


class PendingFor(Lookup[Pending | None], frozen=True):
    """The session asked for remotely that a transaction may be."""

    key: PendingKey


class PriceNow(Lookup[Price | None], frozen=True):
    """What a session of the station's operator costs that begins now."""


class NewIds(Lookup[tuple[int, ...]], frozen=True):
    """Numbers for new rows; with `session` one for a session before them, which fits into 32 bits."""

    nothing: ClassVar[Any] = ()

    rows: int
    session: bool = False
