"""The device model of OCPP 2.x as far as this program acts on it: names of variables, limits of messages.

A name is (component, its instance, EVSE number, connector number, variable, its instance); what is absent is
"" or 0. Names are compared without case (2.0.1 appendix 3), stored as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


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


SECRETS: Final = frozenset({("securityctrlr", "basicauthpassword")})  # (component, variable), never kept
# (component, instance of its variable ItemsPerMessage) → the request that it limits.
_LIMITED: Final[Mapping[tuple[str, str], str]] = {
    ("devicedatactrlr", "getreport"): "GetReport",
    ("devicedatactrlr", "getvariables"): "GetVariables",
    ("devicedatactrlr", "setvariables"): "SetVariables",
    ("localauthlistctrlr", ""): "SendLocalList",
    ("monitoringctrlr", "clearvariablemonitoring"): "ClearVariableMonitoring",
    ("monitoringctrlr", "setvariablemonitoring"): "SetVariableMonitoring",
}
MAX_DIGITS: Final = 9


def is_secret(name: VariableName) -> bool:
    """Whether a value of it must not be kept."""
    return (name.component.casefold(), name.variable.casefold()) in SECRETS


def limit_of(
    component: str, variable: str, variable_instance: str, value: str | None
) -> tuple[str, int] | None:
    """The action a variable limits, and to how many items; None for any other variable or value."""
    if variable.casefold() != "itemspermessage" or value is None:
        return None
    action = _LIMITED.get((component.casefold(), variable_instance.casefold()))
    text = value.strip()
    if action is None or not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        return None
    return (action, int(text)) if int(text) > 0 else None
