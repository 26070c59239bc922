"""Rows into the values of `engine.domain.state`: what an actor needs to go on where the last one stopped.

Asyncio flavour; every query serves many charge points at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from engine.domain import device
from engine.domain.access import StationRecord
from engine.domain.state import (
    NOTHING,
    VEHICLE_LEAD,
    ChargePoint,
    Connector,
    InstalledProfile,
    Orphan,
    Registration,
    Reservation,
    Session,
    StationSettings,
    Token,
    VehicleNeeds,
)
from engine.ocpp.blocks.smart_charging import vehicle_needs
from engine.store import loading_sessions
from engine.store.database import Connection
from engine.store.fields import columns, read

NO_BATTERIES: Final[frozenset[int]] = frozenset()  # Python makes a new one of each empty list
ORPHANS_LOADED: Final = 100  # per charge point, oldest first; the rest follows when these are resolved
SETTINGS_SHARED: Final = 1_000  # distinct settings kept once for all charge points that have them

STATIONS: Final = """
select id, network_id as identity, operator_id, security_profile, status <> 'disabled' as enabled,
       password_sha256, invalid_username_allowed, certificate_serial,
       (select m.security_profile from security_profile_moves m
        where m.charge_point_id = charge_points.id and m.status = 'under_way') as next_security_profile,
       (select sha256(convert_to(s.value, 'UTF8')) from charge_point_settings s
        where s.charge_point_id = charge_points.id and s.status = 'Pending'
          and (lower(s.name) = 'authorizationkey' or lower(s.name) like 'securityctrlr%basicauthpassword%')
        limit 1) as next_password_sha256
from charge_points
where network_id = any($1) and deleted_at is null
"""
CHARGE_POINTS: Final = """
select id, registration_status, booted_at, vendor, model, local_list_version, settings, network_protocol,
       array(select evse_number from evse_status e
             where e.charge_point_id = c.id and e.holds_battery) as batteries
from charge_points c join charge_point_status s on s.charge_point_id = c.id
where id = any($1)
"""
CONNECTORS: Final = f"""
select charge_point_id, evse_number, connector_number, {columns(Connector)}
from connector_status
where charge_point_id = any($1)
"""  # noqa: S608 - names of our fields
ORPHANS: Final = f"""
select o.*
from unnest($1::bigint[]) as c(id)
cross join lateral (
    select charge_point_id, {columns(Orphan, payload="convert_to(payload::text, 'UTF8')")}
    from orphans where charge_point_id = c.id and resolved_at is null
    order by id limit $2
) o
"""  # noqa: S608 - names of our fields
RESERVATIONS: Final = f"""
select charge_point_id, {columns(Reservation)}
from reservations
where charge_point_id = any($1) and status = 'active' and expiry_date > now()
"""  # noqa: S608 - names of our fields
HELD: Final = {
    "transaction_id": "profile ->> 'transactionId'",
    "profile": "convert_to(profile::text, 'UTF8')",
}
PROFILES: Final = f"""
select charge_point_id, {columns(InstalledProfile, **HELD)}
from charging_profiles
where charge_point_id = any($1) and active
"""  # noqa: S608 - names of our fields
VARIABLES: Final = """
select charge_point_id, component, variable, variable_instance, evse_number, value, unit, max_limit
from device_variables
where charge_point_id = any($1) and (
  attribute = 'Actual' and lower(variable) in (
      'itemspermessage', 'bytespermessage', 'acphaseswitchingsupported', 'maxexternalconstraintsid'
  )
  or lower(variable) = 'power' and lower(component) = 'evse' and max_limit is not null
)
"""
# What vehicles said since a moment, newest first.
VEHICLES: Final = """
select q.id as charge_point_id, r.evse_number, r.parameters, r.at
from unnest($1::bigint[], $2::timestamptz[]) as q(id, since)
cross join lateral (
    select (payload ->> 'evseId')::integer as evse_number, at,
           array(select json_object_keys(payload -> 'chargingNeeds' -> 'v2xChargingParameters')) as parameters
    from ocpp_reports
    where charge_point_id = q.id and action = 'NotifyEVChargingNeeds' and at >= q.since
    order by at desc
    limit 16
) r
"""
TOKENS: Final = """
select q.n, t.id, t.uid, t.type, t.group_id, t.status, t.valid, t.expire_at as expires_at, t.user_id,
       coalesce(u.status = 'enabled', true) as user_enabled, t.max_active_sessions, t.cache_mode,
       0 as active_sessions
from unnest($1::bigint[], $2::text[]) with ordinality as q(operator_id, uid, n)
join id_tags t on t.operator_id = q.operator_id and lower(t.uid) = lower(q.uid)
left join users u on u.id = t.user_id
"""
ACTIVE: Final = """
select id_tag_id, charge_point_id, count(*) from sessions
where id_tag_id = any($1) and status in ('pending', 'active')
group by 1, 2
"""


_shared: dict[bytes, StationSettings] = {}


async def stations(connection: Connection, identities: Sequence[str]) -> Sequence[StationRecord | None]:
    rows = await connection.fetch(STATIONS, identities)
    found = {row["identity"]: StationRecord(**row) for row in rows}
    return [found.get(identity) for identity in identities]


async def charge_points(
    connection: Connection, asked: Sequence[tuple[StationRecord, str]], defaults: Mapping[str, Any]
) -> Sequence[ChargePoint | None]:
    """The states of charge points with the versions they now speak; None for one removed meanwhile.

    "" stands for the version that was spoken last, "" again where none ever was.
    """
    ids = [record.id for record, _ in asked]
    rows = {row["id"]: row for row in await connection.fetch(CHARGE_POINTS, ids)}
    asked = [(record, version or _spoken(rows.get(record.id))) for record, version in asked]
    connectors = _by_station(await connection.fetch(CONNECTORS, ids))
    sessions: defaultdict[int, dict[str, Session]] = defaultdict(dict)
    for restored in await loading_sessions.open_sessions(connection, ids):
        sessions[restored.charge_point_id][restored.session.transaction_id] = restored.session
    orphans = _by_station(await connection.fetch(ORPHANS, ids, ORPHANS_LOADED))
    reservations = _by_station(await connection.fetch(RESERVATIONS, ids))
    profiles = _by_station(await connection.fetch(PROFILES, ids))
    variables = _by_station(await connection.fetch(VARIABLES, ids))
    since = {
        record.id: min(session.received_at or session.started_at for session in sessions[record.id].values())
        for record, version in asked
        if vehicle_needs.are_reported(version) and record.id in sessions
    }
    vehicles = await _vehicles(connection, since) if since else {}
    states: list[ChargePoint | None] = []
    for record, version in asked:
        row = rows.get(record.id)
        if row is None:
            states.append(None)
            continue
        states.append(
            ChargePoint(
                id=record.id,
                identity=record.identity,
                operator_id=record.operator_id,
                version=version,
                settings=station_settings(row["settings"], defaults),
                registration=Registration(row["registration_status"]),
                booted=row["booted_at"] is not None and row["registration_status"] == Registration.ACCEPTED,
                vendor=row["vendor"],
                model=row["model"],
                local_list_version=row["local_list_version"],
                connectors={
                    (one["evse_number"], one["connector_number"]): read(Connector, one)
                    for one in connectors[record.id]
                }
                or NOTHING,
                sessions={
                    number: loading_sessions.marked(session, row["booted_at"])
                    for number, session in sessions[record.id].items()
                }
                or NOTHING,
                orphans=tuple(read(Orphan, orphan) for orphan in orphans[record.id]),
                reservations={entry["id"]: read(Reservation, entry) for entry in reservations[record.id]}
                or NOTHING,
                charging_profiles=tuple(read(InstalledProfile, profile) for profile in profiles[record.id]),
                batteries=frozenset(row["batteries"]) or NO_BATTERIES,
                items_per_message=_limits(variables[record.id], "items"),
                bytes_per_message=_limits(variables[record.id], "bytes"),
                max_power_w=_max_powers(variables[record.id]),
                variables=_heeded(variables[record.id]),
                vehicles=vehicles.get(record.id, NOTHING),
            )
        )
    return states


async def tokens(connection: Connection, asked: Sequence[tuple[int, str]]) -> Sequence[Token | None]:
    """By (operator, id tag), case-insensitively; without the count of active sessions."""
    rows = await connection.fetch(TOKENS, [operator for operator, _ in asked], [uid for _, uid in asked])
    found = {row["n"] - 1: read(Token, row) for row in rows}
    return [found.get(n) for n in range(len(asked))]


async def active_sessions(connection: Connection, id_tags: Sequence[int]) -> Mapping[int, dict[int, int]]:
    """Open sessions network-wide by id tag and charge point; absent: none."""
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for row in await connection.fetch(ACTIVE, id_tags):
        found[row[0]][row[1]] = row[2]
    return found


def station_settings(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> StationSettings:
    """The station's own settings over the node's; equal ones are one object."""
    values = {**defaults, **stored}
    key = msgspec.json.encode(values, order="sorted")
    shared = _shared.get(key)
    if shared is None:
        shared = msgspec.convert(values, StationSettings)
        if len(_shared) >= SETTINGS_SHARED:
            _shared.clear()
        _shared[key] = shared
    return shared


def _limits(rows: Sequence[asyncpg.Record], kind: device.Kind) -> Mapping[str, int]:
    told = (
        device.limit_of(row["component"], row["variable"], row["variable_instance"], row["value"])
        for row in rows
    )
    return {limit.action: limit.most for limit in told if limit is not None and limit.kind == kind} or NOTHING


def _spoken(row: asyncpg.Record | None) -> str:
    """The version that it spoke last."""
    return (row["network_protocol"] or "") if row is not None else ""


def _max_powers(rows: Sequence[asyncpg.Record]) -> Mapping[int, int]:
    said = (
        (
            row["evse_number"],
            device.max_power_w(row["component"], row["variable"], row["unit"], row["max_limit"]),
        )
        for row in rows
    )
    return {evse: power for evse, power in said if power is not None} or NOTHING


def _heeded(rows: Sequence[asyncpg.Record]) -> Mapping[tuple[str, int], str]:
    named = ((row["variable"].casefold(), row["evse_number"], row["value"]) for row in rows)
    heeded = {
        (name, evse): value for name, evse, value in named if name in device.HEEDED and value is not None
    }
    return heeded or NOTHING


async def _vehicles(
    connection: Connection, since: Mapping[int, datetime]
) -> Mapping[int, dict[int, VehicleNeeds]]:
    """What the vehicles at EVSEs said last, by charge point; not before its moment, but for the lead."""
    moments = [moment - VEHICLE_LEAD for moment in since.values()]
    found: defaultdict[int, dict[int, VehicleNeeds]] = defaultdict(dict)
    for row in await connection.fetch(VEHICLES, list(since), moments):
        needs = VehicleNeeds(at=row["at"], parameters=frozenset(row["parameters"]))
        found[row["charge_point_id"]].setdefault(row["evse_number"], needs)
    return found


def _by_station(rows: Sequence[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["charge_point_id"]].append(row)
    return found
