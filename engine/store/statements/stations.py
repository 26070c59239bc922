"""What a charge point reports of itself: its connection, boots, statuses, configuration and wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, append, names, put, update, upsert, written
from engine.store.tables import configuration, inventory, logs, security

STATEMENTS: Final[Sequence[Statement]] = (
    written(
        changes.StationRemoved,
        """
        update charge_points c set deleted_at = r.at, last_updated_at = r.at
        from latest r where c.id = r.id and c.deleted_at is null
        """,
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
        f"""
        , evse as (
            insert into evses (charge_point_id, network_id)
            select distinct charge_point_id, evse_number from latest where evse_number > 0
            on conflict do nothing
        ), connector as (
            insert into connectors (charge_point_id, evse_network_id, number)
            select charge_point_id, evse_number, connector_number from latest where evse_number > 0
            on conflict do nothing
        ), present as (
            {upsert(changes.HardwareStatusChanged, inventory.connector_status)}
            where t.at <= excluded.at
        )
        insert into status_log (scope, {names(changes.HardwareStatusChanged)})
        select 'hardware', {names(changes.HardwareStatusChanged)} from batch order by ordinality
        """,  # noqa: S608 - names of ours
        key="charge_point_id, evse_number, connector_number",
        newest="at desc, ",
    ),
    put(changes.BatteryMoved, inventory.evse_status),
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
