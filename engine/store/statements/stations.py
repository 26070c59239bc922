"""What a charge point reports of itself: its connection, boots, statuses, configuration and wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain import changes
from engine.store.repositories.base import CHANNEL
from engine.store.statements.writing import Statement, append, put, update, written
from engine.store.tables import configuration, inventory, logs, security

STATEMENTS: Final[Sequence[Statement]] = (
    written(
        changes.StationRemoved,
        f"""
        , told as (
            select r.id, r.at, pg_notify('{CHANNEL}', 'station:' || c.network_id)
            from latest r join charge_points c on c.id = r.id
        )
        update charge_points c set deleted_at = r.at, last_updated_at = r.at
        from told r where c.id = r.id and c.deleted_at is null
        """,  # noqa: S608 - a constant
        key="id",
    ),
    update(
        changes.ChargePointConnected,
        inventory.charge_point_status,
        also=", first_contact_at = coalesce(t.first_contact_at, r.connected_at)",
    ),
    written(
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
    update(changes.ChargePointBooted, inventory.charge_point_status),
    written(
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
    written(
        changes.BatteryMoved,
        """
        insert into evses (charge_point_id, network_id, holds_battery, last_updated_at)
        select charge_point_id, evse_number, inside, at from latest
        on conflict (charge_point_id, network_id) do update
        set holds_battery = excluded.holds_battery, last_updated_at = excluded.last_updated_at
        """,
        key="charge_point_id, evse_number",
    ),
    update(changes.FirmwareStatusChanged, inventory.charge_point_status),
    update(changes.LogStatusChanged, inventory.charge_point_status),
    update(changes.FirmwarePublicationChanged, inventory.charge_point_status),
    update(changes.LocalListVersionRead, inventory.charge_point_status),
    put(changes.ConfigurationKeyRead, configuration.charge_point_configuration),
    append(changes.SecurityEventReported, security.security_events),
    written(
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
    append(changes.ReportStored, logs.ocpp_reports),
)
