"""What chargers report of transactions, in the words that all versions of OCPP share.

OCPP 1.6 reports a start and a stop, OCPP 2.x events; each of them is an `Event` here. What is stored of those
of OCPP 2.x is here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias

from engine.domain.session.review import Reviews
from engine.domain.state import Frozen, Session
from engine.domain.vocabulary import ChargingState, SessionReason

Position: TypeAlias = tuple[int, datetime, int, int]
Kind: TypeAlias = Literal["Started", "Updated", "Ended"]
# Of events under one number and time.
RANKS: Final[Mapping[str, int]] = {"Started": 0, "Updated": 1, "Ended": 2}


class Stop(Frozen, frozen=True):
    """The end of a session, as its station reported it and its samples complete it."""

    at: datetime
    meter_wh: int | None  # None: no register was ever told
    reason: SessionReason | None  # None: it told none
    id_tag: str | None = None
    certain: bool = True  # `meter_wh` is known to be the register of the end


class Value(Frozen, frozen=True):
    """One MeterValue of an event; samples are anything that `ext.metering.read_numbers` takes."""

    at: datetime
    samples: Sequence[Any]


class Event(Frozen, frozen=True):
    """A TransactionEvent, StartTransaction or StopTransaction. None: the message does not say.

    `seq_no` is None in OCPP 1.6, which numbers nothing; there we give the transaction its id, and `meter_wh`
    is the register at its begin or end.
    """

    transaction_id: str
    seq_no: int | None
    at: datetime
    kind: Kind
    trigger: str = ""
    meter_wh: int | None = None
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


class Neighbour(Frozen, frozen=True):
    """The session before another one on its EVSE, or the one after it, if it has its end.

    `left`: it was that one's neighbour while its begin was taken to be at another time.
    """

    id: int
    earlier: bool
    meter_start_wh: int
    meter_stop_wh: int
    review: Reviews = ()
    released: Reviews = ()
    left: bool = False

    @property
    def registers(self) -> tuple[int, int]:
        """At its begin and its end, Wh."""
        return self.meter_start_wh, self.meter_stop_wh


class History(Frozen, frozen=True):
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
    return event.seq_no or 0, event.at, RANKS[event.kind], event.content
