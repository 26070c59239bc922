"""Sessions, and what chargers report about them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, append, names, put, update, upsert, written
from engine.store.tables import sessions

SESSION: Final = attrgetter("id")
PERIODS: Final = attrgetter("session_id")
TOTALS: Final = attrgetter("session_id")

OWNER: Final = ("id_tag_id", "user_id", "authorization_id")
# What is written with a session that begins, and over the row of one that was asked for.
OPENED: Final = {
    "tariff_id": "(select tariff_id from operators o where o.id = latest.operator_id)",
    "last_updated_at": "start_received_at",
}
BEGUN: Final = {
    **{name: f"coalesce(excluded.{name}, t.{name})" for name in ("id_tag", "remote_start_id", *OWNER)},
    **dict.fromkeys(("reason", "stopped_at", "energy_wh"), "null"),
    "last_updated_at": "excluded.last_updated_at",
}
_NEWLY: Final = {name: f"case when r.tag_told then r.{name} else s.{name} end" for name in OWNER}
AMENDED: Final = ", ".join(
    f"{name} = {_NEWLY.get(name, 'r.' + name)}"
    for name in names(changes.SessionAmended).split(", ")
    if name not in {"id", "tag_told"}
)

STATEMENTS: Final[Sequence[Statement]] = (
    written(
        changes.SessionAsked,
        """
        insert into sessions (id, operator_id, charge_point_id, evse_number, connector_number, status, id_tag,
                              id_tag_id, user_id, authorization_id, tariff_id, meter_start_wh, started_at,
                              start_received_at, offline, remote_start_id, expires_at, last_updated_at)
        select r.id, r.operator_id, charge_point_id, evse_number, 1, 'pending', id_tag, id_tag_id, user_id,
               authorization_id, o.tariff_id, 0, asked_at, asked_at, false, remote_start_id, expires_at,
               asked_at
        from batch r left join operators o on o.id = r.operator_id
        on conflict (id) do nothing
        """,
        subject=SESSION,
    ),
    written(
        # It may have begun a moment ago: then it is not given up, and nobody is told that it was.
        changes.SessionGivenUp,
        """
        , given_up as (
            update sessions s
            set status = r.status, reason = r.reason, stopped_at = r.at, energy_wh = 0, last_updated_at = r.at
            from latest r where s.id = r.id and s.status = 'pending'
            returning s.id
        )
        insert into events (type, subject, operator_id, payload, created_at)
        select news_type, 'session:' || r.id, r.operator_id, news, at from latest r join given_up using (id)
        """,
        key="id",
        subject=SESSION,
    ),
    written(
        changes.SessionMerged,
        """
        delete from sessions s using batch r where s.id = r.id and s.transaction_id is null
        """,
        subject=SESSION,
    ),
    written(
        # Another session of the same start is an error: its number would be acknowledged and lead nowhere.
        changes.SessionOpened,
        upsert(changes.SessionOpened, sessions.sessions, new=OPENED, over=BEGUN)
        + " where t.transaction_id is null",
        key="id",
        subject=SESSION,
    ),
    written(
        changes.SessionAmended,
        f"update sessions s set {AMENDED} from latest r where s.id = r.id",  # noqa: S608 - names of ours
        key="id",
        subject=SESSION,
    ),
    update(
        changes.SessionStopAsked,
        sessions.sessions,
        also=", last_updated_at = r.stop_asked_at",
        subject=SESSION,
    ),
    update(
        changes.SessionClosed,
        sessions.sessions,
        also=", last_updated_at = r.stop_received_at",
        subject=SESSION,
    ),
    update(changes.SessionExplained, sessions.sessions, subject=SESSION),
    update(changes.SessionReviewed, sessions.sessions, subject=SESSION),
    written(
        changes.SessionReopened,
        """
        update sessions s
        set status = 'active', reason = null, stopped_at = null, meter_stop_wh = null, energy_wh = null,
            stop_id_tag = null, stop_received_at = null, last_updated_at = r.last_updated_at
        from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    written(
        changes.ChargingPeriodsRewritten,
        """
        , history as (
            select r.session_id, p.*
            from latest r, json_to_recordset(r.periods::json) as p(
                started_at timestamptz, stopped_at timestamptz, charging_state text, energy_start_wh bigint,
                energy_stop_wh bigint)
        ), gone as (
            delete from charging_periods p using latest r
            where p.session_id = r.session_id
              and not exists (
                  select from history h where (h.session_id, h.started_at) = (p.session_id, p.started_at)
              )
        )
        insert into charging_periods (session_id, started_at, stopped_at, charging_state, energy_start_wh,
                                      energy_stop_wh)
        select session_id, started_at, stopped_at, charging_state, energy_start_wh, energy_stop_wh
        from history
        on conflict (session_id, started_at) do update
        set stopped_at = excluded.stopped_at, charging_state = excluded.charging_state,
            energy_start_wh = excluded.energy_start_wh, energy_stop_wh = excluded.energy_stop_wh
        """,
        key="session_id",
        subject=PERIODS,
    ),
    written(
        # Two states under one time stamp: the earlier one lasted no time.
        changes.ChargingPeriodOpened,
        """
        , closed as (
            update charging_periods p set stopped_at = r.started_at, energy_stop_wh = r.energy_wh
            from batch r
            where p.session_id = r.session_id and p.stopped_at is null and p.started_at < r.started_at
        )
        insert into charging_periods (session_id, started_at, charging_state, energy_start_wh)
        select session_id, started_at, charging_state, energy_wh from batch
        on conflict (session_id, started_at) do update
        set charging_state = excluded.charging_state, energy_start_wh = excluded.energy_start_wh
        """,
        subject=PERIODS,
    ),
    written(
        changes.ChargingPeriodClosed,
        """
        update charging_periods p
        set stopped_at = greatest(p.started_at, r.stopped_at), energy_stop_wh = r.energy_wh
        from batch r where p.session_id = r.session_id and p.stopped_at is null
        """,
        subject=PERIODS,
    ),
    append(changes.TransactionEventStored, sessions.transaction_events),
    put(changes.SessionMeasured, sessions.session_totals, subject=TOTALS),
    append(changes.MeterValueAdded, sessions.meter_values),
    # One row for both tables: reading it takes the database longer than writing the totals.
    written(
        changes.MeterValueCounted,
        f"""
        , totals as (
            update session_totals t
            set energy_wh = r.energy_wh, register_wh = r.register_wh, register_at = r.timestamp,
                power_w = r.power_w, current_a = r.current_a, voltage_v = r.voltage_v,
                soc_percent = r.soc_percent, sampled_at = r.timestamp
            from latest r where t.session_id = r.session_id
        )
        insert into meter_values ({names(changes.MeterValueCounted)})
        select {names(changes.MeterValueCounted)} from batch on conflict do nothing
        """,  # noqa: S608 - names of ours
        key="session_id",
        subject=TOTALS,
        whole=True,
    ),
    append(changes.OrphanKept, sessions.orphans),
    update(changes.OrphanResolved, sessions.orphans),
)
