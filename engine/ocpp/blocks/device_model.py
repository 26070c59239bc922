"""Device model (OCPP 2.x B05 to B08): reports in parts, variables read and written, the size of requests.

What a station reports is kept attribute by attribute. A full inventory that came whole ends what it does not
name. Secrets pass through: neither what was read nor what was set is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import device, notifications
from engine.domain.changes import Change, DeviceModelReported, DeviceVariableRead
from engine.domain.device import VariableName
from engine.domain.state import ChargePoint, Report
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Message, Outcome

Component: TypeAlias = v201.Component | v21.Component
Variable: TypeAlias = v201.Variable | v21.Variable

MAX_REPORTS: Final = 8  # followed at a time; older ones are stored all the same
DEFAULT_ATTRIBUTE: Final = "Actual"
DEFAULT_MUTABILITY: Final = "ReadWrite"
WRITE_ONLY: Final = "WriteOnly"
LISTS: Final = {  # which member of a request its ItemsPerMessage counts
    "ClearVariableMonitoring": "id",
    "GetReport": "component_variable",
    "GetVariables": "get_variable_data",
    "SetVariableMonitoring": "set_monitoring_data",
    "SetVariables": "set_variable_data",
}


# --- reports -----------------------------------------------------------------------------------------------


def notify_report_v2x(
    cp: ChargePoint, request: v201.NotifyReport | v21.NotifyReport, facts: Facts, now: datetime
) -> Outcome:
    """Keep one part of a report (B07, B08); the last one of a full inventory ends what was not named."""
    report = cp.reports.get(request.request_id)
    # A clock set back meanwhile must not make what was just reported look old.
    at = max(now, report.started_at) if report else now
    rows = [row for entry in request.report_data or () for row in _rows(cp, entry, at)]
    state = replace(cp, items_per_message=_limits(cp.items_per_message, rows)) if rows else cp
    changes: list[Change] = [*rows]
    if report:
        report = replace(
            report,
            seen=report.seen | {request.seq_no},
            last=report.last if request.tbc else request.seq_no,
        )
        state = replace(state, reports=_followed(cp.reports, report))
        if report.complete and report.full:
            changes.append(DeviceModelReported(charge_point_id=cp.id, since=report.started_at, at=at))
    if not request.tbc:
        news = notifications.DeviceModelReported(
            charge_point_id=cp.id,
            request_id=request.request_id,
            complete=report is not None and report.complete,
            timestamp=now,
        )
        changes.append(notifications.about(cp, news, now))
    return Outcome(state=state, reply=response_to(request), changes=changes)


def get_base_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetBaseReport | v21.GetBaseReport,
    response: v201.GetBaseReportResponse | v21.GetBaseReportResponse,
    now: datetime,
) -> Outcome:
    """B07: Accepted announces a report; its parts follow."""
    full = request.report_base == "FullInventory"
    return _announced(cp, request.request_id, response.status == "Accepted", full, now)


def get_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetReport | v21.GetReport,
    response: v201.GetReportResponse | v21.GetReportResponse,
    now: datetime,
) -> Outcome:
    """B08: the same for a report of some variables; EmptyResultSet announces none."""
    return _announced(cp, request.request_id, response.status == "Accepted", False, now)


# --- variables ---------------------------------------------------------------------------------------------


def get_variables_answered_v2x(
    cp: ChargePoint,
    request: v201.GetVariables | v21.GetVariables,
    response: v201.GetVariablesResponse | v21.GetVariablesResponse,
    now: datetime,
) -> Outcome:
    """B06: keep the values that were told; refused ones change nothing."""
    rows = [
        row(
            cp,
            name_of(result.component, result.variable),
            result.attribute_type or DEFAULT_ATTRIBUTE,
            result.attribute_value or "",
            now,
        )
        for result in response.get_variable_result
        if result.attribute_status == "Accepted"
    ]
    return _read(cp, rows)


def set_variables_answered_v2x(
    cp: ChargePoint,
    request: v201.SetVariables | v21.SetVariables,
    response: v201.SetVariablesResponse | v21.SetVariablesResponse,
    now: datetime,
) -> Outcome:
    """B05: Accepted and RebootRequired both mean that the value is stored over there."""
    asked = {
        (name_of(data.component, data.variable).folded(), data.attribute_type or DEFAULT_ATTRIBUTE): data
        for data in request.set_variable_data
    }
    rows = []
    for result in response.set_variable_result:
        attribute = result.attribute_type or DEFAULT_ATTRIBUTE
        data = asked.get((name_of(result.component, result.variable).folded(), attribute))
        if data is not None and result.attribute_status in {"Accepted", "RebootRequired"}:
            name = name_of(data.component, data.variable)
            rows.append(row(cp, name, attribute, data.attribute_value, now))
    return _read(cp, rows)


def check_set_variables_v2x(
    request: v201.SetVariables | v21.SetVariables, cp: ChargePoint, now: datetime
) -> list[str]:
    """B05.FR.11 and B05: as many as the station takes, and none twice."""
    keys = [
        (name_of(data.component, data.variable).folded(), data.attribute_type or DEFAULT_ATTRIBUTE)
        for data in request.set_variable_data
    ]
    errors = size_errors(request, cp)
    if len(set(keys)) < len(keys):
        errors.append("setVariableData names an attribute twice")
    return errors


def check_size_v2x(request: Message, cp: ChargePoint, now: datetime) -> list[str]:
    """B06, B08, N04, N06: no more items than the station takes in one message."""
    return size_errors(request, cp)


# --- size --------------------------------------------------------------------------------------------------


def size_errors(request: Message, cp: ChargePoint) -> list[str]:
    """What is wrong with the number of items in a request."""
    action = type(request).__name__
    limit = cp.items_per_message.get(action)
    count = len(getattr(request, LISTS[action]) or ())
    if limit is None or count <= limit:
        return []
    return [f"{action} has {count} items; the charge point takes {limit} in one message"]


# --- names and rows ----------------------------------------------------------------------------------------


def name_of(component: Component, variable: Variable) -> VariableName:
    """The name that a message gives a variable."""
    evse = component.evse or None
    return VariableName(
        component=component.name,
        component_instance=component.instance or "",
        evse_number=evse.id if evse else 0,
        connector_number=(evse.connector_id or 0) if evse else 0,
        variable=variable.name,
        variable_instance=variable.instance or "",
    )


def row(
    cp: ChargePoint, name: VariableName, attribute: str, value: str | None, at: datetime, **more: Any
) -> DeviceVariableRead:
    """An attribute as reported, without what must not be kept."""
    secret = device.is_secret(name) or more.get("mutability") == WRITE_ONLY
    return DeviceVariableRead(
        charge_point_id=cp.id,
        **name._asdict(),
        attribute=attribute,
        value=None if secret else value,
        at=at,
        **more,
    )


def _rows(
    cp: ChargePoint, entry: v201.ReportData | v21.ReportData, at: datetime
) -> Iterable[DeviceVariableRead]:
    name = name_of(entry.component, entry.variable)
    told: dict[str, Any] = {}
    if characteristics := entry.variable_characteristics:
        told = {
            "data_type": characteristics.data_type,
            "unit": characteristics.unit or None,
            "min_limit": _given(characteristics.min_limit),
            "max_limit": _given(characteristics.max_limit),
            "values_list": characteristics.values_list or None,
            "supports_monitoring": characteristics.supports_monitoring,
        }
    for attribute in entry.variable_attribute:
        yield row(
            cp,
            name,
            attribute.type or DEFAULT_ATTRIBUTE,
            _given(attribute.value),
            at,
            mutability=attribute.mutability or DEFAULT_MUTABILITY,
            persistent=bool(attribute.persistent),
            constant=bool(attribute.constant),
            **told,
        )


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def _read(cp: ChargePoint, rows: Sequence[DeviceVariableRead]) -> Outcome:
    if not rows:
        return Outcome(state=cp, reply=None)
    state = replace(cp, items_per_message=_limits(cp.items_per_message, rows))
    return Outcome(state=state, reply=None, changes=rows)


def _limits(known: dict[str, int], rows: Iterable[DeviceVariableRead]) -> dict[str, int]:
    told = (
        device.limit_of(row.component, row.variable, row.variable_instance, row.value)
        for row in rows
        if row.attribute == DEFAULT_ATTRIBUTE
    )
    fresh = dict(limit for limit in told if limit is not None)
    return {**known, **fresh} if fresh else known


def _announced(cp: ChargePoint, request_id: int, accepted: bool, full: bool, now: datetime) -> Outcome:
    if not accepted:
        return Outcome(state=cp, reply=None)
    report = Report(request_id=request_id, started_at=now, full=full)
    others = dict(list(cp.reports.items())[-(MAX_REPORTS - 1) :])
    return Outcome(state=replace(cp, reports={**others, request_id: report}), reply=None)


def _followed(reports: dict[int, Report], report: Report) -> dict[int, Report]:
    """The reports on their way, without one that is complete."""
    others = {number: other for number, other in reports.items() if number != report.request_id}
    return others if report.complete else {**others, report.request_id: report}
