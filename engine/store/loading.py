"""Rows into the values of `engine.domain.state`: what an actor needs to go on where the last one stopped.

Asyncio flavour; every query serves many charge points at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec.structs import replace

from engine.domain import device, metering
from engine.domain.access import StationRecord
from engine.domain.plausibility import clock_is_wrong
from engine.domain.starting import CLOCK_TOLERANCE, Pending, PendingKey
from engine.domain.state import (
    ChargePoint,
    Connector,
    Frozen,
    InstalledProfile,
    Metering,
    Orphan,
    Price,
    Registration,
    Reservation,
    Session,
    SessionStatus,
    StationSettings,
    Token,
)
from engine.store.database import Connection

ORPHANS_LOADED: Final = 100  # per charge point, oldest first; the rest follows when these are resolved
SETTINGS_SHARED: Final = 1_000  # distinct settings kept once for all charge points that have them

STATIONS: Final = """
select id, network_id as identity, operator_id, security_profile, status <> 'disabled' as enabled,
       password_sha256, invalid_username_allowed, certificate_serial, next_security_profile,
       (select sha256(convert_to(s.value, 'UTF8')) from charge_point_settings s
        where s.charge_point_id = charge_points.id and s.status = 'Pending'
          and (lower(s.name) = 'authorizationkey' or lower(s.name) like 'securityctrlr%basicauthpassword%')
        limit 1) as next_password_sha256
from charge_points
where network_id = any($1) and deleted_at is null
"""
CHARGE_POINTS: Final = """
select id, registration_status, booted_at, vendor, model, local_list_version, settings,
       hardware_status as status, hardware_error_code as error_code, hardware_info as info,
       hardware_vendor_id as vendor_id, hardware_vendor_error_code as vendor_error_code,
       hardware_status_at as at
from charge_points
where id = any($1)
"""
CONNECTORS: Final = """
select charge_point_id, evse_network_id, number, hardware_status as status,
       coalesce(error_code, 'NoError') as error_code, info, vendor_id, vendor_error_code,
       hardware_status_at as at
from connectors
where charge_point_id = any($1) and hardware_status is not null
"""
# The row written last has the totals; ties are rows of one message.
SESSIONS: Final = """
select s.id, s.charge_point_id, s.transaction_id, s.start_key, s.evse_number, s.connector_number, s.status,
       s.started_at, s.start_received_at, s.id_tag, s.meter_start_wh, s.stopped_at, s.meter_stop_wh,
       s.energy_wh, s.reservation_id,
       s.review, s.charging_state as told_state, s.remote_start_id, s.offline,
       t.group_id as parent_id_tag,
       coalesce(a.method = 'admin' and a.status = 'accepted', false) as asked,
       p.charging_state, f.currency, f.price_per_session, f.price_per_kwh, f.price_per_minute,
       m.energy_wh as total_wh, m.register_wh, m.resets, m.power_w, m.current_a,
       m.voltage_v, m.soc_percent, m.register_at, m.sampled_at, m.register_series, m.timestamp, m.received_at
from sessions s
left join id_tags t on t.id = s.id_tag_id
left join tariffs f on f.id = s.tariff_id
left join authorizations a on a.id = s.authorization_id
left join lateral (
    select charging_state from charging_periods
    where session_id = s.id and stopped_at is null
    order by started_at desc limit 1
) p on true
left join lateral (
    select * from meter_values
    where session_id = s.id and energy_wh is not null
    order by received_at desc, coalesce(sampled_at, timestamp) desc, energy_wh desc, timestamp desc limit 1
) m on true
"""
PRICES: Final = """
select o.id, t.currency, t.price_per_session, t.price_per_kwh, t.price_per_minute
from operators o join tariffs t on t.id = o.tariff_id
where o.id = any($1)
"""
ORPHANS: Final = """
select o.*
from unnest($1::bigint[]) as c(id)
cross join lateral (
    select id, charge_point_id, action, transaction_id, connector_number, id_tag, meter_wh, timestamp, reason,
           payload
    from orphans where charge_point_id = c.id and resolved_at is null
    order by id limit $2
) o
"""
RESERVATIONS: Final = """
select charge_point_id, id, connector_number, id_tag, parent_id_tag, expiry_date
from reservations
where charge_point_id = any($1) and status = 'active' and expiry_date > now()
"""
PROFILES: Final = """
select charge_point_id, evse_number, profile_id, purpose, stack_level,
       profile->>'transactionId' as transaction_id, profile, source
from charging_profiles
where charge_point_id = any($1) and active
"""
LIMITS: Final = """
select charge_point_id, component, variable, variable_instance, value
from device_variables
where charge_point_id = any($1) and lower(variable) in ('itemspermessage', 'bytespermessage')
  and attribute = 'Actual'
"""
TOKENS: Final = """
select q.n, t.id, t.uid, t.type, t.group_id, t.status, t.valid, t.expire_at, t.user_id,
       coalesce(u.status = 'enabled', true) as user_enabled, t.max_active_sessions, t.cache_mode
from unnest($1::bigint[], $2::text[]) with ordinality as q(operator_id, uid, n)
join id_tags t on t.operator_id = q.operator_id and lower(t.uid) = lower(q.uid)
left join users u on u.id = t.user_id
"""
ACTIVE: Final = """
select id_tag_id, charge_point_id, count(*) from sessions
where id_tag_id = any($1) and status in ('pending', 'active')
group by 1, 2
"""
# The one that is numbered, whatever became of it; else one that is awaited, by tag and EVSE. A number that
# was given and is not found names nothing: no other session is meant then.
PENDING: Final = """
select q.n, p.*, f.currency, f.price_per_session, f.price_per_kwh, f.price_per_minute
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[]) with ordinality
     as q(charge_point_id, number, id_tag, evse_number, at, n)
cross join lateral (
    select id, operator_id, charge_point_id, evse_number, id_tag, authorization_id, started_at as asked_at,
           expires_at, status, tariff_id
    from sessions
    where charge_point_id = q.charge_point_id and transaction_id is null
      and case when q.number is not null then id = q.number
               else status = 'pending' and lower(id_tag) = lower(q.id_tag)
                    and coalesce(started_at <= q.at, true)
                    and (evse_number = 0 or q.evse_number = 0 or evse_number = q.evse_number)
          end
    order by id limit 1
) p
left join tariffs f on f.id = p.tariff_id
"""
SAMPLES: Final = """
select q.n, m.timestamp, m.samples
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) with ordinality
     as q(charge_point_id, session_id, since, n)
join meter_values m
  on m.charge_point_id = q.charge_point_id and m.session_id = q.session_id and m.timestamp >= q.since
"""
LOOSE: Final = """
select q.n, m.timestamp, m.samples
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) with ordinality
     as q(charge_point_id, evse_number, since, n)
cross join lateral (
    select timestamp, samples from meter_values
    where charge_point_id = q.charge_point_id and evse_number = q.evse_number and session_id is null
      and timestamp > q.since
    order by timestamp limit $4
) m
"""
LOOSE_AT_MOST: Final = 300  # meter values that a start takes over
# A session that is told by events has this start key; the other ids were given by us (OCPP 1.6).
TOLD: Final = "s.start_key like 'transaction%'"


class Sample(msgspec.Struct, gc=False):
    """What identifies a stored sample; its value does not matter here."""

    measurand: str = ""
    phase: str = ""
    location: str = ""
    context: str = ""
    format: str = ""


decode_samples: Final = msgspec.json.Decoder(list[Sample]).decode
_shared: dict[bytes, StationSettings] = {}


class Restored(Frozen, frozen=True):
    """A session and what else its row says."""

    charge_point_id: int
    start_key: str
    session: Session


async def stations(connection: Connection, identities: Sequence[str]) -> Sequence[StationRecord | None]:
    rows = await connection.fetch(STATIONS, identities)
    found = {row["identity"]: StationRecord(**row) for row in rows}
    return [found.get(identity) for identity in identities]


async def charge_points(
    connection: Connection, asked: Sequence[tuple[StationRecord, str]], defaults: Mapping[str, Any]
) -> Sequence[ChargePoint | None]:
    """The states of charge points with the versions they now speak; None for one removed meanwhile."""
    ids = [record.id for record, _ in asked]
    rows = {row["id"]: row for row in await connection.fetch(CHARGE_POINTS, ids)}
    connectors = _by_station(await connection.fetch(CONNECTORS, ids))
    sessions: defaultdict[int, dict[str, Session]] = defaultdict(dict)
    for restored in await open_sessions(connection, ids):
        sessions[restored.charge_point_id][restored.session.transaction_id] = restored.session
    orphans = _by_station(await connection.fetch(ORPHANS, ids, ORPHANS_LOADED))
    reservations = _by_station(await connection.fetch(RESERVATIONS, ids))
    profiles = _by_station(await connection.fetch(PROFILES, ids))
    limits = _by_station(await connection.fetch(LIMITS, ids))
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
                connectors=_connectors(row, connectors[record.id]),
                sessions={
                    number: _marked(session, row["booted_at"])
                    for number, session in sessions[record.id].items()
                },
                orphans=tuple(_orphan(orphan) for orphan in orphans[record.id]),
                reservations={entry["id"]: _reservation(entry) for entry in reservations[record.id]},
                charging_profiles=tuple(_profile(profile) for profile in profiles[record.id]),
                items_per_message=_limits(limits[record.id], "items"),
                bytes_per_message=_limits(limits[record.id], "bytes"),
            )
        )
    return states


async def open_sessions(connection: Connection, charge_point_ids: Collection[int]) -> Sequence[Restored]:
    """Sessions that have begun and are not closed."""
    return await _sessions(
        connection,
        "where s.charge_point_id = any($1) and s.status = 'active'",
        charge_point_ids,
    )


async def sessions_by_start(
    connection: Connection, keys: Sequence[tuple[int, str]]
) -> Mapping[tuple[int, str], Session]:
    """Open or closed, by (charge point, start key)."""
    found = await _sessions(
        connection,
        "join unnest($1::bigint[], $2::text[]) as q(charge_point_id, key) "
        "on s.charge_point_id = q.charge_point_id and s.start_key = q.key",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return {(one.charge_point_id, one.start_key): one.session for one in found}


async def sessions_by_transaction(
    connection: Connection, keys: Sequence[tuple[int, str]]
) -> Mapping[tuple[int, str], Session]:
    """Open or closed, by (charge point, transaction id that we gave)."""
    found = await _sessions(
        connection,
        "join unnest($1::bigint[], $2::text[]) as q(charge_point_id, key) "
        f"on s.charge_point_id = q.charge_point_id and s.transaction_id = q.key and not {TOLD}",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return {(one.charge_point_id, one.session.transaction_id): one.session for one in found}


async def sessions_by_id(connection: Connection, ids: Collection[int]) -> dict[int, Restored]:
    """Open or closed, by number."""
    if not ids:
        return {}
    return {one.session.id: one for one in await _sessions(connection, "where s.id = any($1)", list(ids))}


async def tokens(connection: Connection, asked: Sequence[tuple[int, str]]) -> Sequence[Token | None]:
    """By (operator, id tag), case-insensitively; without the count of active sessions."""
    rows = await connection.fetch(TOKENS, [operator for operator, _ in asked], [uid for _, uid in asked])
    found = {row["n"] - 1: _token(row) for row in rows}
    return [found.get(n) for n in range(len(asked))]


async def active_sessions(connection: Connection, id_tags: Sequence[int]) -> Mapping[int, dict[int, int]]:
    """Open sessions network-wide by id tag and charge point; absent: none."""
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for row in await connection.fetch(ACTIVE, id_tags):
        found[row[0]][row[1]] = row[2]
    return found


async def pending_sessions(
    connection: Connection, asked: Sequence[tuple[int, PendingKey]]
) -> Mapping[tuple[int, PendingKey], Pending]:
    """Sessions that were asked for and have not begun, by (charge point, what is known); absent: none."""
    rows = await connection.fetch(
        PENDING,
        [charge_point_id for charge_point_id, _ in asked],
        [key.number for _, key in asked],
        [key.id_tag for _, key in asked],
        [key.evse_number for _, key in asked],
        [None if key.at is None else key.at + CLOCK_TOLERANCE for _, key in asked],
    )
    return {
        asked[row["n"] - 1]: replace(pending(row), price=None if row["currency"] is None else _price(row))
        for row in rows
    }


def pending(row: asyncpg.Record) -> Pending:
    return Pending(
        id=row["id"],
        operator_id=row["operator_id"],
        charge_point_id=row["charge_point_id"],
        evse_number=row["evse_number"],
        id_tag=row["id_tag"],
        authorization_id=row["authorization_id"],
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        status=SessionStatus(row["status"]),
    )


async def samples(
    connection: Connection, asked: Sequence[tuple[int, int, datetime]]
) -> Sequence[frozenset[tuple[datetime, str]]]:
    """(time stamp, identity) of stored samples for each (charge point, session, time), from that time on."""
    rows = await connection.fetch(SAMPLES, *([one[n] for one in asked] for n in range(3)))
    found: defaultdict[int, set[tuple[datetime, str]]] = defaultdict(set)
    for row in rows:
        found[row["n"] - 1].update((row["timestamp"], identity) for identity in identities(row["samples"]))
    return [frozenset(found[n]) for n in range(len(asked))]


async def loose_values(
    connection: Connection, asked: Sequence[tuple[int, int, datetime]]
) -> Sequence[Sequence[tuple[datetime, str]]]:
    """Meter values of no session for each (charge point, EVSE, time), those after it, oldest first."""
    rows = await connection.fetch(LOOSE, *([one[n] for one in asked] for n in range(3)), LOOSE_AT_MOST)
    found: list[list[tuple[datetime, str]]] = [[] for _ in asked]
    for row in rows:
        found[row["n"] - 1].append((row["timestamp"], row["samples"]))
    return found


def identities(stored: str) -> list[str]:
    """The identities of one row's samples (JSON as received)."""
    return [
        metering.identity_of(one.measurand, one.phase, one.location, one.context, one.format)
        for one in decode_samples(stored)
    ]


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


async def _sessions(
    connection: Connection, condition: str, ids: Collection[int], *keys: Sequence[str]
) -> Sequence[Restored]:
    return [_restored(row) for row in await connection.fetch(SESSIONS + condition, ids, *keys)]


async def prices(connection: Connection, operators: Collection[int]) -> Mapping[int, Price]:
    """What sessions that begin now cost, by operator; absent: nobody said."""
    return {row["id"]: _price(row) for row in await connection.fetch(PRICES, list(operators))}


def _price(row: asyncpg.Record) -> Price:
    return Price(
        currency=row["currency"],
        per_session=row["price_per_session"],
        per_kwh=row["price_per_kwh"],
        per_minute=row["price_per_minute"],
    )


def _restored(row: asyncpg.Record) -> Restored:
    state = row["charging_state"]
    return Restored(
        charge_point_id=row["charge_point_id"],
        start_key=row["start_key"],
        session=Session(
            id=row["id"],
            transaction_id=row["transaction_id"],
            evse_number=row["evse_number"],
            connector_number=row["connector_number"],
            status=SessionStatus(row["status"]),
            started_at=row["started_at"],
            received_at=row["start_received_at"],
            id_tag=row["id_tag"],
            meter_start_wh=row["meter_start_wh"],
            stopped_at=row["stopped_at"],
            meter_stop_wh=row["meter_stop_wh"],
            reservation_id=row["reservation_id"],
            parent_id_tag=row["parent_id_tag"],
            metering=_metering(row),
            charging=None if state is None else state == "charging",
            review=row["review"],
            charging_state=row["told_state"],
            remote_start_id=row["remote_start_id"],
            price=None if row["currency"] is None else _price(row),
            offline=row["offline"],
            asked=row["asked"],
        ),
    )


def _marked(session: Session, booted_at: datetime | None) -> Session:
    """An open session of which nothing came since the boot, as `sessions.on_boot` marks it."""
    newest = max(
        (at for at in (session.received_at, session.metering.last_sample_at) if at is not None),
        default=session.started_at,
    )
    return session if booted_at is None or newest > booted_at else replace(session, rebooted_at=booted_at)


def _metering(row: asyncpg.Record) -> Metering:
    """The running totals; those of the start where nothing was sampled, final ones where it is closed."""
    if row["resets"] is None:
        at = row["started_at"]
        if row["start_key"].startswith("transaction"):
            return Metering(energy_wh=row["energy_wh"] or 0)  # its start tells no register (OCPP 2.x)
        return Metering(
            energy_wh=row["energy_wh"] or 0,
            register_wh=row["meter_start_wh"],
            register_at=None if clock_is_wrong(at, row["start_received_at"]) else at,
        )
    return Metering(
        energy_wh=row["energy_wh"] if row["energy_wh"] is not None else row["total_wh"] or 0,
        register_wh=row["register_wh"],
        register_at=_counted_at(row, row["register_at"]) if row["register_wh"] is not None else None,
        series=row["register_series"] or 0,
        resets=row["resets"],
        power_w=row["power_w"],
        current_a=row["current_a"],
        voltage_v=row["voltage_v"],
        soc_percent=row["soc_percent"],
        last_sample_at=_counted_at(row, row["sampled_at"]),
    )


def _counted_at(row: asyncpg.Record, stored: datetime | None) -> datetime | None:
    """A time of the totals: that of their row unless another one is stored; None if it is not known."""
    at: datetime = row["timestamp"] if stored is None else stored
    return None if clock_is_wrong(at, row["received_at"]) else at


def _connectors(station: asyncpg.Record, rows: Sequence[asyncpg.Record]) -> dict[tuple[int, int], Connector]:
    connectors = {(row["evse_network_id"], row["number"]): _connector(row) for row in rows}
    if station["status"] is not None:
        connectors[0, 0] = _connector(station)
    return connectors


def _connector(row: asyncpg.Record) -> Connector:
    return Connector(
        status=row["status"],
        error_code=row["error_code"],
        info=row["info"],
        vendor_id=row["vendor_id"],
        vendor_error_code=row["vendor_error_code"],
        at=row["at"],
    )


def _orphan(row: asyncpg.Record) -> Orphan:
    return Orphan(
        id=row["id"],
        action=row["action"],
        transaction_id=row["transaction_id"],
        connector_number=row["connector_number"],
        id_tag=row["id_tag"],
        meter_wh=row["meter_wh"],
        timestamp=row["timestamp"],
        reason=row["reason"],
        payload=row["payload"].encode(),
    )


def _reservation(row: asyncpg.Record) -> Reservation:
    return Reservation(
        id=row["id"],
        connector_number=row["connector_number"],
        id_tag=row["id_tag"],
        parent_id_tag=row["parent_id_tag"],
        expiry_date=row["expiry_date"],
    )


def _profile(row: asyncpg.Record) -> InstalledProfile:
    return InstalledProfile(
        evse_number=row["evse_number"],
        profile_id=row["profile_id"],
        purpose=row["purpose"],
        stack_level=row["stack_level"],
        transaction_id=row["transaction_id"],
        profile=row["profile"].encode(),
        source=row["source"],
    )


def _limits(rows: Sequence[asyncpg.Record], kind: device.Kind) -> dict[str, int]:
    told = (
        device.limit_of(row["component"], row["variable"], row["variable_instance"], row["value"])
        for row in rows
    )
    return {limit.action: limit.most for limit in told if limit is not None and limit.kind == kind}


def _token(row: asyncpg.Record) -> Token:
    return Token(
        id=row["id"],
        uid=row["uid"],
        type=row["type"],
        group_id=row["group_id"],
        status=row["status"],
        valid=row["valid"],
        expires_at=row["expire_at"],
        user_id=row["user_id"],
        user_enabled=row["user_enabled"],
        max_active_sessions=row["max_active_sessions"],
        active_sessions=0,
        cache_mode=row["cache_mode"],
    )


def _by_station(rows: Sequence[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["charge_point_id"]].append(row)
    return found
