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
FORMATS: Final = ("ASCII", "UTF8")  # of display messages
PRIORITIES: Final = ("AlwaysFront", "InFront", "NormalCycle")
AVAILABILITY: Final = "Available,Occupied,Reserved,Unavailable,Faulted"


def _integer(value: str) -> bool:
    return value.isdecimal() and len(value) <= 9


def _flag(value: str) -> bool:
    return value.lower() in ("true", "false")


def _text(value: str) -> bool:
    return len(value) <= 500


def _password(value: str) -> bool:
    return 16 <= len(value) <= 40  # A00.FR.205


class Variable(msgspec.Struct):
    """One variable. `accepts` is absent for what cannot be changed; a secret is never shown.

    `watched` is what monitors may be set for: it changes by itself.
    """

    component: str
    name: str
    value: str
    accepts: Callable[[str], bool] | None = None
    instance: str = ""
    evse: int = 0
    type: str = "string"
    secret: bool = False
    reboot: bool = False
    unit: str = ""
    most: float | None = None
    watched: bool = False

    @property
    def number(self) -> float | None:
        """The value, where it is one of a number."""
        return float(self.value) if self.type in ("decimal", "integer") else None

    def component_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"name": self.component}
        if self.evse:
            place = {"connectorId": 1} if self.component == "Connector" else {}
            document["evse"] = {"id": self.evse, **place}
        return document

    def variable_document(self) -> dict[str, Any]:
        return {"name": self.name, **({"instance": self.instance} if self.instance else {})}


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

    def measure(self, evse: int, *, power: float, availability: str, problem: bool) -> None:
        """What an EVSE and its connector are like now; power in W."""
        self._at("EVSE", "Power", evse).value = f"{power:.0f}"
        for component in ("EVSE", "Connector"):
            self._at(component, "AvailabilityState", evse).value = availability
            self._at(component, "Problem", evse).value = str(problem).lower()

    def _at(self, component: str, name: str, evse: int) -> Variable:
        return self._variables[_key(component, name, evse=evse)]

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

    def all(self) -> list[Variable]:
        return list(self._variables.values())

    def meant(self, wanted: Any) -> list[Variable]:
        """What a componentVariable names; without a variable, all of the component (B08)."""
        component, variable = wanted.component, wanted.variable or None
        evse = component.evse.id if component.evse else None
        return [
            each
            for each in self._variables.values()
            if each.component.casefold() == component.name.casefold()
            and evse in (None, each.evse)
            and (variable is None or each.name.casefold() == variable.name.casefold())
            and (variable is None or not variable.instance or variable.instance == each.instance)
        ]

    def fits(self, variable: Variable, criterion: str) -> bool:
        """B08: Active, Available and Enabled hold unless denied, Problem only if said."""
        flag = self._variables.get(_key(variable.component, criterion, evse=variable.evse))
        return criterion != "Problem" if flag is None else flag.value == "true"


def _key(component: str, name: str, instance: str = "", evse: int = 0) -> tuple[str, str, str, int]:
    return component.casefold(), name.casefold(), instance.casefold(), evse


def entry(variable: Variable) -> dict[str, Any]:
    """One variable as reportData."""
    mutability = "ReadOnly" if variable.accepts is None else "WriteOnly" if variable.secret else "ReadWrite"
    attribute = {"mutability": mutability}
    if not variable.secret:
        attribute["value"] = variable.value
    characteristics: dict[str, Any] = {"dataType": variable.type, "supportsMonitoring": variable.watched}
    if variable.unit:
        characteristics["unit"] = variable.unit
    if variable.most is not None:
        characteristics["maxLimit"] = variable.most
    if variable.type == "OptionList" and variable.name == "AvailabilityState":
        characteristics["valuesList"] = AVAILABILITY
    return {
        "component": variable.component_document(),
        "variable": variable.variable_document(),
        "variableAttribute": [attribute],
        "variableCharacteristics": characteristics,
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
    yield Variable("DisplayMessageCtrlr", "Available", "true", type="boolean")
    yield Variable("DisplayMessageCtrlr", "SupportedFormats", ",".join(FORMATS), type="MemberList")
    yield Variable("DisplayMessageCtrlr", "SupportedPriorities", ",".join(PRIORITIES), type="MemberList")
    for number in range(1, hardware.connectors + 1):
        yield from _measured(hardware, number)
    yield Variable("LocalAuthListCtrlr", "Enabled", "true", _flag, type="boolean")
    yield Variable("MonitoringCtrlr", "Enabled", "true", type="boolean")
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


def _measured(hardware: Hardware, evse: int) -> Iterator[Variable]:
    """What changes by itself at an EVSE and may be monitored."""
    most = hardware.max_watts
    yield Variable("EVSE", "Power", "0", evse=evse, type="decimal", unit="W", most=most, watched=True)
    for component in ("EVSE", "Connector"):
        yield Variable(
            component, "AvailabilityState", "Available", evse=evse, type="OptionList", watched=True
        )
        yield Variable(component, "Problem", "false", evse=evse, type="boolean", watched=True)
