"""The device model of OCPP 2.x as far as this program acts on it: names of variables, limits of messages.

A name is (component, its instance, EVSE number, connector number, variable, its instance); what is absent is
"" or 0. Names are compared without case (2.0.1 appendix 3), stored as they came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from engine.masking import is_secret_name


class VariableName(NamedTuple):
    """What names a variable of a station."""

    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str

    def folded(self) -> VariableName:
        """For comparison."""
        return self._replace(
            component=self.component.casefold(),
            component_instance=self.component_instance.casefold(),
            variable=self.variable.casefold(),
            variable_instance=self.variable_instance.casefold(),
        )


Kind = Literal["items", "bytes"]
_KINDS: Final[Mapping[str, Kind]] = {"itemspermessage": "items", "bytespermessage": "bytes"}
# (component, instance of its variables ItemsPerMessage and BytesPerMessage) → the request that they limit.
_LIMITED: Final[Mapping[tuple[str, str], str]] = {
    ("devicedatactrlr", "getreport"): "GetReport",
    ("devicedatactrlr", "getvariables"): "GetVariables",
    ("devicedatactrlr", "setvariables"): "SetVariables",
    ("localauthlistctrlr", ""): "SendLocalList",
    ("monitoringctrlr", "clearvariablemonitoring"): "ClearVariableMonitoring",
    ("monitoringctrlr", "setvariablemonitoring"): "SetVariableMonitoring",
}
MAX_DIGITS: Final = 9
# Variables that rules look at, whatever their component.
PHASE_SWITCHING: Final = "acphaseswitchingsupported"
MAX_EXTERNAL_ID: Final = "maxexternalconstraintsid"
HEEDED: Final = frozenset({PHASE_SWITCHING, MAX_EXTERNAL_ID})
NUMBER: Final = re.compile(r"[+-]?[0-9]{1,10}")


POWER: Final = ("evse", "power")
WATTS: Final[Mapping[str, int]] = {"": 1, "w": 1, "kw": 1_000}
# What says less is no maximum of an EVSE, but of something else, or in another unit than it says.
LEAST_POWER_W: Final = 1_000


class Limit(NamedTuple):
    """What a station takes in one message."""

    action: str
    kind: Kind
    most: int


def is_secret(name: VariableName) -> bool:
    """Whether a value of it must not be kept."""
    return is_secret_name(name.variable, name.component)


def whole(value: str | None) -> int | None:
    """A variable's value as a whole number; None where it is none."""
    text = (value or "").strip()
    return int(text) if NUMBER.fullmatch(text) else None


def max_power_w(component: str, variable: str, unit: str | None, max_limit: float | None) -> int | None:
    """The most power of an EVSE, W, where this is `maxLimit` of its Power (2.0.1 appendix 3)."""
    watts = WATTS.get((unit or "").strip().casefold())
    if (component.casefold(), variable.casefold()) != POWER or max_limit is None or watts is None:
        return None
    power = max_limit * watts
    return int(power) if power >= LEAST_POWER_W else None


def limit_of(component: str, variable: str, variable_instance: str, value: str | None) -> Limit | None:
    """What a variable limits; None for any other variable or value."""
    kind = _KINDS.get(variable.casefold())
    if kind is None or value is None:
        return None
    action = _LIMITED.get((component.casefold(), variable_instance.casefold()))
    text = value.strip()
    if action is None or not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        return None
    return Limit(action, kind, int(text)) if int(text) > 0 else None
