"""What must hold of the accounts whatever died when: questions whose answers are the violations.

For tests and for operators after a crash; they read everything, so they are no queries for the hot path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.domain.state import Frozen
from engine.store.store import Store

# Each gives rows of (subject, detail).
RULES: Final[Mapping[str, str]] = {
    "a meter value belongs to a session of its charge point": """
        select 'session:' || m.session_id, min(m.charge_point_id) || ' has ' || count(*) || ' values'
        from meter_values m
        left join sessions s on s.id = m.session_id and s.charge_point_id = m.charge_point_id
        where m.session_id is not null and s.id is null
        group by m.session_id
    """,
    "a sample is stored once": """
        select 'session:' || session_id, timestamp || ' ' || sample.identity
        from meter_values m cross join lateral (
            select concat_ws(
                '|', coalesce(v->>'measurand', 'Energy.Active.Import.Register'), coalesce(v->>'phase', ''),
                coalesce(v->>'location', 'Outlet'), coalesce(v->>'context', 'Sample.Periodic'),
                coalesce(v->>'format', 'Raw')
            ) as identity
            from json_array_elements(m.samples) v
        ) sample
        where session_id is not null
        group by session_id, timestamp, sample.identity
        having count(*) > 1
    """,
    "a closed session has its end, and an open one has none": """
        select 'session:' || id, status from sessions
        where (status in ('finished', 'failed', 'expired'))
              <> (stopped_at is not null and energy_wh is not null and reason is not null)
    """,
    "a session has begun unless it is awaited or was given up": """
        select 'session:' || id, status from sessions
        where case when status in ('active', 'finished') then transaction_id is null or start_key is null
                   else transaction_id is not null end
    """,
    "a session ends after its start and its energy is not negative": """
        select 'session:' || id, 'energy ' || energy_wh || ' Wh, ' || started_at || ' to ' || stopped_at
        from sessions
        where energy_wh < 0 or (stopped_at < started_at and review = '{}')
    """,
    "the energy is the registers' difference, unless billing is held": """
        select 'session:' || s.id,
               'energy ' || s.energy_wh || ' Wh, registers ' || (s.meter_stop_wh - s.meter_start_wh)
        from sessions s
        where s.status = 'finished' and s.review = '{}' and s.corrected_at is null
          and s.meter_stop_wh is not null and s.energy_wh <> greatest(s.meter_stop_wh - s.meter_start_wh, 0)
    """,
    "a session whose meter was reset is held": """
        select 'session:' || s.id, 'energy ' || s.energy_wh || ' Wh'
        from sessions s join session_totals m on m.session_id = s.id
        where s.status = 'finished' and s.review = '{}' and m.resets > 0
    """,
    "a charge point has a row of its status": """
        select 'charge_point:' || c.id, 'no status'
        from charge_points c left join charge_point_status s on s.charge_point_id = c.id
        where s.charge_point_id is null
    """,
    "an EVSE has one open session at most": """
        select 'charge_point:' || charge_point_id,
               'EVSE ' || evse_number || ': ' || string_agg(id::text, ', ')
        from sessions where status = 'active' and evse_number > 0  -- 0: not known yet
        group by charge_point_id, evse_number having count(*) > 1
    """,
    "a session has one open charging period at most, and none when it is closed": """
        select 'session:' || p.session_id, count(*) || ' open periods'
        from charging_periods p join sessions s on s.id = p.session_id
        where p.stopped_at is null
        group by p.session_id, s.status having count(*) > case when s.status = 'active' then 1 else 0 end
    """,
    "a transaction event belongs to the session of its transaction": """
        select 'charge_point:' || e.charge_point_id, e.transaction_id || ' has ' || count(*) || ' events'
        from transaction_events e
        left join sessions s on s.id = e.session_id
          and s.charge_point_id = e.charge_point_id and s.transaction_id = e.transaction_id
        where s.id is null
        group by e.charge_point_id, e.transaction_id
    """,
    "a transaction that told its end is closed": """
        select 'session:' || s.id, s.status
        from transaction_events e join sessions s on s.id = e.session_id
        where e.event_type = 'Ended' and s.status not in ('finished', 'failed')
    """,
    "every meter value of a transaction event is among its session's": """
        select 'session:' || e.session_id, 'event ' || e.seq_no || ': nothing stored of ' || (v->>'timestamp')
        from transaction_events e cross join lateral json_array_elements(e.payload->'meterValue') v
        where not exists (select from meter_values m
                          where m.charge_point_id = e.charge_point_id and m.session_id = e.session_id
                            and m.timestamp = (v->>'timestamp')::timestamptz)
    """,
    "a resolved orphan led to a session of its charge point": """
        select 'orphan:' || o.id, 'session ' || o.session_id
        from orphans o left join sessions s on s.id = o.session_id and s.charge_point_id = o.charge_point_id
        where o.resolved_at is not null and s.id is null
    """,
}


class Violation(Frozen, frozen=True):
    """`rule` says what should hold, `subject` of what it does not."""

    rule: str
    subject: str
    detail: str


async def violations(store: Store) -> Sequence[Violation]:
    """All of them; empty when the accounts are right. Raises StoreError."""
    return [
        Violation(rule=rule, subject=str(row[0]), detail=str(row[1]))
        for rule, sql in RULES.items()
        for row in await store.query(sql)
    ]
