"""What is known of a charge point's inside: variables, monitors, displays, profiles, certificates …"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from api.kernel.operations import Route
from api.kernel.views import (
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
from engine.domain.vocabulary import ReservationStatus
from engine.node import Node
from engine.store.repositories.inventory import DisplayMessage, HeldLimit, HeldProfile, VariableKey

VARIABLE_KEY: Final = msgspec.json.Decoder(VariableKey)
PROFILE_KEY: Final = msgspec.json.Decoder(tuple[int, int])


class VariableView(Camel, frozen=True, kw_only=True):
    """An attribute of a variable; `value` is null where it is not known, never told or a secret."""

    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    attribute: str
    value: str | None
    mutability: str | None
    persistent: bool | None
    constant: bool | None
    data_type: str | None
    unit: str | None
    min_limit: float | None
    max_limit: float | None
    values_list: str | None
    supports_monitoring: bool | None
    at: datetime


class MonitorView(Camel, frozen=True, kw_only=True):
    monitor_id: int
    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    type: str
    value: float
    severity: int
    transaction: bool
    kind: str | None
    active: bool
    at: datetime


class DisplayMessageView(Camel, frozen=True, kw_only=True):
    """`message` is the MessageInfo of OCPP."""

    message_id: int
    message: msgspec.Raw
    active: bool
    at: datetime


class ProfileView(Camel, frozen=True, kw_only=True):
    """`profile` as it was sent; `source` CSO is us."""

    evse_number: int
    profile_id: int
    purpose: str
    stack_level: int
    source: str
    profile: msgspec.Raw
    active: bool
    at: datetime


class LimitView(Camel, frozen=True, kw_only=True):
    evse_number: int
    source: str
    grid_critical: bool
    schedules: msgspec.Raw
    active: bool
    at: datetime


class ReservationView(Camel, frozen=True, kw_only=True):
    id: int
    connector_number: int
    id_tag: str
    parent_id_tag: str | None
    status: str
    expiry_date: datetime
    session_id: int | None
    created_at: datetime
    last_updated_at: datetime


class RequestView(Camel, frozen=True, kw_only=True):
    certificate_type: str
    request_id: int | None
    status: str
    reason: str | None
    attempts: int
    next_attempt_at: datetime
    requested_at: datetime
    answered_at: datetime | None


class IssuedView(Camel, frozen=True, kw_only=True):
    id: int
    certificate_type: str
    serial: str
    not_after: datetime
    certificate: str
    status: str
    renewal_asked_at: datetime | None
    issued_at: datetime


class StatusView(Camel, frozen=True, kw_only=True):
    id: int
    scope: str
    status: str
    evse_number: int | None
    connector_number: int | None
    error_code: str | None
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: datetime
    received_at: datetime


class VariableQuery(Camel, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: Limit = 100
    component: str | None = None
    variable: str | None = None


class ActiveQuery(Camel, frozen=True, kw_only=True):
    """`active` true: those in force; false: those that were; absent: both."""

    cursor: Number | None = None
    limit: Limit = 100
    active: bool | None = None


class ProfileQuery(Camel, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: Limit = 100
    active: bool | None = None


class ReservationQuery(Camel, frozen=True, kw_only=True):
    cursor: Number | None = None
    limit: Limit = 100
    status: ReservationStatus | None = None


class IssuedQuery(Camel, frozen=True, kw_only=True):
    cursor: Number | None = None
    limit: Limit = 100


class StatusQuery(Camel, frozen=True, kw_only=True):
    cursor: str | None = None
    limit: Limit = 100
    scope: Literal["network", "hardware"] | None = None


async def variables(node: Node, identity: str, query: VariableQuery) -> Page:
    """By name."""
    station = await node.store.stations.get(identity)
    rows = await node.store.inventory.variables(
        station.id,
        component=query.component,
        variable=query.variable,
        after=None if query.cursor is None else key_of(query.cursor, VARIABLE_KEY),
        limit=query.limit,
    )
    return page(rows, query.limit, lambda row: key_cursor(row.key), lambda row: shown(VariableView, row))


async def monitors(node: Node, identity: str, query: ActiveQuery) -> Page:
    """By number."""
    station = await node.store.stations.get(identity)
    rows = await node.store.inventory.monitors(
        station.id, active=query.active, after=_after(query.cursor), limit=query.limit
    )
    return page(rows, query.limit, lambda row: row.monitor_id, lambda row: shown(MonitorView, row))


async def display_messages(node: Node, identity: str, query: ActiveQuery) -> Page:
    """By number."""
    station = await node.store.stations.get(identity)
    rows = await node.store.inventory.display_messages(
        station.id, active=query.active, after=_after(query.cursor), limit=query.limit
    )
    return page(rows, query.limit, lambda row: row.message_id, _displayed)


def _displayed(row: DisplayMessage) -> DisplayMessageView:
    return shown(DisplayMessageView, row, message=_raw(row.message))


async def charging_profiles(node: Node, identity: str, query: ProfileQuery) -> Page:
    """By EVSE and number."""
    station = await node.store.stations.get(identity)
    after = (-1, 0) if query.cursor is None else key_of(query.cursor, PROFILE_KEY)
    rows = await node.store.inventory.charging_profiles(
        station.id, active=query.active, after=after, limit=query.limit
    )
    return page(rows, query.limit, lambda row: key_cursor((row.evse_number, row.profile_id)), _profile)


def _profile(row: HeldProfile) -> ProfileView:
    return shown(ProfileView, row, profile=_raw(row.profile))


async def charging_limits(node: Node, identity: str) -> Sequence[LimitView]:
    """By EVSE and source."""
    station = await node.store.stations.get(identity)
    return [_limit(row) for row in await node.store.inventory.charging_limits(station.id)]


def _limit(row: HeldLimit) -> LimitView:
    return shown(LimitView, row, schedules=_raw(row.schedules))


async def reservations(node: Node, identity: str, query: ReservationQuery) -> Page:
    """Highest number first; the numbers are the station's own."""
    station = await node.store.stations.get(identity)
    rows = await node.store.reservations.list(
        station.id, status=query.status, before=query.cursor, limit=query.limit
    )
    return page(rows, query.limit, lambda row: row.id, lambda row: shown(ReservationView, row))


async def certificate_requests(node: Node, identity: str) -> Sequence[RequestView]:
    """What it asked a CA for, and what became of it: the newest wish per use."""
    station = await node.store.stations.get(identity)
    return [shown(RequestView, row) for row in await node.store.station_certificates.requests(station.id)]


async def issued_certificates(node: Node, identity: str, query: IssuedQuery) -> Page:
    """What CAs gave for it, newest first."""
    station = await node.store.stations.get(identity)
    rows = await node.store.station_certificates.issued(station.id, before=query.cursor, limit=query.limit)
    return page(rows, query.limit, lambda row: row.id, lambda row: shown(IssuedView, row))


async def statuses(node: Node, identity: str, query: StatusQuery) -> Page:
    """When it came and went (scope network), and what it said of itself (hardware); newest first."""
    station = await node.store.stations.get(identity)
    before = moment_and_number(query.cursor)
    rows = await node.store.inventory.statuses(
        station.id, scope=query.scope, before=before, limit=query.limit
    )
    return page(
        rows, query.limit, lambda row: moment_cursor(row.at, row.id), lambda row: shown(StatusView, row)
    )


def _after(cursor: int | None) -> int:
    """Numbers of stations begin with 0."""
    return -1 if cursor is None else cursor


def _raw(document: str) -> msgspec.Raw:
    return msgspec.Raw(document.encode())


ROUTES = (
    Route("GET", "/stations/<identity>/variables", variables),
    Route("GET", "/stations/<identity>/monitors", monitors),
    Route("GET", "/stations/<identity>/display-messages", display_messages),
    Route("GET", "/stations/<identity>/charging-profiles", charging_profiles),
    Route("GET", "/stations/<identity>/charging-limits", charging_limits),
    Route("GET", "/stations/<identity>/reservations", reservations),
    Route("GET", "/stations/<identity>/certificate-requests", certificate_requests),
    Route("GET", "/stations/<identity>/issued-certificates", issued_certificates),
    Route("GET", "/stations/<identity>/statuses", statuses),
)
