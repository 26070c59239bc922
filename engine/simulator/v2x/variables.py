"""The device model of a simulated OCPP 2.x station: a table, what may be set, and the report of it all. Pure.

The names are those of the specification's referenced components (2.0.1 part 2, appendices).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from engine.simulator.physics import Hardware

ITEMS_PER_MESSAGE: Final = 4
REPORT_PART: Final = 8  # variables in one NotifyReport


def _integer(value: str) -> bool:
    return value.isdecimal() and len(value) <= 9


def _flag(value: str) -> bool:
    return value.lower() in ("true", "false")


def _text(value: str) -> bool:
    return len(value) <= 500


def _password(value: str) -> bool:
    return 16 <= len(value) <= 40  # A00.FR.205


class Variable(msgspec.Struct):
    """One variable. `accepts` is absent for what cannot be changed; a secret is never shown."""

    component: str
    name: str
    value: str
    accepts: Callable[[str], bool] | None = None
    instance: str = ""
    evse: int = 0
    type: str = "string"
    secret: bool = False
    reboot: bool = False


class DeviceModel:
    """The variables of one station; they survive reboots."""

    def __init__(self, hardware: Hardware) -> None:
        self._variables = {_key(v.component, v.name, v.instance, v.evse): v for v in _variables(hardware)}

    def number(self, component: str, name: str, instance: str = "") -> int:
        return int(self._variables[_key(component, name, instance)].value)

    def flag(self, component: str, name: str) -> bool:
        return self.text(component, name).lower() == "true"

    def names(self, component: str, name: str) -> list[str]:
        """A comma-separated list."""
        return [part.strip() for part in self.text(component, name).split(",") if part.strip()]

    def text(self, component: str, name: str) -> str:
        return self._variables[_key(component, name)].value

    def put(self, component: str, name: str, value: str) -> None:
        self._variables[_key(component, name)].value = value

    def find(self, component: Any, variable: Any) -> Variable | str:
        """The variable that a message names, or why there is none (B05, B06)."""
        evse = component.evse.id if component.evse else 0
        found = self._variables.get(_key(component.name, variable.name, variable.instance or "", evse))
        if found is not None:
            return found
        known = any(key[0] == component.name.casefold() for key in self._variables)
        return "UnknownVariable" if known else "UnknownComponent"

    def change(self, component: Any, variable: Any, attribute: str, value: str) -> str:
        """B05: the status of one attribute to set."""
        found = self.find(component, variable)
        if isinstance(found, str):
            return found
        if attribute != "Actual":
            return "NotSupportedAttributeType"
        if found.accepts is None or not found.accepts(value):
            return "Rejected"
        found.value = value
        return "RebootRequired" if found.reboot else "Accepted"

    def report(self) -> list[list[dict[str, Any]]]:
        """Everything, in parts, as reportData."""
        entries = [_entry(variable) for variable in self._variables.values()]
        return [entries[first : first + REPORT_PART] for first in range(0, len(entries), REPORT_PART)]


def _key(component: str, name: str, instance: str = "", evse: int = 0) -> tuple[str, str, str, int]:
    return component.casefold(), name.casefold(), instance.casefold(), evse


def _entry(variable: Variable) -> dict[str, Any]:
    component: dict[str, Any] = {"name": variable.component}
    named = {"name": variable.name}
    if variable.evse:
        component["evse"] = {"id": variable.evse}
    if variable.instance:
        named["instance"] = variable.instance
    mutability = "ReadOnly" if variable.accepts is None else "WriteOnly" if variable.secret else "ReadWrite"
    attribute = {"mutability": mutability}
    if not variable.secret:
        attribute["value"] = variable.value
    return {
        "component": component,
        "variable": named,
        "variableAttribute": [attribute],
        "variableCharacteristics": {"dataType": variable.type, "supportsMonitoring": False},
    }


def _variables(hardware: Hardware) -> Iterator[Variable]:
    sampled = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"
    most = str(ITEMS_PER_MESSAGE)
    yield Variable("AuthCtrlr", "LocalPreAuthorize", "false", _flag, type="boolean")
    yield Variable("AuthCtrlr", "LocalAuthorizeOffline", "true", _flag, type="boolean")
    yield Variable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true", _flag, type="boolean")
    yield Variable("AuthCacheCtrlr", "Enabled", "true", _flag, type="boolean")
    yield Variable("AlignedDataCtrlr", "Interval", "0", _integer, type="integer")
    yield Variable("ChargingStation", "Model", hardware.model)
    yield Variable("ChargingStation", "VendorName", hardware.vendor)
    for name in ("GetVariables", "SetVariables"):
        yield Variable("DeviceDataCtrlr", "ItemsPerMessage", most, instance=name, type="integer")
    for number in range(1, hardware.connectors + 1):
        yield Variable("EVSE", "Power", f"{hardware.max_watts:.0f}", evse=number, type="decimal")
    yield Variable("LocalAuthListCtrlr", "Enabled", "true", _flag, type="boolean")
    yield Variable("OCPPCommCtrlr", "HeartbeatInterval", "300", _integer, type="integer")
    yield Variable("OCPPCommCtrlr", "MessageAttempts", "10", _integer, "TransactionEvent", type="integer")
    yield Variable(
        "OCPPCommCtrlr", "MessageAttemptInterval", "10", _integer, "TransactionEvent", type="integer"
    )
    yield Variable("OCPPCommCtrlr", "WebSocketPingInterval", "60", _integer, type="integer")
    yield Variable("SampledDataCtrlr", "TxUpdatedInterval", "60", _integer, type="integer")
    yield Variable("SampledDataCtrlr", "TxUpdatedMeasurands", sampled, _text, type="MemberList")
    yield Variable("SecurityCtrlr", "BasicAuthPassword", "", _password, secret=True)
    yield Variable("SecurityCtrlr", "OrganizationName", "", _text)
    yield Variable("SecurityCtrlr", "SecurityProfile", "1", type="integer")
    yield Variable("SmartChargingCtrlr", "Enabled", "true", _flag, type="boolean")
    yield Variable("TxCtrlr", "EVConnectionTimeOut", "60", _integer, type="integer")
    yield Variable("TxCtrlr", "StopTxOnInvalidId", "true", _flag, type="boolean")
    yield Variable("TxCtrlr", "TxStartPoint", "PowerPathClosed", type="MemberList")
    yield Variable("TxCtrlr", "TxStopPoint", "PowerPathClosed", type="MemberList")
