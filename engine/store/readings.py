"""What interfaces read, by name: the fields of each, and how they are sorted unless asked otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column as TableColumn
from sqlalchemy import and_, case, func, literal_column

from engine.store.filters import Column
from engine.store.reading import Include, Order, Reading
from engine.store.tables.access import api_tokens, audit_log, ocpi_parties
from engine.store.tables.configuration import charge_point_certificates
from engine.store.tables.device import device_variables, display_messages, variable_monitors
from engine.store.tables.drivers import id_tags, reservations
from engine.store.tables.energy import charging_limits, charging_profiles
from engine.store.tables.inventory import (
    charge_point_status,
    charge_points,
    connector_status,
    locations,
    operators,
    tariffs,
)
from engine.store.tables.logs import message_log, status_log
from engine.store.tables.security import (
    certificate_requests,
    issued_certificates,
    security_events,
    security_profile_moves,
)
from engine.store.tables.sessions import (
    charging_periods,
    meter_values,
    orphans,
    session_totals,
    sessions,
    transaction_events,
)

OLDEST: Final = (Order(field="id"),)
BY_IDENTITY: Final = (Order(field="identity"),)
NEWEST: Final = (Order(field="id", descending=True),)


def _of_station(column: TableColumn[int]) -> dict[str, tuple[Column, Column]]:
    """A condition on the station's identity first looks up its id, deleted stations included."""
    return {"station": (column, charge_points.c.id)}


CONNECTORS: Final = Reading(
    connector_status,
    always=connector_status.c.evse_number > literal_column("0"),
    order=(Order(field="evse_number"), Order(field="connector_number")),
)
WHOLE: Final = connector_status.alias("whole")  # what a station says of itself: connector 0 of EVSE 0
STATIONS: Final = Reading(
    charge_points,
    source=charge_points.join(
        charge_point_status, charge_point_status.c.charge_point_id == charge_points.c.id
    )
    .outerjoin(
        WHOLE,
        and_(
            WHOLE.c.charge_point_id == charge_points.c.id,
            WHOLE.c.evse_number == literal_column("0"),
            WHOLE.c.connector_number == literal_column("0"),
        ),
    )
    .outerjoin(
        security_profile_moves,
        and_(
            security_profile_moves.c.charge_point_id == charge_points.c.id,
            security_profile_moves.c.status == literal_column("'under_way'"),
        ),
    ),
    fields={
        **charge_point_status.c,
        **charge_points.c,
        "identity": charge_points.c.network_id,
        "has_password": charge_points.c.password_sha256.is_not(None),
        "hardware_status": WHOLE.c.status,
        "hardware_error_code": WHOLE.c.error_code,
        "next_security_profile": security_profile_moves.c.security_profile,
        "next_security_profile_at": security_profile_moves.c.planned_at,
    },
    always=charge_points.c.deleted_at.is_(None),
    order=OLDEST,
    includes={"connectors": Include(reading=CONNECTORS, on={"charge_point_id": "id"}, most=1_000)},
)
ID_TAGS: Final = Reading(id_tags, order=OLDEST)
_RUNNING: Final = sessions.c.status == literal_column("'active'")
SESSIONS: Final = Reading(
    sessions,
    source=sessions.join(charge_points, charge_points.c.id == sessions.c.charge_point_id)
    .outerjoin(session_totals, session_totals.c.session_id == sessions.c.id)
    .outerjoin(tariffs, tariffs.c.id == sessions.c.tariff_id),
    fields={
        **sessions.c,
        "station": charge_points.c.network_id,
        "energy_wh": func.coalesce(sessions.c.energy_wh, session_totals.c.energy_wh, literal_column("0")),
        "soc_percent": session_totals.c.soc_percent,
        # Present values: there are none of a session that is over.
        "power_w": case((_RUNNING, session_totals.c.power_w)),
        "current_a": case((_RUNNING, session_totals.c.current_a)),
        "voltage_v": case((_RUNNING, session_totals.c.voltage_v)),
        "charging_state": case((_RUNNING, sessions.c.charging_state)),
        "currency": tariffs.c.currency,
        "price_per_session": tariffs.c.price_per_session,
        "price_per_kwh": tariffs.c.price_per_kwh,
        "price_per_minute": tariffs.c.price_per_minute,
        "read_at": func.now(),
    },
    lookups=_of_station(sessions.c.charge_point_id),
    order=NEWEST,
)
ORPHANS: Final = Reading(
    orphans,
    source=orphans.join(charge_points, charge_points.c.id == orphans.c.charge_point_id),
    fields={**orphans.c, "station": charge_points.c.network_id},
    lookups=_of_station(orphans.c.charge_point_id),
    order=NEWEST,
)
METER_VALUES: Final = Reading(meter_values, order=(Order(field="timestamp"), Order(field="sample_key")))
PERIODS: Final = Reading(charging_periods, order=(Order(field="started_at"),))
TRANSACTION_EVENTS: Final = Reading(
    transaction_events,
    order=tuple(Order(field=name) for name in ("seq_no", "timestamp", "event_type", "content")),
)
TOKENS: Final = Reading(api_tokens, order=OLDEST)
OPERATORS: Final = Reading(
    operators,
    source=operators.outerjoin(tariffs, tariffs.c.id == operators.c.tariff_id),
    fields={
        **operators.c,
        "price_per_session": tariffs.c.price_per_session,
        "price_per_kwh": tariffs.c.price_per_kwh,
        "price_per_minute": tariffs.c.price_per_minute,
    },
    order=OLDEST,
)
LOCATIONS: Final = Reading(locations, order=OLDEST)
OCPI_PARTIES: Final = Reading(ocpi_parties, order=OLDEST)
AUDIT: Final = Reading(audit_log, order=NEWEST)
MESSAGES: Final = Reading(
    message_log,
    source=message_log.join(charge_points, charge_points.c.id == message_log.c.charge_point_id),
    fields={**message_log.c, "station": charge_points.c.network_id},
    lookups=_of_station(message_log.c.charge_point_id),
    order=(Order(field="at", descending=True), Order(field="id", descending=True)),
)
SECURITY_EVENTS: Final = Reading(
    security_events,
    source=security_events.outerjoin(charge_points, charge_points.c.id == security_events.c.charge_point_id),
    fields={**security_events.c, "station": charge_points.c.network_id},
    lookups=_of_station(security_events.c.charge_point_id),
    order=NEWEST,
)


def _along(*fields: str) -> Sequence[Order]:
    return tuple(Order(field=field) for field in fields)


# What is known of a station's inside; each is read for one station, along its key there.
VARIABLES: Final = Reading(
    device_variables,
    order=_along(
        "component", "component_instance", "evse_number", "connector_number", "variable", "variable_instance",
        "attribute",
    ),
)  # fmt: skip
MONITORS: Final = Reading(variable_monitors, order=_along("monitor_id"))
DISPLAY_MESSAGES: Final = Reading(display_messages, order=_along("message_id"))
CHARGING_PROFILES: Final = Reading(charging_profiles, order=_along("evse_number", "profile_id"))
CHARGING_LIMITS: Final = Reading(charging_limits, order=_along("evse_number", "source"))
RESERVATIONS: Final = Reading(
    reservations,
    fields={
        **reservations.c,
        # Stations of OCPP 1.6 do not say that one has run out.
        "status": case(
            (and_(reservations.c.status == "active", reservations.c.expiry_date <= func.now()), "expired"),
            else_=reservations.c.status,
        ),
    },
    order=NEWEST,
)
CERTIFICATE_REQUESTS: Final = Reading(certificate_requests, order=_along("certificate_type"))
ISSUED_CERTIFICATES: Final = Reading(issued_certificates, order=NEWEST)
STATUSES: Final = Reading(
    status_log, order=(Order(field="at", descending=True), Order(field="id", descending=True))
)
INSTALLATIONS: Final = Reading(charge_point_certificates, order=OLDEST)
