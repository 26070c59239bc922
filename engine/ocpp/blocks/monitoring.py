"""Monitoring (OCPP 2.x N02 to N08): which variables a station watches, and what it notices.

Events are kept as they came and published one by one. An event of a connector's availability counts as its
StatusNotification.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import (
    Change,
    MonitoringBaseSet,
    MonitorsReported,
    VariableMonitorCleared,
    VariableMonitorSet,
)
from engine.domain.device import VariableName, is_secret
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import following, reports
from engine.ocpp.blocks.availability import status_event_v2x
from engine.ocpp.blocks.device_model import name_of, size_errors
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome

EventData: TypeAlias = v201.EventData | v21.EventData

PART: Final = "NotifyMonitoringReport"
MAX_SEVERITY: Final = 9  # 0 danger … 9 debug
OURS: Final = "CustomMonitor"  # kind of what we set
DELTAS: Final = frozenset({"Delta", "Periodic", "PeriodicClockAligned", "TargetDelta"})
STATUS_OF_CONNECTOR: Final = ("connector", "availabilitystate")  # G01: (component, variable)


# --- what the station tells --------------------------------------------------------------------------------


def notify_event_v2x(
    cp: ChargePoint, request: v201.NotifyEvent | v21.NotifyEvent, facts: Facts, now: datetime
) -> Outcome:
    """Keep and publish what a station noticed (N07.FR.03, N08.FR.02); values of secrets are left out."""
    state = cp
    events = [_without_secret(event) for event in request.event_data]
    kept = replace(request, event_data=events)
    changes: list[Change] = [reports.stored(cp, "NotifyEvent", kept, now)]
    for event in events:
        name = name_of(event.component, event.variable)
        changes.append(notifications.about(cp, _news(cp, event, name), now))
        if (name.component.casefold(), name.variable.casefold()) == STATUS_OF_CONNECTOR:
            state, status = status_event_v2x(
                state, name.evse_number, name.connector_number, event.actual_value, event.timestamp, now
            )
            changes += status
    return Outcome(state=state, reply=response_to(request), changes=changes)


def notify_monitoring_report_v2x(
    cp: ChargePoint,
    request: v201.NotifyMonitoringReport | v21.NotifyMonitoringReport,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what the station says it watches; the last one of all ends the others (N02.FR.11)."""
    at = following.stamp(cp, PART, request.request_id, now)
    changes: list[Change] = [
        _monitor(
            cp,
            name_of(entry.component, entry.variable),
            monitor,
            monitor.id,
            _text(getattr(monitor, "event_notification_type", UNSET)),  # 2.1
            at,
        )
        for entry in request.monitor or ()
        for monitor in entry.variable_monitoring
    ]
    state, report = following.part(cp, PART, request.request_id, request.seq_no, bool(request.tbc))
    if report and report.complete and report.full:
        changes.append(MonitorsReported(charge_point_id=cp.id, since=report.started_at, at=at))
    return Outcome(state=state, reply=response_to(request), changes=changes)


# --- what we ask for ---------------------------------------------------------------------------------------


def check_set_variable_monitoring_v2x(
    request: v201.SetVariableMonitoring | v21.SetVariableMonitoring, cp: ChargePoint, now: datetime
) -> list[str]:
    """N04: severities from 0 to 9, no negative distances (FR.14), as many as the station takes (FR.09)."""
    errors = size_errors(request, cp)
    for data in request.set_monitoring_data:
        stream = getattr(data, "periodic_event_stream", UNSET)
        if stream and stream.interval is UNSET and stream.values is UNSET:  # 2.1 N11.FR.09
            errors.append("periodicEventStream must hold interval or values")
        if not 0 <= data.severity <= MAX_SEVERITY:
            errors.append(f"severity must be 0 to {MAX_SEVERITY}")
        if data.type in DELTAS and data.value < 0:
            errors.append(f"value of a {data.type} monitor must not be negative")
    return errors


def check_set_monitoring_level_v2x(
    request: v201.SetMonitoringLevel | v21.SetMonitoringLevel, cp: ChargePoint, now: datetime
) -> list[str]:
    """N05: 0 (danger) to 9 (debug)."""
    return [] if 0 <= request.severity <= MAX_SEVERITY else [f"severity must be 0 to {MAX_SEVERITY}"]


def set_variable_monitoring_answered_v2x(
    cp: ChargePoint,
    request: v201.SetVariableMonitoring | v21.SetVariableMonitoring,
    response: v201.SetVariableMonitoringResponse | v21.SetVariableMonitoringResponse,
    now: datetime,
) -> Outcome:
    """A monitor that was accepted has an id, given by the station (N04.FR.11), and is ours (N04.FR.15)."""
    asked: dict[Any, Any] = {_key(data): data for data in request.set_monitoring_data}
    changes = []
    for result in response.set_monitoring_result:
        data = asked.get(_key(result))
        if result.status == "Accepted" and data is not None and not isinstance(result.id, UnsetType):
            name = name_of(data.component, data.variable)
            changes.append(_monitor(cp, name, data, result.id, OURS, now))
    return Outcome(state=cp, reply=None, changes=changes)


def get_monitoring_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetMonitoringReport | v21.GetMonitoringReport,
    response: v201.GetMonitoringReportResponse | v21.GetMonitoringReportResponse,
    now: datetime,
) -> Outcome:
    """Accepted announces a report. EmptyResultSet where all was asked for: nothing is watched (N02.FR.10)."""
    full = not request.monitoring_criteria and not request.component_variable  # N02.FR.11
    if response.status == "Accepted":
        return Outcome(
            state=following.announced(cp, PART, request.request_id, full=full, now=now), reply=None
        )
    if response.status == "EmptyResultSet" and full:
        return Outcome(
            state=cp, reply=None, changes=(MonitorsReported(charge_point_id=cp.id, since=now, at=now),)
        )
    return Outcome(state=cp, reply=None)


def clear_variable_monitoring_answered_v2x(
    cp: ChargePoint,
    request: v201.ClearVariableMonitoring | v21.ClearVariableMonitoring,
    response: v201.ClearVariableMonitoringResponse | v21.ClearVariableMonitoringResponse,
    now: datetime,
) -> Outcome:
    """Accepted and NotFound both mean that there is no such monitor (N06.FR.01, FR.02)."""
    changes = [
        VariableMonitorCleared(charge_point_id=cp.id, monitor_id=result.id, at=now)
        for result in response.clear_monitoring_result
        if result.status in {"Accepted", "NotFound"}
    ]
    return Outcome(state=cp, reply=None, changes=changes)


def set_monitoring_base_answered_v2x(
    cp: ChargePoint,
    request: v201.SetMonitoringBase | v21.SetMonitoringBase,
    response: v201.SetMonitoringBaseResponse | v21.SetMonitoringBaseResponse,
    now: datetime,
) -> Outcome:
    """FactoryDefault ends custom monitors (N03.FR.04), HardWiredOnly preconfigured ones too (N03.FR.05)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    return Outcome(
        state=cp,
        reply=None,
        changes=(MonitoringBaseSet(id=cp.id, monitoring_base=request.monitoring_base, at=now),),
    )


def _without_secret(event: EventData) -> EventData:
    """N07.FR.10 has stations leave out what may only be written; the same goes for all that is secret."""
    secret = is_secret(name_of(event.component, event.variable))
    return replace(event, actual_value="") if secret else event


def _key(entry: Any) -> tuple[VariableName, str, int]:
    """What a station may have one monitor for (N04.FR.10)."""
    return name_of(entry.component, entry.variable).folded(), entry.type, entry.severity


def _monitor(  # noqa: PLR0917 - a row's parts come from four places
    cp: ChargePoint, name: VariableName, monitor: Any, number: int, kind: str | None, now: datetime
) -> VariableMonitorSet:
    """A row of a VariableMonitoring, or of the SetMonitoringData that led to one."""
    return VariableMonitorSet(
        charge_point_id=cp.id,
        monitor_id=number,
        **name._asdict(),
        type=monitor.type,
        value=monitor.value,
        severity=monitor.severity,
        transaction=bool(monitor.transaction),
        kind=kind,
        at=now,
    )


def _news(cp: ChargePoint, event: EventData, name: VariableName) -> notifications.DeviceEvent:
    severity = getattr(event, "severity", UNSET)  # 2.1
    monitor = event.variable_monitoring_id
    return notifications.DeviceEvent(
        charge_point_id=cp.id,
        event_id=event.event_id,
        component=name.component,
        component_instance=name.component_instance or None,
        evse_number=name.evse_number or UNSET,
        connector_number=name.connector_number or UNSET,
        variable=name.variable,
        variable_instance=name.variable_instance or None,
        actual_value=event.actual_value,
        trigger=event.trigger,
        cleared=bool(event.cleared),
        severity=None if isinstance(severity, UnsetType) else severity,
        tech_code=_text(event.tech_code),
        tech_info=_text(event.tech_info),
        transaction_id=_text(event.transaction_id),
        variable_monitoring_id=None if isinstance(monitor, UnsetType) else monitor,
        timestamp=event.timestamp,
    )


def _text(member: str | UnsetType) -> str | None:
    return member or None
