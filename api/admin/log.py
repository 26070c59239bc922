"""What happened: the OCPP messages of a charge point, security events, who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.kernel.operations import Route
from api.kernel.views import Camel, Limit, Number, Page, moment_and_number, moment_cursor, page, shown
from engine.node import Node
from engine.store.repositories.access import SecurityEventRow
from engine.store.repositories.provisioning import LoggedMessage


class MessageView(Camel, frozen=True, kw_only=True):
    """`payload` as it stood on the wire, secrets masked; `repairs` names what was mended."""

    id: int
    station: str
    at: datetime
    direction: str
    kind: str
    action: str
    message_id: str
    payload: str
    correlation_id: str
    repairs: str | None


class SecurityEventView(Camel, frozen=True, kw_only=True):
    id: int
    charge_point_id: int | None
    station: str | None
    type: str
    timestamp: datetime
    tech_info: str | None
    critical: bool
    received_at: datetime


class AuditView(Camel, frozen=True, kw_only=True):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


class MessageQuery(Camel, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: Limit = 100
    action: str | None = None


class StationMessagesQuery(MessageQuery, frozen=True, kw_only=True):
    station: str | None = None


class EventQuery(Camel, frozen=True, kw_only=True):
    cursor: Number | None = None
    limit: Limit = 100
    station: str | None = None


class AuditQuery(Camel, frozen=True, kw_only=True):
    cursor: Number | None = None
    limit: Limit = 100
    subject: str | None = None


async def messages(node: Node, query: StationMessagesQuery) -> Page:
    """Of all charge points, newest first."""
    return await _messages(node, query.station, query)


async def messages_of(node: Node, identity: str, query: MessageQuery) -> Page:
    """Newest first."""
    return await _messages(node, identity, query)


async def _messages(node: Node, identity: str | None, query: MessageQuery) -> Page:
    number = None if identity is None else (await node.store.stations.get(identity)).id
    before = moment_and_number(query.cursor)
    rows = await node.store.messages.list(number, before=before, action=query.action, limit=query.limit)
    return page(rows, query.limit, lambda row: moment_cursor(row.at, row.id), _message)


def _message(row: LoggedMessage) -> MessageView:
    return shown(MessageView, row, station=row.identity)


async def security_events(node: Node, query: EventQuery) -> Page:
    """Newest first, of one station or of all; those of unknown peers have no charge point."""
    number = None if query.station is None else (await node.store.stations.get(query.station)).id
    rows = await node.store.security_events.list(
        charge_point_id=number, before=query.cursor, limit=query.limit
    )
    return page(rows, query.limit, lambda row: row.id, _event)


def _event(row: SecurityEventRow) -> SecurityEventView:
    return shown(SecurityEventView, row, station=row.identity)


async def audit(node: Node, query: AuditQuery) -> Page:
    """Newest first; `subject` such as charge_point:CP1."""
    rows = await node.store.audit.list(subject=query.subject, before=query.cursor, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, lambda row: shown(AuditView, row))


ROUTES = (
    Route("GET", "/messages", messages),
    Route("GET", "/stations/<identity>/messages", messages_of),
    Route("GET", "/security-events", security_events),
    Route("GET", "/audit", audit),
)
