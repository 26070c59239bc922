"""Charging sessions as they are and were; running ones with their latest meter values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from api.kernel.routes import Route
from api.kernel.views import (
    NUMBER,
    Camel,
    Limit,
    Number,
    Page,
    moment_and_number,
    moment_cursor,
    page,
    shown,
)
from engine.node import Node
from engine.store.repositories.sessions import MeterValueRow, SessionFilter, SessionRow

Aware = Annotated[datetime, Meta(tz=True)]


class SessionView(Camel, frozen=True, kw_only=True):
    """`station` is the identity; energy is Wh, power W, current A, voltage V; `amount` is so far."""

    id: int
    station: str
    evse_number: int
    connector_number: int
    transaction_id: str
    status: str
    reason: str | None
    id_tag: str | None
    stop_id_tag: str | None
    started_at: datetime
    stopped_at: datetime | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    currency: str | None
    amount: Decimal | None
    offline: bool
    review: str | None
    last_updated_at: datetime


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


class ListQuery(Camel, frozen=True, kw_only=True):
    """Newest first. `from` is included, `until` is not."""

    cursor: Number | None = None
    limit: Limit = 100
    station: str | None = None
    status: str | None = None
    id_tag: str | None = None
    from_: Aware | None = msgspec.field(name="from", default=None)
    until: Aware | None = None


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
    )
    rows = await node.store.sessions.list(narrow, before=query.cursor, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, view)


async def tail(node: Node, query: TailQuery) -> Page:
    rows = await node.store.sessions.tail(query.after, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, view)


async def show(node: Node, session_id: int) -> SessionView:
    return view(await node.store.sessions.get(session_id))


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


ROUTES = (
    Route("GET", "/sessions", list_),
    Route("GET", "/sessions/tail", tail),
    Route("GET", f"/sessions/<{NUMBER}:session_id>", show),
    Route("GET", f"/sessions/<{NUMBER}:session_id>/meter-values", meter_values),
    Route("GET", f"/sessions/<{NUMBER}:session_id>/periods", periods),
)
