"""The SQL of every `Change`: one statement per kind, which takes any number of rows as one JSON array.

JSON because msgspec encodes a batch in C at half the cost of asyncpg's array encoders, and the server unpacks
it on its own core. `batch` in the SQL below is that array as a relation, `latest` the last row per key. What
comes again in another commit, because a charger repeats it, changes nothing: except in logs, rows have keys.
A change whose members are columns of one table is appended, put or set there; the others are written as SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa

from engine.domain import changes
from engine.domain.changes import Change
from engine.domain.state import Frozen
from engine.store.cleaning import Cleaner
from engine.store.fields import Field, fields
from engine.store.tables import (
    access,
    configuration,
    device,
    drivers,
    energy,
    inventory,
    logs,
    outbox,
    security,
    sessions,
)

Subject = Callable[[Any], Hashable]


class Statement(Frozen, frozen=True):
    """How one kind of change is written. `sql` takes one bytea argument, the rows as JSON.

    `cleaner` encodes the rows. `subject` names the row whose state several kinds change; per subject their
    order is kept.
    """

    change: type[Change]
    sql: str
    cleaner: Cleaner
    subject: Subject | None = None


def _expression(field: Field) -> str:
    """A member out of the JSON array; JSON inside JSON is text there, of bytes in base64."""
    name = f'"{field.name}"'
    if field.plain is bytes:
        return f"convert_from(decode({name}, 'base64'), 'UTF8')::json as {name}"
    return f"{name}::json as {name}" if field.kind == "json" else name


def _relation(change: type[Change], *, ordered: bool) -> str:
    definition = ", ".join(
        f'"{field.name}" {"text" if field.kind == "json" else field.kind}' for field in fields(change)
    )
    expressions = ", ".join(map(_expression, fields(change)))
    array = "json_to_recordset(convert_from($1::bytea, 'UTF8')::json)"
    if not ordered:
        return f"(select {expressions} from {array} as r({definition}))"  # noqa: S608 - names of our fields
    source = f"rows from ({array} as ({definition})) with ordinality as r"
    return f"(select {expressions}, ordinality from {source})"  # noqa: S608 - names of our fields


def _statement(
    change: type[Change],
    sql: str,
    *,
    key: str | None = None,
    newest: str = "",
    subject: Subject | None = None,
) -> Statement:
    """`key`: columns that identify the row; `newest`: an order that comes before that of arrival."""
    relations = [f"batch as {_relation(change, ordered=key is not None)}"]
    if key is not None:
        order = f"{key}, {newest}ordinality desc"
        latest = f"select distinct on ({key}) * from batch order by {order}"  # noqa: S608 - names of our fields
        relations.append(f"latest as ({latest})")
    sql = " ".join(("with", ", ".join(relations), sql))
    return Statement(change=change, sql=sql, subject=subject, cleaner=Cleaner(change, fields(change)))


def _append(change: type[Change], table: sa.Table) -> Statement:
    """A new row per change. One that is there already, under any key, stays as it is."""
    names = ", ".join(field.name for field in fields(change))
    return _statement(
        change,
        f"insert into {table.name} ({names}) select {names} from batch on conflict do nothing",  # noqa: S608 - names of ours
    )


def _put(
    change: type[Change],
    table: sa.Table,
    *,
    patch: bool = False,
    new: Mapping[str, str] | None = None,
    over: Mapping[str, str] | None = None,
    subject: Subject | None = None,
) -> Statement:
    """The row (`t`) with the key of the table, new or changed; of a `patch` None changes nothing.

    `new` and `over` say by member what is written instead of it, where there is no row, and where there is.
    """
    keys = table.primary_key.columns.keys()
    values = {one.name: one.name for one in fields(change)} | dict(new or {})
    kept = {one.name: f"excluded.{one.name}" for one in fields(change) if one.name not in keys}
    if patch:
        kept |= {one.name: f"coalesce({kept[one.name]}, t.{one.name})" for one in fields(change) if one.null}
    kept |= over or {}
    source = f"select {', '.join(values.values())} from latest"  # noqa: S608 - names of ours
    return _statement(
        change,
        f"insert into {table.name} as t ({', '.join(values)}) {source} "
        f"on conflict ({', '.join(keys)}) do update set {', '.join(f'{k} = {v}' for k, v in kept.items())}",
        key=", ".join(keys),
        subject=subject,
    )


def _set(
    change: type[Change], table: sa.Table, *, also: str = "", subject: Subject | None = None
) -> Statement:
    """The row (`t`) that has the key of the table, if there is one; `also` sets more."""
    keys = table.primary_key.columns.keys()
    values = [f"{one.name} = r.{one.name}" for one in fields(change) if one.name not in keys]
    return _statement(
        change,
        f"update {table.name} t set {', '.join(values)}{also} from latest r "  # noqa: S608 - names of ours
        f"where {' and '.join(f't.{name} = r.{name}' for name in keys)}",
        key=", ".join(keys),
        subject=subject,
    )


SESSION: Final = attrgetter("id")
PERIODS: Final = attrgetter("session_id")
MONITORS: Final = attrgetter("charge_point_id", "monitor_id")
RESERVATION: Final = attrgetter("charge_point_id", "id")
DISPLAYED: Final = attrgetter("charge_point_id", "message_id")

STATEMENTS: Final[Sequence[Statement]] = (
    _set(
        changes.ChargePointConnected,
        inventory.charge_point_status,
        also=", first_contact_at = coalesce(t.first_contact_at, r.connected_at)",
    ),
    _statement(
        changes.NetworkStatusChanged,
        """
        , present as (
            update charge_point_status c set network_status = r.network_status, network_status_at = r.at
            from latest r where c.charge_point_id = r.id
        )
        insert into status_log (charge_point_id, scope, status, at, received_at)
        select id, 'network', network_status, at, at from batch order by ordinality
        """,
        key="id",
    ),
    _set(changes.ChargePointBooted, inventory.charge_point_status),
    _statement(
        changes.HardwareStatusChanged,
        """
        , station as (
            update charge_point_status c
            set hardware_status = r.status, hardware_error_code = r.error_code, hardware_info = r.info,
                hardware_vendor_id = r.vendor_id, hardware_vendor_error_code = r.vendor_error_code,
                hardware_status_at = r.at
            from latest r
            where c.charge_point_id = r.charge_point_id and r.evse_number = 0
                  and coalesce(c.hardware_status_at <= r.at, true)
        ), evse as (
            insert into evses as e (charge_point_id, network_id, hardware_status, hardware_status_at)
            select distinct on (charge_point_id, evse_number) charge_point_id, evse_number, status, at
            from latest where evse_number > 0
            order by charge_point_id, evse_number, at desc, ordinality desc
            on conflict (charge_point_id, network_id) do update
            set hardware_status = excluded.hardware_status, hardware_status_at = excluded.hardware_status_at
            where coalesce(e.hardware_status_at <= excluded.hardware_status_at, true)
        ), connector as (
            insert into connectors as c (charge_point_id, evse_network_id, number, hardware_status,
                                         error_code, info, vendor_id, vendor_error_code, hardware_status_at)
            select charge_point_id, evse_number, connector_number, status, error_code, info,
                   vendor_id, vendor_error_code, at
            from latest where evse_number > 0
            on conflict (charge_point_id, evse_network_id, number) do update
            set hardware_status = excluded.hardware_status, error_code = excluded.error_code,
                info = excluded.info, vendor_id = excluded.vendor_id,
                vendor_error_code = excluded.vendor_error_code,
                hardware_status_at = excluded.hardware_status_at
            where coalesce(c.hardware_status_at <= excluded.hardware_status_at, true)
        )
        insert into status_log (charge_point_id, evse_number, connector_number, scope, status, error_code,
                                info, vendor_id, vendor_error_code, at, received_at)
        select charge_point_id, evse_number, connector_number, 'hardware', status, error_code, info,
               vendor_id, vendor_error_code, at, received_at
        from batch order by ordinality
        """,
        key="charge_point_id, evse_number, connector_number",
        newest="at desc, ",
    ),
    _statement(
        changes.BatteryMoved,
        """
        insert into evses (charge_point_id, network_id, holds_battery, last_updated_at)
        select charge_point_id, evse_number, inside, at from latest
        on conflict (charge_point_id, network_id) do update
        set holds_battery = excluded.holds_battery, last_updated_at = excluded.last_updated_at
        """,
        key="charge_point_id, evse_number",
    ),
    _set(changes.FirmwareStatusChanged, inventory.charge_point_status),
    _set(changes.LogStatusChanged, inventory.charge_point_status),
    _put(changes.ConfigurationKeyRead, configuration.charge_point_configuration),
    _set(changes.FirmwarePublicationChanged, inventory.charge_point_status),
    _put(
        changes.DeviceVariableRead,
        device.device_variables,
        patch=True,
        # Of what may only be written no value is kept, whoever says one.
        new={"value": "case when mutability = 'WriteOnly' then null else value end"},
        over={
            "value": "case when coalesce(excluded.mutability, t.mutability) = 'WriteOnly' then null "
            "else excluded.value end"
        },
    ),
    _statement(
        changes.DeviceModelReported,
        """
        , gone as (
            delete from device_variables d using latest r
            where d.charge_point_id = r.charge_point_id and d.at < r.since
        )
        update charge_point_status c set device_model_at = r.at
        from latest r where c.charge_point_id = r.charge_point_id
        """,
        key="charge_point_id",
    ),
    _put(changes.VariableMonitorSet, device.variable_monitors, patch=True, subject=MONITORS),
    _set(changes.VariableMonitorCleared, device.variable_monitors, subject=MONITORS),
    _statement(
        changes.MonitoringBaseSet,
        """
        , ended as (
            update variable_monitors m set active = false, at = r.at
            from latest r
            where m.charge_point_id = r.id
              and (r.monitoring_base <> 'All' and m.kind = 'CustomMonitor'
                   or r.monitoring_base = 'HardWiredOnly' and m.kind = 'PreconfiguredMonitor')
        )
        update charge_point_status c set monitoring_base = r.monitoring_base
        from latest r where c.charge_point_id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.MonitorsReported,
        """
        update variable_monitors m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.active and m.at < r.since
        """,
        key="charge_point_id",
    ),
    _put(changes.DisplayMessageSet, device.display_messages, subject=DISPLAYED),
    _set(changes.DisplayMessageCleared, device.display_messages, subject=DISPLAYED),
    _statement(
        changes.DisplayMessagesReported,
        """
        update display_messages m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.active and m.at < r.since
        """,
        key="charge_point_id",
    ),
    _set(changes.LocalListVersionRead, inventory.charge_point_status),
    _put(changes.ChargingProfileChanged, energy.charging_profiles),
    _put(changes.ChargingLimitChanged, energy.charging_limits),
    _statement(
        changes.ReservationMade,
        """
        insert into reservations (id, charge_point_id, operator_id, connector_number, id_tag, parent_id_tag,
                                  status, expiry_date, created_at, last_updated_at)
        select id, charge_point_id, operator_id, connector_number, id_tag, parent_id_tag, 'active',
               expiry_date, at, at
        from latest
        on conflict (charge_point_id, id) do update
        set connector_number = excluded.connector_number, id_tag = excluded.id_tag,
            parent_id_tag = excluded.parent_id_tag, status = 'active', expiry_date = excluded.expiry_date,
            session_id = null, created_at = excluded.created_at, last_updated_at = excluded.last_updated_at
        """,
        key="charge_point_id, id",
        subject=RESERVATION,
    ),
    _statement(
        # Nobody is told of one that was over already: told again, it changes nothing.
        changes.ReservationEnded,
        """
        , ended as (
            update reservations v set status = r.status, session_id = r.session_id, last_updated_at = r.at
            from latest r
            where v.id = r.id and v.charge_point_id = r.charge_point_id and v.status = 'active'
            returning v.id, v.charge_point_id, v.operator_id
        )
        insert into events (type, subject, operator_id, payload, created_at)
        select news_type, 'reservation:' || r.id, e.operator_id, news, at
        from latest r join ended e using (id, charge_point_id)
        """,
        key="charge_point_id, id",
        subject=RESERVATION,
    ),
    _append(changes.SecurityEventReported, security.security_events),
    _statement(
        # The same request told again must not start its signing anew.
        changes.CertificateWanted,
        """
        insert into certificate_requests as c
            (charge_point_id, certificate_type, csr, request_id, requested_at, next_attempt_at)
        select charge_point_id, certificate_type, csr, request_id, requested_at, requested_at from latest
        on conflict (charge_point_id, certificate_type) do update
        set csr = excluded.csr, request_id = excluded.request_id, requested_at = excluded.requested_at,
            next_attempt_at = excluded.next_attempt_at, status = 'Requested', chain = null, attempts = 0,
            reason = null, answered_at = null
        where (c.csr, c.requested_at) <> (excluded.csr, excluded.requested_at)
        """,
        key="charge_point_id, certificate_type",
    ),
    _append(changes.ReportStored, logs.ocpp_reports),
    _append(changes.AuthorizationMade, drivers.authorizations),
    _statement(
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
    _statement(
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
    _statement(
        changes.SessionMerged,
        """
        delete from sessions s using batch r where s.id = r.id and s.transaction_id is null
        """,
        subject=SESSION,
    ),
    _statement(
        # Another session of the same start is an error: its number would be acknowledged and lead nowhere.
        changes.SessionOpened,
        """
        insert into sessions as s
                             (id, operator_id, charge_point_id, evse_number, connector_number, transaction_id,
                              start_key, protocol, status, id_tag, id_tag_id, user_id, authorization_id,
                              reservation_id, tariff_id, meter_start_wh, started_at, start_received_at,
                              offline, review, charging_state, remote_start_id, asked_id_tag, waived,
                              last_updated_at)
        select r.id, r.operator_id, charge_point_id, evse_number, connector_number, transaction_id,
               start_key, protocol, r.status, id_tag, id_tag_id, user_id, authorization_id, reservation_id,
               o.tariff_id, meter_start_wh, started_at, received_at, offline, review,
               charging_state, remote_start_id, asked_id_tag, waived, received_at
        from batch r left join operators o on o.id = r.operator_id
        on conflict (id) do update
        set evse_number = excluded.evse_number, connector_number = excluded.connector_number,
            transaction_id = excluded.transaction_id, start_key = excluded.start_key,
            protocol = excluded.protocol, status = excluded.status, reason = null,
            id_tag = coalesce(excluded.id_tag, s.id_tag),
            id_tag_id = coalesce(excluded.id_tag_id, s.id_tag_id),
            user_id = coalesce(excluded.user_id, s.user_id),
            authorization_id = coalesce(excluded.authorization_id, s.authorization_id),
            reservation_id = excluded.reservation_id, meter_start_wh = excluded.meter_start_wh,
            started_at = excluded.started_at, stopped_at = null, energy_wh = null, offline = excluded.offline,
            review = excluded.review, charging_state = excluded.charging_state,
            remote_start_id = coalesce(excluded.remote_start_id, s.remote_start_id),
            asked_id_tag = excluded.asked_id_tag, waived = excluded.waived,
            start_received_at = excluded.start_received_at, last_updated_at = excluded.last_updated_at
        where s.transaction_id is null
        """,
        subject=SESSION,
    ),
    _statement(
        changes.SessionAmended,
        """
        update sessions s
        set evse_number = r.evse_number, connector_number = r.connector_number, started_at = r.started_at,
            meter_start_wh = r.meter_start_wh, id_tag = r.id_tag, reservation_id = r.reservation_id,
            remote_start_id = r.remote_start_id, charging_state = r.charging_state, offline = r.offline,
            asked_id_tag = r.asked_id_tag, waived = r.waived,
            id_tag_id = case when r.tag_told then r.id_tag_id else s.id_tag_id end,
            user_id = case when r.tag_told then r.user_id else s.user_id end,
            authorization_id = case when r.tag_told then r.authorization_id else s.authorization_id end,
            last_updated_at = r.at
        from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    _statement(
        changes.SessionStopAsked,
        """
        update sessions s set stop_asked_at = r.at, last_updated_at = r.at from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    _statement(
        changes.SessionClosed,
        """
        update sessions s
        set status = r.status, reason = r.reason, stopped_at = r.stopped_at, meter_stop_wh = r.meter_stop_wh,
            energy_wh = r.energy_wh, stop_id_tag = r.stop_id_tag, stop_received_at = r.received_at,
            review = r.review, last_updated_at = r.received_at
        from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    _statement(
        changes.SessionReviewed,
        """
        update sessions s set review = r.review, last_updated_at = r.at from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    _statement(
        changes.SessionReopened,
        """
        update sessions s
        set status = 'active', reason = null, stopped_at = null, meter_stop_wh = null, energy_wh = null,
            stop_id_tag = null, stop_received_at = null, last_updated_at = r.at
        from latest r where s.id = r.id
        """,
        key="id",
        subject=SESSION,
    ),
    _statement(
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
    _statement(
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
    _statement(
        changes.ChargingPeriodClosed,
        """
        update charging_periods p
        set stopped_at = greatest(p.started_at, r.stopped_at), energy_stop_wh = r.energy_wh
        from batch r where p.session_id = r.session_id and p.stopped_at is null
        """,
        subject=PERIODS,
    ),
    _append(changes.TransactionEventStored, sessions.transaction_events),
    _put(changes.SessionMeasured, sessions.session_totals),
    _append(changes.MeterValueAdded, sessions.meter_values),
    _append(changes.OrphanKept, sessions.orphans),
    _set(changes.OrphanResolved, sessions.orphans),
    _append(changes.EventPublished, outbox.events),
    _append(changes.Audited, access.audit_log),
    _append(changes.MessageLogged, logs.message_log),
)
RANK: Final[dict[type[Change], int]] = {statement.change: i for i, statement in enumerate(STATEMENTS)}
# The member that carries what a message brought, where there is one: the size of the row depends on it.
BULK: Final[dict[type[Change], str | None]] = {
    statement.change: next(
        (one.name for one in fields(statement.change) if one.kind == "json" or one.name == "payload"), None
    )
    for statement in STATEMENTS
}
