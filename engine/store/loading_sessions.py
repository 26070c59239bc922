"""Rows into sessions: open ones, those that a message may mean, those awaited, and what was sampled of them.

Asyncio flavour; every query serves many charge points at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from msgspec.structs import replace

from engine.domain.metering import readings
from engine.domain.plausibility import clock_is_wrong
from engine.domain.starting import CLOCK_TOLERANCE, Pending, PendingKey
from engine.domain.state import (
    Frozen,
    Metering,
    Price,
    Session,
)
from engine.store.database import Connection
from engine.store.fields import read

# Members of a session whose columns are named otherwise, are of other tables, or are no columns.
_SESSION: Final = {
    "received_at": "s.start_received_at",
    "parent_id_tag": "t.group_id",
    "charging": "p.charging_state = 'charging'",
    "corrected": "s.corrected_at is not null",
    "asked": "coalesce(a.method = 'admin' and a.status = 'accepted', false)",
}
_IN_MEMORY: Final = {
    "metering", "price", "rebooted_at", "position", "unfolded", "told_at", "period_at", "stop_id_tag",
}  # fmt: skip
_OWN: Final = ", ".join(
    f"{_SESSION.get(name, 's.' + name)} as {name}"
    for name in Session.__struct_fields__
    if name not in _IN_MEMORY
)
_TOTALS: Final = """m.session_id is not null as sampled, coalesce(s.energy_wh, m.energy_wh, 0) as energy_wh,
       m.register_wh, m.register_at, m.power_w, m.current_a, m.voltage_v, m.soc_percent,
       coalesce(m.register_series, 0) as series, coalesce(m.resets, 0) as resets,
       m.sampled_at as last_sample_at"""
PRICE: Final = """f.currency, f.price_per_session as per_session, f.price_per_kwh as per_kwh,
       f.price_per_minute as per_minute"""
SESSIONS: Final = f"""
select s.charge_point_id, s.start_key, s.protocol, {_OWN}, {_TOTALS}, {PRICE}
from sessions s
left join id_tags t on t.id = s.id_tag_id
left join tariffs f on f.id = s.tariff_id
left join authorizations a on a.id = s.authorization_id
left join lateral (
    select charging_state from charging_periods
    where session_id = s.id and stopped_at is null
    order by started_at desc limit 1
) p on true
left join session_totals m on m.session_id = s.id
"""  # noqa: S608 - names of our fields
PRICES: Final = f"""
select o.id, {PRICE}
from operators o join tariffs f on f.id = o.tariff_id
where o.id = any($1)
"""  # noqa: S608 - a constant
# The one that is numbered, whatever became of it. Whoever words starts himself may give a number again: then
# it is the one that is awaited, or the newest. Without a number, one that is awaited, by tag and EVSE. Where
# a number was given and is not found, no other session is meant.
PENDING: Final = f"""
select q.n, p.*, t.group_id, {PRICE}
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[]) with ordinality
     as q(charge_point_id, number, id_tag, evse_number, at, n)
cross join lateral (
    select id, operator_id, charge_point_id, evse_number, id_tag, authorization_id, started_at as asked_at,
           expires_at, status, tariff_id, id_tag_id, user_id
    from sessions
    where charge_point_id = q.charge_point_id and transaction_id is null
      and case when q.number is not null then remote_start_id = q.number
               else status = 'pending' and lower(id_tag) = lower(q.id_tag)
                    and coalesce(started_at <= q.at, true)
                    and (evse_number = 0 or q.evse_number = 0 or evse_number = q.evse_number)
          end
    order by status <> 'pending', case when q.number is null then id else -id end limit 1
) p
left join tariffs f on f.id = p.tariff_id
left join id_tags t on t.id = p.id_tag_id
"""  # noqa: S608 - a constant
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
TOLD: Final = "s.protocol <> 'ocpp1.6'"  # by events, under an id of the station's; others have ids of ours


class Sample(msgspec.Struct, gc=False):
    """What identifies a stored sample; its value does not matter here."""

    measurand: str = ""
    phase: str = ""
    location: str = ""
    context: str = ""
    format: str = ""


decode_samples: Final = msgspec.json.Decoder(list[Sample]).decode


class Restored(Frozen, frozen=True):
    """A session and what else its row says."""

    charge_point_id: int
    start_key: str
    session: Session


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
    return {asked[row["n"] - 1]: replace(read(Pending, row), price=_price(row)) for row in rows}


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
        readings.identity_of(one.measurand, one.phase, one.location, one.context, one.format)
        for one in decode_samples(stored)
    ]


async def _sessions(
    connection: Connection, condition: str, ids: Collection[int], *keys: Sequence[str]
) -> Sequence[Restored]:
    return [_restored(row) for row in await connection.fetch(SESSIONS + condition, ids, *keys)]


async def prices(connection: Connection, operators: Collection[int]) -> Mapping[int, Price]:
    """What sessions that begin now cost, by operator; absent: nobody said."""
    return {row["id"]: read(Price, row) for row in await connection.fetch(PRICES, list(operators))}


def _price(row: asyncpg.Record) -> Price | None:
    return None if row["currency"] is None else read(Price, row)


def _restored(row: asyncpg.Record) -> Restored:
    """With its totals: those of the start where nothing was sampled, final ones where it is closed."""
    session, metering = read(Session, row), read(Metering, row)
    if not row["sampled"] and row["protocol"] == "ocpp1.6":  # in OCPP 2.x its start tells no register
        at, received_at = session.started_at, row["received_at"]
        known_at = None if clock_is_wrong(at, received_at) else at
        metering = replace(metering, register_wh=session.meter_start_wh, register_at=known_at)
    session = replace(session, metering=metering, price=_price(row))
    return Restored(charge_point_id=row["charge_point_id"], start_key=row["start_key"], session=session)


def marked(session: Session, booted_at: datetime | None) -> Session:
    """An open session of which nothing came since the boot, as `sessions.on_boot` marks it."""
    newest = max(
        (at for at in (session.received_at, session.metering.last_sample_at) if at is not None),
        default=session.started_at,
    )
    return session if booted_at is None or newest > booted_at else replace(session, rebooted_at=booted_at)
