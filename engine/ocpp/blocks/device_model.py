"""Device model (OCPP 2.x B05 to B08): reports in parts, variables read and written, the size of requests.

What a station reports is kept attribute by attribute. A full inventory that came whole ends what it does not
name. Secrets pass through: neither what was read nor what was set is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import device, notifications
from engine.domain.changes import Change, DeviceModelReported, DeviceVariableRead
from engine.domain.device import VariableName
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks import following
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Message, Outcome

Component: TypeAlias = v201.Component | v21.Component
Variable: TypeAlias = v201.Variable | v21.Variable

PART: Final = "NotifyReport"
DEFAULT_ATTRIBUTE: Final = "Actual"
DEFAULT_MUTABILITY: Final = "ReadWrite"
WRITE_ONLY: Final = "WriteOnly"
BASIC_AUTH: Final = "basicauthpassword"
SHORTEST_PASSWORD: Final = 16
LISTS: Final = {  # which member of a request its ItemsPerMessage counts
    "ClearVariableMonitoring": "id",
    "GetMonitoringReport": "component_variable",
    "GetReport": "component_variable",
    "GetVariables": "get_variable_data",
    "SetVariableMonitoring": "set_monitoring_data",
    "SetVariables": "set_variable_data",
}
LIMITED_AS: Final = {"GetMonitoringReport": "GetReport"}  # N02.FR.07: one limit for both


# --- reports -----------------------------------------------------------------------------------------------


def notify_report_v2x(
    cp: ChargePoint, request: v201.NotifyReport | v21.NotifyReport, facts: Facts, now: datetime
) -> Outcome:
    """Keep one part of a report (B07.FR.03); the last of all variables ends what was not named (FR.08)."""
    at = following.stamp(cp, PART, request.request_id, now)
    rows = [row for entry in request.report_data or () for row in _rows(cp, entry, at)]
    state, report = following.part(
        _heeding(cp, rows), PART, request.request_id, request.seq_no, bool(request.tbc)
    )
    changes: list[Change] = [*rows]
    if report and report.complete and report.full:
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
    """Accepted announces a report; its parts follow (B07.FR.01, FR.03)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    full = request.report_base == "FullInventory"  # B07.FR.08
    state = following.announced(cp, PART, request.request_id, full=full, now=now)
    return Outcome(state=state, reply=None)


def get_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetReport | v21.GetReport,
    response: v201.GetReportResponse | v21.GetReportResponse,
    now: datetime,
) -> Outcome:
    """The same for a report of some variables (B08.FR.01); EmptyResultSet announces none (B08.FR.15)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    state = following.announced(cp, PART, request.request_id, full=False, now=now)
    return Outcome(state=state, reply=None)


# --- variables ---------------------------------------------------------------------------------------------


def get_variables_answered_v2x(
    cp: ChargePoint,
    request: v201.GetVariables | v21.GetVariables,
    response: v201.GetVariablesResponse | v21.GetVariablesResponse,
    now: datetime,
) -> Outcome:
    """Keep the values that were told (B06.FR.10); refused ones change nothing."""
    asked = _asked(request.get_variable_data)
    rows = [
        row(
            cp,
            name_of(result.component, result.variable),
            _attribute(asked, result),
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
    """Accepted (B05.FR.10) and RebootRequired both mean that the value is stored over there."""
    return _read(
        cp,
        [
            row(cp, name_of(data.component, data.variable), attribute, data.attribute_value, now)
            for attribute, data in taken(request, response)
        ],
    )


def taken(
    request: v201.SetVariables | v21.SetVariables,
    response: v201.SetVariablesResponse | v21.SetVariablesResponse,
) -> Iterator[tuple[str, v201.SetVariableData | v21.SetVariableData]]:
    """What the station stores from now on, each with its attribute; in the order of its results."""
    asked = _asked(request.set_variable_data)
    for result in response.set_variable_result:
        attribute = _attribute(asked, result)
        data = asked.get((name_of(result.component, result.variable).folded(), attribute))
        if data is not None and result.attribute_status in {"Accepted", "RebootRequired"}:
            yield attribute, data


def _asked(items: Iterable[Any]) -> dict[tuple[VariableName, str], Any]:
    """The items of a request by name and attribute."""
    return {
        (name_of(item.component, item.variable).folded(), item.attribute_type or DEFAULT_ATTRIBUTE): item
        for item in items
    }


def _attribute(asked: Iterable[tuple[VariableName, str]], result: Any) -> str:
    """Which attribute a result is of: some stations leave out which, and mean the one that was asked for."""
    if result.attribute_type:
        return str(result.attribute_type)
    name = name_of(result.component, result.variable).folded()
    return only([attribute for other, attribute in asked if other == name]) or DEFAULT_ATTRIBUTE


def only(attributes: Sequence[str]) -> str | None:
    """The one there is; None where there is none, or a choice."""
    return attributes[0] if len(attributes) == 1 else None


def check_set_variables_v2x(
    request: v201.SetVariables | v21.SetVariables, cp: ChargePoint, now: datetime
) -> list[str]:
    """As many as the station takes (B05.FR.11), and none twice (B05.FR.13)."""
    keys = [
        (name_of(data.component, data.variable).folded(), data.attribute_type or DEFAULT_ATTRIBUTE)
        for data in request.set_variable_data
    ]
    errors = size_errors(request, cp)
    if len(set(keys)) < len(keys):
        errors.append("setVariableData names an attribute twice")
    return errors + _password_errors(request)


def _password_errors(request: v201.SetVariables | v21.SetVariables) -> list[str]:
    # A00.FR.205. How long one may be is the station's to say.
    return [
        f"BasicAuthPassword must have {SHORTEST_PASSWORD} characters or more"
        for data in request.set_variable_data
        if data.variable.name.casefold() == BASIC_AUTH and len(data.attribute_value) < SHORTEST_PASSWORD
    ]


def check_size_v2x(request: Message, cp: ChargePoint, now: datetime) -> list[str]:
    """No more than the station takes in one message (B06.FR.05, B08.FR.06, N02.FR.07, N06.FR.04)."""
    return size_errors(request, cp)


# --- size --------------------------------------------------------------------------------------------------


def size_errors(request: Message, cp: ChargePoint) -> list[str]:
    """What is wrong with the number of items in a request, and with its length."""
    action = type(request).__name__
    limit = LIMITED_AS.get(action, action)
    count = len(getattr(request, LISTS[action]) or ())
    errors = []
    most = cp.items_per_message.get(limit)
    if most is not None and count > most:
        errors.append(f"{action} has {count} items; the charge point takes {most} in one message")
    return errors + length_errors(request, cp.bytes_per_message.get(limit))


def length_errors(request: Message, most: int | None) -> list[str]:
    """What is wrong with the length of a request, in bytes as sent."""
    length = 0 if most is None else len(rpc.ENCODER.encode(request))
    if most is None or length <= most:
        return []
    return [f"{type(request).__name__} has {length} bytes; the charge point takes {most} in one message"]


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
    return Outcome(state=_heeding(cp, rows), reply=None, changes=rows)


def _heeding(cp: ChargePoint, rows: Iterable[DeviceVariableRead]) -> ChargePoint:
    """The state with what the rows say of the size of messages, and of variables that rules look at."""
    items, size, variables = cp.items_per_message, cp.bytes_per_message, cp.variables
    for row in rows:
        if row.attribute != DEFAULT_ATTRIBUTE:
            continue
        name = row.variable.casefold()
        if name in device.HEEDED and row.value is not None:
            variables = {**variables, (name, row.evse_number): row.value}
        limit = device.limit_of(row.component, row.variable, row.variable_instance, row.value)
        if limit is not None and limit.kind == "items":
            items = {**items, limit.action: limit.most}
        elif limit is not None:
            size = {**size, limit.action: limit.most}
    known = (cp.items_per_message, cp.bytes_per_message, cp.variables)
    if all(new is old for new, old in zip((items, size, variables), known, strict=True)):
        return cp
    return replace(cp, items_per_message=items, bytes_per_message=size, variables=variables)
