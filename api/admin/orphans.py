"""Stops of transactions that nobody knows: kept until they find a session or a person has looked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.kernel.operations import Route
from api.kernel.views import NUMBER, Camel, Limit, Number, Page, page, shown
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.repositories.orphans import OrphanRow


class OrphanView(Camel, frozen=True, kw_only=True):
    """`payload` as sent. Settled with `resolvedAt`: it ended the session `sessionId`, or was dismissed."""

    id: int
    station: str
    action: str
    transaction_id: str
    connector_number: int | None
    id_tag: str | None
    meter_wh: int | None
    timestamp: datetime
    reason: str | None
    payload: msgspec.Raw
    received_at: datetime
    session_id: int | None
    resolved_at: datetime | None


class ListQuery(Camel, frozen=True, kw_only=True):
    """`open` true: those that wait; false: those that are settled; absent: both."""

    cursor: Number | None = None
    limit: Limit = 100
    station: str | None = None
    open: bool | None = None


class Dismissal(Camel, frozen=True, kw_only=True):
    """`note` goes into the audit trail."""

    note: Annotated[str, Meta(max_length=500)] | None = None


def view(row: OrphanRow) -> OrphanView:
    return shown(OrphanView, row, station=row.identity, payload=msgspec.Raw(row.payload.encode()))


async def list_(node: Node, query: ListQuery) -> Page:
    """Newest first."""
    rows = await node.store.orphans.list(
        identity=query.station, unresolved=query.open, before=query.cursor, limit=query.limit
    )
    return page(rows, query.limit, lambda row: row.id, view)


async def show(node: Node, orphan_id: int) -> OrphanView:
    return view(await node.store.orphans.get(orphan_id))


async def dismiss(node: Node, orphan_id: int, body: Dismissal, caller: Caller) -> OrphanView:
    """A person has looked: it belongs to no session. Raises Conflict where it is settled."""
    return view(await node.store.orphans.dismiss(orphan_id, actor=caller.actor, note=body.note))


ROUTES = (
    Route("GET", "/orphans", list_),
    Route("GET", f"/orphans/<{NUMBER}:orphan_id>", show),
    Route("POST", f"/orphans/<{NUMBER}:orphan_id>/dismiss", dismiss),
)
