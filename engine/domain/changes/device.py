"""What an OCPP 2.x station is made of, what it watches and what its displays show."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change, Integer


class DeviceVariableRead(Change, frozen=True, gc=False):
    """device_variables by all that names an attribute: its value and what it is, as the station reported.

    Absent parts of the name are "" or 0. A characteristic that is None was not reported and stays as it was.
    """

    charge_point_id: int
    component: str
    component_instance: str
    evse_number: Integer
    connector_number: Integer
    variable: str
    variable_instance: str
    attribute: str  # Actual | Target | MinSet | MaxSet
    value: str | None  # None: not known, not reported, or a secret
    at: datetime
    mutability: str | None = None  # ReadOnly | WriteOnly | ReadWrite
    persistent: bool | None = None
    constant: bool | None = None
    data_type: str | None = None
    unit: str | None = None
    min_limit: float | None = None
    max_limit: float | None = None
    values_list: str | None = None
    supports_monitoring: bool | None = None


class DeviceModelReported(Change, frozen=True):
    """charge_point_status: a full inventory came whole, so device_variables older than `since` go."""

    charge_point_id: int
    since: datetime
    at: datetime


class VariableMonitorSet(Change, frozen=True):
    """variable_monitors by (charge_point_id, monitor_id): what the station watches.

    A kind that is None was not reported and stays as it was.
    """

    charge_point_id: int
    monitor_id: int
    component: str
    component_instance: str
    evse_number: Integer
    connector_number: Integer
    variable: str
    variable_instance: str
    type: str  # UpperThreshold | LowerThreshold | Delta | Periodic | PeriodicClockAligned …
    value: float
    severity: Integer  # 0 danger … 9 debug
    transaction: bool  # only while a transaction is going on
    at: datetime
    kind: str | None = None  # HardWiredMonitor | PreconfiguredMonitor | CustomMonitor
    active: bool = True


class VariableMonitorCleared(Change, frozen=True):
    """variable_monitors by (charge_point_id, monitor_id): no longer watched."""

    charge_point_id: int
    monitor_id: int
    at: datetime
    active: bool = False


class MonitoringBaseSet(Change, frozen=True):
    """charge_point_status by id: monitoring_base, and the variable_monitors that it ends."""

    id: int
    monitoring_base: str  # All | FactoryDefault | HardWiredOnly
    at: datetime


class MonitorsReported(Change, frozen=True):
    """variable_monitors of a charge point: all were reported, so those older than `since` are no more."""

    charge_point_id: int
    since: datetime
    at: datetime


class DisplayMessageSet(Change, frozen=True):
    """display_messages by (charge_point_id, message_id): what the station shows."""

    charge_point_id: int
    message_id: int
    message: bytes  # MessageInfo as JSON
    at: datetime
    active: bool = True


class DisplayMessageCleared(Change, frozen=True):
    """display_messages by (charge_point_id, message_id): no longer shown."""

    charge_point_id: int
    message_id: int
    at: datetime
    active: bool = False


class DisplayMessagesReported(Change, frozen=True):
    """display_messages of a charge point: all were reported, so those older than `since` are no more."""

    charge_point_id: int
    since: datetime
    at: datetime
