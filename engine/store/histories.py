"""What is stored of transactions that a charger tells by events (OCPP 2.x): those an event may be of.

Asyncio flavour; every query serves many charge points at once. Which one it does belong to is said by
`engine.domain.session.assign`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from engine.domain.session.assign import is_foldable
from engine.domain.session.facts import RANKS, Beside, EventKey, History, Neighbour, Stored
from engine.domain.state import Session
from engine.store.database import Connection
from engine.store.fields import read
from engine.store.loading_sessions import TOLD, Restored, identities, sessions_by_id

SAMPLES_AT: Final = """
select m.session_id, m.timestamp, m.samples
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as q(charge_point_id, session_id, at)
join meter_values m
  on m.charge_point_id = q.charge_point_id and m.session_id = q.session_id and m.timestamp = q.at
"""
KNOWN: Final = """
select q.n, e.session_id
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::text[], $6::bigint[])
     with ordinality as q(charge_point_id, transaction_id, seq_no, timestamp, event_type, content, n)
cross join lateral (
    select session_id from transaction_events e
    where (e.charge_point_id, e.transaction_id, e.seq_no, e.timestamp, e.event_type)
          = (q.charge_point_id, q.transaction_id, q.seq_no, q.timestamp, q.event_type)
      and e.content in (q.content, 0)
    limit 1
) e
"""
# Of those under an id, the one that began last before a time and the one that began first after it.
MEANT: Final = f"""
select q.n, s.id
from unnest($1::bigint[], $2::text[], $3::timestamptz[]) with ordinality
     as q(charge_point_id, transaction_id, at, n)
cross join lateral (
    (select id, 1 as place from sessions s
     where charge_point_id = q.charge_point_id and transaction_id = q.transaction_id and {TOLD}
       and started_at <= q.at order by started_at desc, id desc limit 1)
    union all
    (select id, 2 from sessions s
     where charge_point_id = q.charge_point_id and transaction_id = q.transaction_id and {TOLD}
       and started_at > q.at order by started_at, id limit 1)
) s
order by q.n, s.place
"""  # noqa: S608 - a constant
HISTORIES: Final = """
select q.session_id, count(*) as count,
       max(least(timestamp, received_at)) as newest_at,
       min(timestamp) filter (where event_type = 'Started') as started_at,
       max(least(timestamp, received_at)) filter (where event_type = 'Ended') as ended_at,
       max(seq_no) filter (where event_type = 'Ended') as ended_seq,
       (array_agg(array[seq_no::text, timestamp::text, event_type, content::text]
                  order by seq_no desc, timestamp desc, event_type desc, content desc))[1:1] as last
from unnest($1::bigint[], $2::text[], $3::bigint[]) as q(charge_point_id, transaction_id, session_id)
join transaction_events e on e.charge_point_id = q.charge_point_id
     and e.transaction_id = q.transaction_id and e.session_id = q.session_id
group by q.session_id
"""
EVENTS: Final = """
select e.session_id, e.payload, e.content
from unnest($1::bigint[], $2::text[], $3::bigint[]) as q(charge_point_id, transaction_id, session_id)
join transaction_events e on e.charge_point_id = q.charge_point_id
     and e.transaction_id = q.transaction_id and e.session_id = q.session_id
"""
BESIDE: Final = """
select q.n, s.id, s.started_at, s.stopped_at, s.review
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[]) with ordinality
     as q(charge_point_id, evse_number, begin, until, transaction_id, n)
cross join lateral (
    select id, started_at, stopped_at, review from sessions
    where charge_point_id = q.charge_point_id and evse_number = q.evse_number
      and transaction_id <> q.transaction_id
      and started_at between q.begin - $6::interval and q.until
      and coalesce(stopped_at > q.begin, true)
    order by started_at desc limit $7
) s
"""
# Place and begin are the session's own, unless a message that is worked on says them; then those whom it
# leaves are given too. Of two that begin at one moment the transaction's id decides, whichever came first. In
# OCPP 1.6 the session's number is the transaction's, so it may be another station's.
NEIGHBOURS: Final = """
select o.id as of, place.left, s.*
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as q(id, evse_number, begin)
join sessions o on o.id = q.id
cross join lateral (
    select coalesce(q.begin, o.started_at) as begin, false as left
    union all
    select o.started_at, true where q.begin <> o.started_at
) place
cross join lateral (
    (select id, true as earlier, meter_start_wh, meter_stop_wh, review, released from sessions s
     where s.charge_point_id = o.charge_point_id and s.id <> o.id and s.meter_stop_wh is not null
       and s.evse_number = coalesce(nullif(o.evse_number, 0), q.evse_number)
       and (s.started_at, s.transaction_id) < (place.begin, o.transaction_id)
     order by s.started_at desc, s.transaction_id desc limit 1)
    union all
    (select id, false, meter_start_wh, meter_stop_wh, review, released from sessions s
     where s.charge_point_id = o.charge_point_id and s.id <> o.id and s.meter_stop_wh is not null
       and s.evse_number = coalesce(nullif(o.evse_number, 0), q.evse_number)
       and (s.started_at, s.transaction_id) >= (place.begin, o.transaction_id)
     order by s.started_at, s.transaction_id limit 1)
) s
where coalesce(nullif(o.evse_number, 0), q.evse_number) > 0
"""
LONGEST: Final = timedelta(days=14)  # a transaction that began before is not looked for beside another one
BESIDE_AT_MOST: Final = 20


async def histories(connection: Connection, asked: Sequence[tuple[int, EventKey]]) -> Sequence[History]:
    """What is stored of the transactions that events may belong to, in the order of the questions."""
    ids = [charge_point for charge_point, _ in asked]
    keys = [key for _, key in asked]
    names = [key.transaction_id for key in keys]
    known: dict[int, int] = {}
    meant: defaultdict[int, list[int]] = defaultdict(list)
    open_ = [n for n, key in enumerate(keys) if key.session_id is None]
    if open_:
        columns = ([ids[n] for n in open_], [names[n] for n in open_])
        rows = await connection.fetch(
            KNOWN,
            *columns,
            *([getattr(keys[n], field) for n in open_] for field in ("seq_no", "at", "kind", "content")),
        )
        known = {open_[row["n"] - 1]: row["session_id"] for row in rows}
        for row in await connection.fetch(MEANT, *columns, [keys[n].at for n in open_]):
            n = open_[row["n"] - 1]
            if n not in known:
                meant[n].append(row["id"])
    for n, session_id in known.items():
        meant[n] = [session_id]
    sessions = await sessions_by_id(connection, {number for numbers in meant.values() for number in numbers})
    new = {number: keys[n].kind for n, numbers in meant.items() if n not in known for number in numbers}
    stored = await _stored(connection, [sessions[number] for number in new if number in sessions], new)
    for number in set(sessions) - set(new):
        stored[number] = _nothing_stored(sessions[number].session)
    stored = await _with_samples(connection, asked, meant, stored)
    beside = await _beside(connection, asked, meant, sessions)
    own = [meant[n] if key.session_id is None else [key.session_id] for n, key in enumerate(keys)]
    ended = {number for number, one in stored.items() if one.ended_at is not None}
    adjoining = await neighbours(
        connection,
        [
            (number, key.evse_number, key.at if key.kind == "Started" else None)
            for key, numbers in zip(keys, own, strict=True)
            for number in numbers
            if key.kind == "Ended" or number in ended
        ],
    )
    return [
        History(
            known=n in known,
            sessions=[stored[number] for number in meant[n] if number in stored],
            beside=beside[n],
            neighbours={number: adjoining[number] for number in own[n] if number in adjoining},
        )
        for n in range(len(asked))
    ]


async def neighbours(
    connection: Connection, asked: Sequence[tuple[int, int, datetime | None]]
) -> Mapping[int, Sequence[Neighbour]]:
    """The sessions that have their end before and after others on their EVSEs; absent: there are none.

    `asked` are sessions, with the EVSE where it may not be stored yet (0: not known), and their begin (None:
    it is stored).
    """
    found: defaultdict[int, list[Neighbour]] = defaultdict(list)
    columns = [[one[n] for one in asked] for n in range(3)]
    for row in await connection.fetch(NEIGHBOURS, *columns) if asked else ():
        found[row["of"]].append(read(Neighbour, row))
    return found


def _nothing_stored(session: Session) -> Stored:
    return Stored(
        session=session, count=0, newest=None, newest_at=None, started_at=None, ended_at=None, ended_seq=None
    )


async def _stored(
    connection: Connection, sessions: Sequence[Restored], kinds: Mapping[int, str]
) -> dict[int, Stored]:
    found = {one.session.id: _nothing_stored(one.session) for one in sessions}
    if not sessions:
        return found
    short = []
    for row in await connection.fetch(HISTORIES, *_columns(sessions)):
        seq_no, at, kind, content = row["last"][0]
        found[row["session_id"]] = replace(
            found[row["session_id"]],
            count=row["count"],
            newest=(int(seq_no), datetime.fromisoformat(at), RANKS[kind], int(content)),
            newest_at=row["newest_at"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            ended_seq=row["ended_seq"],
        )
        if is_foldable(kinds[row["session_id"]], found[row["session_id"]]):
            short.append(row["session_id"])
    events: defaultdict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for row in await connection.fetch(EVENTS, *_columns([s for s in sessions if s.session.id in short])):
        events[row["session_id"]].append((row["payload"].encode(), row["content"]))
    return {number: replace(one, events=events[number]) for number, one in found.items()}


def _columns(sessions: Sequence[Restored]) -> tuple[list[int], list[str], list[int]]:
    return (
        [one.charge_point_id for one in sessions],
        [one.session.transaction_id for one in sessions],
        [one.session.id for one in sessions],
    )


async def _with_samples(
    connection: Connection,
    asked: Sequence[tuple[int, EventKey]],
    meant: Mapping[int, Sequence[int]],
    stored: dict[int, Stored],
) -> dict[int, Stored]:
    """Where a history is too long to be read, the samples that an event may tell again."""
    wanted = [
        (cp_id, number, at)
        for n, (cp_id, key) in enumerate(asked)
        for number in meant.get(n, ())
        if number in stored and stored[number].count > len(stored[number].events)
        for at in key.values_at
    ]
    if wanted:
        found: defaultdict[int, set[tuple[datetime, str]]] = defaultdict(set)
        for row in await connection.fetch(SAMPLES_AT, *([one[n] for one in wanted] for n in range(3))):
            names = identities(row["samples"])
            found[row["session_id"]].update((row["timestamp"], name) for name in names)
        for number, told_before in found.items():
            stored[number] = replace(stored[number], samples=frozenset(told_before))
    return stored


async def _beside(
    connection: Connection,
    asked: Sequence[tuple[int, EventKey]],
    meant: Mapping[int, Sequence[int]],
    sessions: Mapping[int, Restored],
) -> Sequence[Sequence[Beside]]:
    found: list[list[Beside]] = [[] for _ in asked]
    places, numbers = [], []
    for n, (cp_id, key) in enumerate(asked):
        own = [sessions[number].session for number in meant.get(n, ()) if number in sessions]
        evse = key.evse_number or next((one.evse_number for one in own if one.evse_number), 0)
        if evse:
            begins = [key.begin or key.at, key.at, *(one.started_at for one in own)]
            ends = [key.at, *(one.stopped_at for one in own if one.stopped_at is not None)]
            places.append((cp_id, evse, min(begins), max(ends), key.transaction_id))
            numbers.append(n)
    if places:
        columns = [list(column) for column in zip(*places, strict=True)]
        for row in await connection.fetch(BESIDE, *columns, LONGEST, BESIDE_AT_MOST):
            found[numbers[row["n"] - 1]].append(read(Beside, row))
    return found
