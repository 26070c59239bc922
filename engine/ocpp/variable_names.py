"""Variables of OCPP 2.x as one line of text.

`component[;instance[;EVSE[;connector]]]/variable[;instance[;attribute]]`

An empty part between semicolons is absent, so `EVSE;;1/Available` names the variable of EVSE 1. Pure.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.domain.device import VariableName

ATTRIBUTES: Final = ("Actual", "Target", "MinSet", "MaxSet")
MAX_DIGITS: Final = 9


class Attribute(NamedTuple):
    """One attribute of a variable, the smallest thing that has a value."""

    name: VariableName
    attribute: str = "Actual"


def parse(text: str) -> Attribute | None:
    """What `text` names; None if it is no such name."""
    component, slash, variable = text.partition("/")
    first, second = component.split(";"), variable.split(";")
    if not (slash and first[0] and second[0]) or len(first) > 4 or len(second) > 3 or "/" in variable:
        return None
    instance, evse, connector = (*first[1:], "", "", "")[:3]
    variable_instance, attribute = (*second[1:], "", "")[:2]
    numbers = [_number(evse), _number(connector)]
    if None in numbers or (attribute or ATTRIBUTES[0]) not in ATTRIBUTES or (connector and not evse):
        return None
    name = VariableName(first[0], instance, numbers[0] or 0, numbers[1] or 0, second[0], variable_instance)
    return Attribute(name, attribute or ATTRIBUTES[0])


def spell(name: VariableName, attribute: str = "Actual") -> str:
    """The shortest text that `parse` reads as this."""
    place = [str(number) if number else "" for number in (name.evse_number, name.connector_number)]
    component = _joined(name.component, name.component_instance, *place)
    kind = "" if attribute == ATTRIBUTES[0] else attribute
    return f"{component}/{_joined(name.variable, name.variable_instance, kind)}"


def document(wanted: Attribute) -> dict[str, Any]:
    """The members `component`, `variable` and `attributeType` as OCPP 2.x has them."""
    name = wanted.name
    component: dict[str, Any] = {"name": name.component}
    variable = {"name": name.variable}
    if name.component_instance:
        component["instance"] = name.component_instance
    if name.evse_number:
        component["evse"] = {"id": name.evse_number}
        if name.connector_number:
            component["evse"]["connectorId"] = name.connector_number
    if name.variable_instance:
        variable["instance"] = name.variable_instance
    more = {} if wanted.attribute == ATTRIBUTES[0] else {"attributeType": wanted.attribute}
    return {"component": component, "variable": variable, **more}


def _number(text: str) -> int | None:
    """0 for an absent one, None for what is none; EVSEs count from 1."""
    if not text:
        return 0
    plain = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
    return int(text) or None if plain else None


def _joined(*parts: str) -> str:
    return ";".join(parts).rstrip(";")
