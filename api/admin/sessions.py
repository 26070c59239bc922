"""Charging sessions as they are and were; running ones with their latest meter values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from api.kernel.operations import Route
from api.kernel.views import (
    NUMBER,
    Camel,
    Limit,
    Number,
    Page,
    key_cursor,
    key_of,
    moment_and_number,
    moment_cursor,
    page,
    shown,
)
from engine.domain.caller import Caller
from engine.domain.state import SessionStatus
from engine.node import Node
from engine.ocpp.blocks.remote_control.start import Start
from engine.ocpp.operation import Verdict
from engine.operations.remote_start import remote_start
from engine.operations.remote_stop import remote_stop
from engine.store.repositories.sessions import (
    EventPlace,
    MeterValueRow,
    SessionFilter,
    SessionRow,
    TransactionEventRow,
)

MAX_EVSE: Final = 2**31 - 1
Aware = Annotated[datetime, Meta(tz=True)]
EVENT_KEY: Final = msgspec.json.Decoder(EventPlace)


class SessionView(Camel, frozen=True, kw_only=True):
    """`station` is the identity; energy is Wh, power W, current A, voltage V; `amount` is so far.

    One that was asked for remotely and has not begun has no `transactionId`; it began to wait at `startedAt`
    and begins by `expiresAt`. `evseNumber` 0: any, or not known yet.
    `waived` says why it costs nothing. `chargingState` is told by OCPP 2.x while it runs. `released` is what
    a person has lifted of `review`.
    """

    id: int
    station: str
    evse_number: int
    connector_number: int
    transaction_id: str | None
    status: str
    reason: str | None
    id_tag: str | None
    stop_id_tag: str | None
    started_at: datetime
    stopped_at: datetime | None
    expires_at: datetime | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    currency: str | None
    amount: Decimal | None
    waived: str | None
    charging_state: str | None
    remote_start_id: int | None
    offline: bool
    review: Sequence[str]
    released: Sequence[str]
    released_at: datetime | None
    released_by: str | None
    last_updated_at: datetime


class NewSession(Camel, frozen=True, kw_only=True):
    """A remote start. Without a tag the session has one of its own."""

    station: str
    evse_number: Annotated[int, Meta(ge=1, le=MAX_EVSE)] | None = None
    id_tag: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    id_type: Annotated[str, Meta(min_length=1, max_length=20)] = "ISO14443"


class VerdictView(Camel, frozen=True, kw_only=True):
    """What the station made of it: `word` is its own, `reason` what it added."""

    verdict: Verdict
    word: str
    reason: str | None


class StartedView(VerdictView, frozen=True, kw_only=True):
    """`session_id` is pending until the station tells of its transaction, and failed if it refused."""

    session_id: int | None
    authorization_id: int | None


class MeterValueView(Camel, frozen=True, kw_only=True):
    """`samples` as the charge point sent them."""

    timestamp: datetime
    received_at: datetime
    energy_wh: int | None
    register_wh: int | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    samples: msgspec.Raw


class PeriodView(Camel, frozen=True, kw_only=True):
    """A stretch of charging or idling; energies are the session's totals at its ends."""

    started_at: datetime
    stopped_at: datetime | None
    charging_state: str
    energy_start_wh: int
    energy_stop_wh: int | None


class EventView(Camel, frozen=True, kw_only=True):
    """An event as the station told it: `payload` is its TransactionEvent."""

    seq_no: int
    timestamp: datetime
    event_type: str
    trigger_reason: str
    offline: bool
    received_at: datetime
    payload: msgspec.Raw


class Release(Camel, frozen=True, kw_only=True):
    """`note` goes into the audit trail."""

    note: Annotated[str, Meta(max_length=500)] | None = None


class ListQuery(Camel, frozen=True, kw_only=True):
    """Newest first. `from` is included, `until` is not."""

    cursor: Number | None = None
    limit: Limit = 100
    station: str | None = None
    status: SessionStatus | None = None
    id_tag: str | None = None
    from_: Aware | None = msgspec.field(name="from", default=None)
    until: Aware | None = None
    held: bool | None = None


class TailQuery(Camel, frozen=True, kw_only=True):
    """Oldest first, those with a number above `after`."""

    after: Number = 0
    limit: Limit = 100


class ValuesQuery(Camel, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: Limit = 100


def view(row: SessionRow) -> SessionView:
    return shown(SessionView, row, station=row.identity)


async def list_(node: Node, query: ListQuery) -> Page:
    narrow = SessionFilter(
        identity=query.station,
        status=query.status,
        id_tag=query.id_tag,
        started_from=query.from_,
        started_until=query.until,
        held=query.held,
    )
    rows = await node.store.sessions.list(narrow, before=query.cursor, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, view)


async def tail(node: Node, query: TailQuery) -> Page:
    rows = await node.store.sessions.tail(query.after, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, view)


async def show(node: Node, session_id: int) -> SessionView:
    return view(await node.store.sessions.get(session_id))


async def start(node: Node, body: NewSession, caller: Caller) -> StartedView:
    """Ask a station to begin a session; it pends until the station has begun."""
    operation = Start(id_tag=body.id_tag, evse_number=body.evse_number, id_type=body.id_type)
    return shown(StartedView, await remote_start(node, caller, body.station, operation))


async def stop(node: Node, session_id: int, caller: Caller) -> VerdictView:
    """Ask its station to end a session. Raises Conflict where it has not begun or is over."""
    return shown(VerdictView, await remote_stop(node, caller, session_id))


async def meter_values(node: Node, session_id: int, query: ValuesQuery) -> Page:
    """In order of time."""
    after = moment_and_number(query.cursor)
    rows = await node.store.sessions.meter_values(session_id, after=after, limit=query.limit)
    return page(rows, query.limit, lambda row: moment_cursor(row.timestamp, row.sample_key), _value)


def _value(row: MeterValueRow) -> MeterValueView:
    return shown(MeterValueView, row, samples=msgspec.Raw(row.samples.encode()))


async def periods(node: Node, session_id: int) -> list[PeriodView]:
    await node.store.sessions.get(session_id)
    return [shown(PeriodView, row) for row in await node.store.sessions.periods(session_id)]


async def events(node: Node, session_id: int, query: ValuesQuery) -> Page:
    """OCPP 2.x: what the station told of it, in the station's order."""
    await node.store.sessions.get(session_id)
    after = None if query.cursor is None else key_of(query.cursor, EVENT_KEY)
    rows = await node.store.sessions.events(session_id, after=after, limit=query.limit)
    return page(rows, query.limit, _event_cursor, _event)


def _event_cursor(row: TransactionEventRow) -> str:
    return key_cursor((row.seq_no, row.timestamp.isoformat(), row.event_type, row.content))


def _event(row: TransactionEventRow) -> EventView:
    return shown(EventView, row, payload=msgspec.Raw(row.payload.encode()))


async def release(node: Node, session_id: int, body: Release, caller: Caller) -> SessionView:
    """A person has looked: it is held no more. Raises Conflict where it is not held, or not over."""
    return view(await node.store.sessions.release(session_id, actor=caller.actor, note=body.note))


ROUTES = (
    Route("GET", "/sessions", list_),
    Route("POST", "/sessions", start, limit=None),
    Route("GET", "/sessions/tail", tail),
    Route("GET", f"/sessions/<{NUMBER}:session_id>", show),
    Route("POST", f"/sessions/<{NUMBER}:session_id>/stop", stop, limit=None),
    Route("GET", f"/sessions/<{NUMBER}:session_id>/meter-values", meter_values),
    Route("GET", f"/sessions/<{NUMBER}:session_id>/periods", periods),
    Route("GET", f"/sessions/<{NUMBER}:session_id>/events", events),
    Route("POST", f"/sessions/<{NUMBER}:session_id>/release", release),
)
