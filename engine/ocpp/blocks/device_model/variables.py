"""Variables of OCPP 2.x in messages: their names, their rows, and how many of them go into one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from engine.domain import device
from engine.domain.changes import DeviceVariableRead
from engine.domain.device import VariableName
from engine.domain.state import ChargePoint
from engine.errors import Invalid
from engine.ocpp import rpc, variable_names
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Message, Outcome

Component: TypeAlias = v201.Component | v21.Component
Variable: TypeAlias = v201.Variable | v21.Variable
DEFAULT_ATTRIBUTE: Final = "Actual"
WRITE_ONLY: Final = "WriteOnly"
LISTS: Final = {  # which member of a request its ItemsPerMessage counts
    "ClearVariableMonitoring": "id",
    "GetMonitoringReport": "component_variable",
    "GetReport": "component_variable",
    "GetVariables": "get_variable_data",
    "SetVariableMonitoring": "set_monitoring_data",
    "SetVariables": "set_variable_data",
}
LIMITED_AS: Final = {"GetMonitoringReport": "GetReport"}  # N02.FR.07: one limit for both


def attribute_of(name: str) -> variable_names.Attribute:
    """What a name means; Invalid if it means nothing."""
    wanted = variable_names.parse(name)
    if wanted is None:
        rule = "must be component[;instance[;EVSE]]/variable[;instance[;attribute]]"
        raise Invalid(f"{name!r} names no variable: it {rule}", {name: [rule]})
    return wanted


def variable_document(name: str) -> Mapping[str, Any]:
    """The members `component` and `variable`."""
    wanted = attribute_of(name)
    if wanted.attribute != DEFAULT_ATTRIBUTE:
        raise Invalid(f"{name!r} names an attribute", {name: ["must name a variable as a whole"]})
    return variable_names.document(wanted)


def component_document(name: str) -> Mapping[str, Any]:
    """The same; without a slash, a component with all its variables."""
    return (
        variable_document(name) if "/" in name else {"component": variable_document(f"{name}/-")["component"]}
    )


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


def read_rows(cp: ChargePoint, rows: Sequence[DeviceVariableRead]) -> Outcome:
    return Outcome(state=heeding(cp, rows), reply=None, changes=rows)


def heeding(cp: ChargePoint, rows: Iterable[DeviceVariableRead]) -> ChargePoint:
    """The state with what the rows say of the size of messages, of power, and of what rules look at."""
    items, size, variables = cp.items_per_message, cp.bytes_per_message, cp.variables
    powers = cp.max_power_w
    for row in rows:
        power = device.max_power_w(row.component, row.variable, row.unit, row.max_limit)
        if power is not None and powers.get(row.evse_number) != power:
            powers = {**powers, row.evse_number: power}
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
    known = (cp.items_per_message, cp.bytes_per_message, cp.variables, cp.max_power_w)
    if all(new is old for new, old in zip((items, size, variables, powers), known, strict=True)):
        return cp
    return replace(
        cp, items_per_message=items, bytes_per_message=size, variables=variables, max_power_w=powers
    )


def in_parts(action: str, items: Sequence[Any], cp: ChargePoint) -> Sequence[Sequence[Any]]:
    """As many items in a message as the station says it takes (ItemsPerMessage; B05.FR.11, B06.FR.05)."""
    most = cp.items_per_message.get(action) or len(items) or 1
    return [items[first : first + most] for first in range(0, len(items), most)]


def check_size_v2x(request: Message, cp: ChargePoint, now: datetime) -> list[str]:
    """No more than the station takes in one message (B06.FR.05, B08.FR.06, N02.FR.07, N06.FR.04)."""
    return size_errors(request, cp)


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
