"""What is stored of transactions that a charger numbers itself (OCPP 2.x), and which one an event belongs to.

A charger may use the same transaction id again, after a year or after a reset. So a session is known by its
own number; the id leads to those that may be meant, and time and seqNo say which one is. What events make of
a session is `domain.transactions`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

from engine.domain.metering.verify import Neighbour
from engine.domain.plausibility import clock_is_wrong
from engine.domain.session.review import Review, Reviews
from engine.domain.state import Frozen, Session, SessionStatus
from engine.domain.vocabulary import ChargingState, SessionReason

Position: TypeAlias = tuple[int, datetime, int, int]
Kind: TypeAlias = Literal["Started", "Updated", "Ended"]

# Of events under one number and time.
RANKS: Final[Mapping[str, int]] = {"Started": 0, "Updated": 1, "Ended": 2}
# Events folded at once: nobody else is served meanwhile (30 µs each). The first, the last and those after
# the end fold more, because nothing may come any more that puts them right.
MAX_HISTORY: Final = 3_000
MAX_RUNNING: Final = 300
MAX_AFTER_END: Final = 1_000

# An event that happened so long after the end is no straggler, …
STRAGGLES: Final = timedelta(minutes=10)
# … and one whose number goes on where the end was may be one for a day.
STRAGGLES_IN_ORDER: Final = timedelta(days=1)
# A transaction that told nothing for so long and then counts anew is another one.
SILENT: Final = timedelta(days=30)


class Value(Frozen, frozen=True):
    """One MeterValue of an event; samples are anything that `ext.metering.read_numbers` takes."""

    at: datetime
    samples: Sequence[Any]


class Event(Frozen, frozen=True):
    """A TransactionEvent in the words that the versions share. None: the message does not say."""

    transaction_id: str
    seq_no: int
    at: datetime
    kind: Kind
    trigger: str
    content: int = 0  # `fingerprint` of all that it says; 0: stored before there was one
    offline: bool = False
    evse_number: int | None = None
    connector_number: int | None = None
    id_tag: str | None = None
    charging_state: ChargingState | None = None
    reservation_id: int | None = None
    remote_start_id: int | None = None
    stopped_reason: SessionReason | None = None
    values: Sequence[Value] = ()


class EventKey(Frozen, frozen=True):
    """What is to be looked up of an event before it is folded."""

    transaction_id: str
    seq_no: int
    at: datetime
    kind: Kind
    content: int
    evse_number: int = 0  # where it happened; 0: not known
    begin: datetime | None = None  # of its session, where that is known; None: as `at`
    values_at: tuple[datetime, ...] = ()  # the times of its meter values
    # Its session is known and the event is the newest of it: only what is beside that is asked.
    session_id: int | None = None


class Stored(Frozen, frozen=True):
    """A session that an event may belong to, and its stored events."""

    session: Session
    count: int
    newest: Position | None  # of all events
    newest_at: datetime | None  # the latest time stamp, or of its receipt if that was before
    started_at: datetime | None  # as its Started says; None: not told
    ended_at: datetime | None  # when its Ended happened, or was received if that was before; None: not told
    ended_seq: int | None
    events: Sequence[
        tuple[bytes, int]
    ] = ()  # payload and content, in no order; none where it is not foldable
    # (time, identity) of stored samples of `values_at`, where the events are too many.
    samples: frozenset[tuple[datetime, str]] = frozenset()


class Beside(Frozen, frozen=True):
    """Another session on the EVSE, about the same time."""

    id: int
    started_at: datetime
    stopped_at: datetime | None
    review: Reviews


class Told(Frozen, frozen=True):
    """The answer to an `EventKey`. `sessions`: the one before its time and the one after it, at most.

    `neighbours`: of those of them that have their end, or get it by the event.
    """

    known: bool = False  # this very event is stored; its session is the only one of `sessions`
    sessions: Sequence[Stored] = ()
    beside: Sequence[Beside] = ()
    neighbours: Mapping[int, Sequence[Neighbour]] = {}


def fingerprint(payload: bytes) -> int:
    """63 bits and a sign of what an event says; never 0."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), signed=True) or 1


def position(event: Event) -> Position:
    """Its place in the transaction. Some chargers give a number twice or begin anew: then time decides."""
    return event.seq_no, event.at, RANKS[event.kind], event.content


def is_foldable(kind: str, stored: Stored) -> bool:
    """Whether a history is folded for an event: not what is too long, nor what retention has taken from."""
    session = stored.session
    if stored.started_at is None and Review.MISSING_START not in session.review:
        return False
    longest = MAX_HISTORY
    if kind == "Updated":
        longest = MAX_AFTER_END if session.status is SessionStatus.FINISHED else MAX_RUNNING
    return 0 < stored.count <= longest


def chosen(told: Told, event: Event, now: datetime) -> Stored | None:
    """What an event belongs to; None where it is of a transaction that nothing is known of."""
    return next((one for one in told.sessions if told.known or _belongs(one, event, now)), None)


def start_key(told: Told, event: Event) -> str:
    """What makes a transaction the same one. Where its id is used again, that is the event it began by."""
    if not told.sessions:
        return f"transaction|{event.transaction_id}"
    return f"transaction.{event.at.astimezone(UTC).isoformat()}.{event.seq_no}|{event.transaction_id}"


def _belongs(stored: Stored, event: Event, now: datetime) -> bool:
    begin, end = stored.started_at, stored.ended_at
    newest = end or stored.newest_at
    if newest is None:  # its events are gone with their time
        begin, end = stored.session.started_at, stored.session.stopped_at
        newest = end or stored.session.metering.last_sample_at or begin
    another_start = event.kind == "Started" and begin is not None and event.at != begin
    if clock_is_wrong(event.at, now):
        # Its time says nothing: only a second start, after the end, can be told from what was before.
        return not (another_start and end is not None)
    if another_start and begin is not None:
        return begin < event.at <= newest
    if event.at > newest + STRAGGLES:
        if event.kind == "Started":
            return False
        if end is not None:
            goes_on = stored.ended_seq is None or event.seq_no > stored.ended_seq
            return goes_on and event.at <= newest + STRAGGLES_IN_ORDER
        goes_on = stored.newest is None or event.seq_no > stored.newest[0]
        return goes_on or event.at <= newest + SILENT
    return begin is None or event.at >= begin - STRAGGLES_IN_ORDER
