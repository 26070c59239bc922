"""What an OCPP 2.x station is made of, what it watches and what its displays show."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from engine.domain import changes
from engine.store.statements.writing import Statement, put, update, written
from engine.store.tables import device

MONITORS: Final = attrgetter("charge_point_id", "monitor_id")
DISPLAYED: Final = attrgetter("charge_point_id", "message_id")

STATEMENTS: Final[Sequence[Statement]] = (
    put(
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
    written(
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
    put(changes.VariableMonitorSet, device.variable_monitors, patch=True, subject=MONITORS),
    update(changes.VariableMonitorCleared, device.variable_monitors, subject=MONITORS),
    written(
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
    written(
        changes.MonitorsReported,
        """
        update variable_monitors m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.active and m.at < r.since
        """,
        key="charge_point_id",
    ),
    put(changes.DisplayMessageSet, device.display_messages, subject=DISPLAYED),
    update(changes.DisplayMessageCleared, device.display_messages, subject=DISPLAYED),
    written(
        changes.DisplayMessagesReported,
        """
        update display_messages m set active = false, at = r.at
        from latest r where m.charge_point_id = r.charge_point_id and m.active and m.at < r.since
        """,
        key="charge_point_id",
    ),
)
