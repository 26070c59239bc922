"""The SQL of every `Change`: one statement per kind, which takes any number of rows as one JSON array.

JSON because msgspec encodes a batch in C at half the cost of asyncpg's array encoders, and the server unpacks
it on its own core. `batch` in the SQL below is that array as a relation, `latest` the last row per key. What
comes again in another commit, because a charger repeats it, changes nothing: except in logs, rows have keys.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from engine.domain import changes
from engine.domain.changes import Change
from engine.domain.state import Frozen
from engine.store.cleaning import Cleaner

COLUMN_TYPES: Final = {
    int: "bigint",
    float: "double precision",
    str: "text",
    bool: "boolean",
    datetime: "timestamptz",
    bytes: "text",  # JSON inside JSON: base64 on the way
    tuple: "text[]",
}
MESSAGES: Final = ("payload", "samples", "periods")  # texts that are JSON


class Statement(Frozen, frozen=True):
    """How one kind of change is written. `sql` takes one bytea argument, the rows as JSON.

    `cleaner` encodes the rows. `subject` names the row whose state several kinds change; per subject their
    order is kept.
    """

    change: type[Change]
    sql: str
    cleaner: Cleaner
    subject: Callable[[Any], Hashable] | None = None


def _types(change: type[Change]) -> Iterator[tuple[str, type]]:
    """Name and type of each field, None left out."""
    hints = typing.get_type_hints(change)
    for field in msgspec.structs.fields(change):
        hint = hints[field.name]
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        (plain,) = {option for option in options if option is not type(None)}
        yield field.name, typing.get_origin(plain) or plain


def _columns(change: type[Change]) -> Iterator[tuple[str, str, str]]:
    """(name, type in the JSON, expression) of each field."""
    for member, plain in _types(change):
        name = f'"{member}"'
        expression = (
            f"convert_from(decode({name}, 'base64'), 'UTF8')::json as {name}" if plain is bytes else name
        )
        yield name, COLUMN_TYPES[plain], expression


def _relation(change: type[Change], *, ordered: bool) -> str:
    columns = list(_columns(change))
    definition = ", ".join(f"{name} {kind}" for name, kind, _ in columns)
    expressions = ", ".join(expression for _, _, expression in columns)
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
    subject: Callable[[Any], Hashable] | None = None,
) -> Statement:
    """`key`: columns that identify the row; `newest`: an order that comes before that of arrival."""
    relations = [f"batch as {_relation(change, ordered=key is not None)}"]
    if key is not None:
        order = f"{key}, {newest}ordinality desc"
        latest = f"select distinct on ({key}) * from batch order by {order}"  # noqa: S608 - names of our fields
        relations.append(f"latest as ({latest})")
    sql = " ".join(("with", ", ".join(relations), sql))
    return Statement(change=change, sql=sql, subject=subject, cleaner=Cleaner(change, _types(change)))


SESSION: Final = attrgetter("id")
PERIODS: Final = attrgetter("session_id")
MONITORS: Final = attrgetter("charge_point_id", "monitor_id")
RESERVATION: Final = attrgetter("charge_point_id", "id")
DISPLAYED: Final = attrgetter("charge_point_id", "message_id")

STATEMENTS: Final[Sequence[Statement]] = (
    _statement(
        changes.ChargePointConnected,
        """
        update charge_points c
        set network_protocol = r.protocol, current_security_profile = r.security_profile,
            network_ip = r.remote_address, connected_at = r.at,
            first_contact_at = coalesce(c.first_contact_at, r.at)
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.NetworkStatusChanged,
        """
        , present as (
            update charge_points c set network_status = r.network_status, network_status_at = r.at
            from latest r where c.id = r.id
        )
        insert into status_log (charge_point_id, scope, status, at, received_at)
        select id, 'network', network_status, at, at from batch order by ordinality
        """,
        key="id",
    ),
    _statement(
        changes.ChargePointBooted,  # the verdict is what people decided; it is read, not written
        """
        update charge_points c
        set booted_at = r.at, vendor = r.vendor, model = r.model,
            charge_point_serial_number = r.charge_point_serial_number,
            charge_box_serial_number = r.charge_box_serial_number, firmware_version = r.firmware_version,
            iccid = r.iccid, imsi = r.imsi, meter_type = r.meter_type,
            meter_serial_number = r.meter_serial_number,
            boot_reason = r.boot_reason
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.HardwareStatusChanged,
        """
        , station as (
            update charge_points c
            set hardware_status = r.status, hardware_error_code = r.error_code, hardware_info = r.info,
                hardware_vendor_id = r.vendor_id, hardware_vendor_error_code = r.vendor_error_code,
                hardware_status_at = r.at
            from latest r
            where c.id = r.charge_point_id and r.evse_number = 0
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
    _statement(
        changes.FirmwareStatusChanged,
        """
        update charge_points c
        set firmware_status = r.firmware_status, firmware_request_id = r.request_id, firmware_status_at = r.at
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.LogStatusChanged,
        """
        update charge_points c
        set log_status = r.log_status, log_request_id = r.request_id, log_status_at = r.at
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.ConfigurationKeyRead,
        """
        insert into charge_point_configuration (charge_point_id, name, value, readonly, at)
        select charge_point_id, name, value, readonly, at from latest
        on conflict (charge_point_id, name) do update
        set value = excluded.value, readonly = excluded.readonly, at = excluded.at
        """,
        key="charge_point_id, name",
    ),
    _statement(
        changes.FirmwarePublicationChanged,
        """
        update charge_points c
        set publish_status = r.publish_status, publish_request_id = r.publish_request_id,
            publish_locations = r.publish_locations, publish_status_at = r.at
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        # Of what may only be written no value is kept, whoever says one.
        changes.DeviceVariableRead,
        """
        insert into device_variables as d (charge_point_id, component, component_instance, evse_number,
                                           connector_number, variable, variable_instance, attribute, value,
                                           mutability, persistent, constant, data_type, unit, min_limit,
                                           max_limit, values_list, supports_monitoring, at)
        select charge_point_id, component, component_instance, evse_number, connector_number, variable,
               variable_instance, attribute, case when mutability = 'WriteOnly' then null else value end,
               mutability, persistent, constant, data_type, unit, min_limit, max_limit, values_list,
               supports_monitoring, at
        from latest
        on conflict (charge_point_id, component, component_instance, evse_number, connector_number, variable,
                     variable_instance, attribute) do update
        set value = case when coalesce(excluded.mutability, d.mutability) = 'WriteOnly' then null
                         else excluded.value end,
            mutability = coalesce(excluded.mutability, d.mutability),
            persistent = coalesce(excluded.persistent, d.persistent),
            constant = coalesce(excluded.constant, d.constant),
            data_type = coalesce(excluded.data_type, d.data_type), unit = coalesce(excluded.unit, d.unit),
            min_limit = coalesce(excluded.min_limit, d.min_limit),
            max_limit = coalesce(excluded.max_limit, d.max_limit),
            values_list = coalesce(excluded.values_list, d.values_list),
            supports_monitoring = coalesce(excluded.supports_monitoring, d.supports_monitoring),
            at = excluded.at
        """,
        key="charge_point_id, component, component_instance, evse_number, connector_number, variable, "
        "variable_instance, attribute",
    ),
    _statement(
        changes.DeviceModelReported,
        """
        , gone as (
            delete from device_variables d using latest r
            where d.charge_point_id = r.charge_point_id and d.at < r.since
        )
        update charge_points c set device_model_at = r.at from latest r where c.id = r.charge_point_id
        """,
        key="charge_point_id",
    ),
    _statement(
        changes.VariableMonitorSet,
        """
        insert into variable_monitors as m (charge_point_id, monitor_id, component, component_instance,
                                            evse_number, connector_number, variable, variable_instance, type,
                                            value, severity, transaction, kind, active, at)
        select charge_point_id, monitor_id, component, component_instance, evse_number, connector_number,
               variable, variable_instance, type, value, severity, transaction, kind, true, at
        from latest
        on conflict (charge_point_id, monitor_id) do update
        set component = excluded.component, component_instance = excluded.component_instance,
            evse_number = excluded.evse_number, connector_number = excluded.connector_number,
            variable = excluded.variable, variable_instance = excluded.variable_instance,
            type = excluded.type, value = excluded.value, severity = excluded.severity,
            transaction = excluded.transaction, kind = coalesce(excluded.kind, m.kind), active = true,
            at = excluded.at
        """,
        key="charge_point_id, monitor_id",
        subject=MONITORS,
    ),
    _statement(
        changes.VariableMonitorCleared,
        """
        update variable_monitors m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.monitor_id = r.monitor_id
        """,
        key="charge_point_id, monitor_id",
        subject=MONITORS,
    ),
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
        update charge_points c set monitoring_base = r.monitoring_base from latest r where c.id = r.id
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
    _statement(
        changes.DisplayMessageSet,
        """
        insert into display_messages (charge_point_id, message_id, message, active, at)
        select charge_point_id, message_id, message, true, at from latest
        on conflict (charge_point_id, message_id) do update
        set message = excluded.message, active = true, at = excluded.at
        """,
        key="charge_point_id, message_id",
        subject=DISPLAYED,
    ),
    _statement(
        changes.DisplayMessageCleared,
        """
        update display_messages m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.message_id = r.message_id
        """,
        key="charge_point_id, message_id",
        subject=DISPLAYED,
    ),
    _statement(
        changes.DisplayMessagesReported,
        """
        update display_messages m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.active and m.at < r.since
        """,
        key="charge_point_id",
    ),
    _statement(
        changes.LocalListVersionRead,
        """
        update charge_points c set local_list_version = r.local_list_version, local_list_version_at = r.at
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.CertificateInstalled,
        """
        update charge_point_certificates c set status = r.status, answered_at = r.at
        from latest r where c.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.ChargingProfileChanged,
        """
        insert into charging_profiles (charge_point_id, evse_number, profile_id, purpose, stack_level,
                                      profile, active, at, source)
        select charge_point_id, evse_number, profile_id, purpose, stack_level, profile, active, at, source
        from latest
        on conflict (charge_point_id, evse_number, profile_id) do update
        set purpose = excluded.purpose, stack_level = excluded.stack_level, profile = excluded.profile,
            active = excluded.active, at = excluded.at, source = excluded.source
        """,
        key="charge_point_id, evse_number, profile_id",
    ),
    _statement(
        changes.ChargingLimitChanged,
        """
        insert into charging_limits
            (charge_point_id, evse_number, source, grid_critical, schedules, active, at)
        select charge_point_id, evse_number, source, grid_critical, schedules, active, at from latest
        on conflict (charge_point_id, evse_number, source) do update
        set grid_critical = excluded.grid_critical, schedules = excluded.schedules, active = excluded.active,
            at = excluded.at
        """,
        key="charge_point_id, evse_number, source",
    ),
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
    _statement(
        changes.SecurityEventReported,
        """
        insert into security_events (charge_point_id, type, timestamp, tech_info, critical, received_at)
        select charge_point_id, type, timestamp, tech_info, critical, received_at from batch
        """,
    ),
    _statement(
        # The same request told again must not start its signing anew.
        changes.CertificateWanted,
        """
        insert into certificate_requests as c
            (charge_point_id, certificate_type, csr, request_id, requested_at, next_attempt_at)
        select charge_point_id, certificate_type, csr, request_id, at, at from latest
        on conflict (charge_point_id, certificate_type) do update
        set csr = excluded.csr, request_id = excluded.request_id, requested_at = excluded.requested_at,
            next_attempt_at = excluded.next_attempt_at, status = 'Requested', chain = null, attempts = 0,
            reason = null, answered_at = null
        where (c.csr, c.requested_at) <> (excluded.csr, excluded.requested_at)
        """,
        key="charge_point_id, certificate_type",
    ),
    _statement(
        changes.ReportStored,
        """
        insert into ocpp_reports (charge_point_id, action, request_id, payload, at)
        select charge_point_id, action, request_id, payload, at from batch
        """,
    ),
    _statement(
        changes.AuthorizationMade,
        """
        insert into authorizations (id, operator_id, charge_point_id, evse_number, id_tag_uid, id_tag_id,
                                    user_id, method, status, rejection_reason, created_at)
        select id, operator_id, charge_point_id, evse_number, id_tag_uid, id_tag_id, user_id,
               method, status, rejection_reason, created_at
        from batch
        on conflict (id) do nothing
        """,
    ),
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
    _statement(
        changes.TransactionEventStored,
        """
        insert into transaction_events
            (charge_point_id, transaction_id, seq_no, timestamp, event_type, trigger_reason, offline,
             session_id, payload, received_at, content)
        select charge_point_id, transaction_id, seq_no, timestamp, event_type, trigger_reason,
               offline, session_id, payload::json, received_at, content
        from batch
        on conflict do nothing
        """,
    ),
    _statement(
        changes.MeterValueAdded,
        """
        insert into meter_values (charge_point_id, session_id, evse_number, timestamp, received_at,
                                  sample_key, energy_wh, register_wh, resets, power_w, current_a, voltage_v,
                                  soc_percent, samples, register_at, sampled_at, register_series)
        select charge_point_id, session_id, evse_number, timestamp, received_at, sample_key,
               energy_wh, register_wh, resets, power_w, current_a, voltage_v, soc_percent, samples::json,
               register_at, sampled_at, register_series
        from batch
        on conflict do nothing
        """,
    ),
    _statement(
        changes.OrphanKept,
        """
        insert into orphans (id, charge_point_id, key, action, transaction_id, connector_number, id_tag,
                             meter_wh, timestamp, reason, payload, received_at)
        select id, charge_point_id, key, action, transaction_id, connector_number, id_tag, meter_wh,
               timestamp, reason, payload, received_at
        from batch
        on conflict do nothing
        """,
    ),
    _statement(
        changes.OrphanResolved,
        """
        update orphans o set session_id = r.session_id, resolved_at = r.at from latest r where o.id = r.id
        """,
        key="id",
    ),
    _statement(
        changes.EventPublished,
        """
        insert into events (type, subject, operator_id, payload, created_at)
        select type, subject, operator_id, payload, created_at from batch
        """,
    ),
    _statement(
        changes.MessageLogged,
        """
        insert into message_log (charge_point_id, at, direction, kind, action, message_id, payload,
                                 correlation_id, repairs)
        select charge_point_id, at, direction, kind, action, message_id, payload, correlation_id, repairs
        from batch
        """,
    ),
)
RANK: Final[dict[type[Change], int]] = {statement.change: i for i, statement in enumerate(STATEMENTS)}
# The member that carries what a message brought, where there is one: the size of the row depends on it.
BULK: Final[dict[type[Change], str | None]] = {
    statement.change: next(
        (name for name, plain in _types(statement.change) if plain is bytes or name in MESSAGES), None
    )
    for statement in STATEMENTS
}
