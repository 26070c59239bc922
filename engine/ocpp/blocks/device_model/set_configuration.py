"""Set keys or variables: ChangeConfiguration (1.6 §5.3), SetVariables (2.x B05)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp import variable_names
from engine.ocpp.blocks.device_model.configuration_keys import RULES, key_read
from engine.ocpp.blocks.device_model.results import (
    asked_by_attribute,
    attribute_of_result,
    by_attribute,
    folded,
)
from engine.ocpp.blocks.device_model.variables import (
    DEFAULT_ATTRIBUTE,
    attribute_of,
    in_parts,
    name_of,
    read_rows,
    row,
    size_errors,
)
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import V16, Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import reason_of, result_of, settled, verdict_of
from engine.ocpp.step import Outcome


class SetConfiguration(Operation, frozen=True):
    """Set keys or variables to values, by the names that GetConfiguration takes."""

    values: Mapping[str, str]


LONGEST_V16: Final = 500  # characters of a value, OCPP 1.6 §7.35
BASIC_AUTH: Final = "basicauthpassword"
SHORTEST_PASSWORD: Final = 16


def longest_value(version: str | None) -> int | None:
    """Characters that a value may have for a station that spoke this version last; None: no such bound."""
    return LONGEST_V16 if version in (None, V16) else None


def encode_v16(operation: SetConfiguration, _cp: ChargePoint) -> Sequence[Call]:
    return [("ChangeConfiguration", {"key": key, "value": value}) for key, value in operation.values.items()]


def read_v16(operation: SetConfiguration, answers: Sequence[Any]) -> Result:
    return settled(zip(operation.values, map(result_of, answers), strict=True))


def encode_v2x(operation: SetConfiguration, cp: ChargePoint) -> Sequence[Call]:
    items = [
        {**variable_names.document(attribute_of(name)), "attributeValue": value}
        for name, value in operation.values.items()
    ]
    return [("SetVariables", {"setVariableData": part}) for part in in_parts("SetVariables", items, cp)]


def read_v2x(operation: SetConfiguration, answers: Sequence[Any]) -> Result:
    found = by_attribute(operation.values, [r for answer in answers for r in answer.set_variable_result])
    return settled((name, _set(found.get(folded(attribute_of(name))))) for name in operation.values)


def _set(result: Any) -> Result:
    """The verdict on one variable; None: the station said nothing of it."""
    word = result.attribute_status if result is not None else "Rejected"
    reason = reason_of(result.attribute_status_info) if result is not None else None
    return Result(verdict=verdict_of(word), word=word, reason=reason)


def check_change_configuration_v16(
    request: v16.ChangeConfiguration, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.3 and §9: a standard key's value has its type. Keys of a vendor's own may hold any text."""
    if not request.key:
        return ["key must not be empty"]
    rule = RULES.get(request.key.casefold())
    error = rule(request.value) if rule else None
    return [f"{request.key} {error}"] if error else []


def change_configuration_answered_v16(
    cp: ChargePoint,
    request: v16.ChangeConfiguration,
    response: v16.ChangeConfigurationResponse,
    now: datetime,
) -> Outcome:
    """Accepted and RebootRequired both mean that the value is stored over there (OCPP 1.6 §7.22)."""
    if response.status not in {"Accepted", "RebootRequired"}:
        return Outcome(state=cp, reply=None)
    return Outcome(state=cp, reply=None, changes=(key_read(cp, request.key, request.value, False, now),))


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


def set_variables_answered_v2x(
    cp: ChargePoint,
    request: v201.SetVariables | v21.SetVariables,
    response: v201.SetVariablesResponse | v21.SetVariablesResponse,
    now: datetime,
) -> Outcome:
    """Accepted (B05.FR.10) and RebootRequired both mean that the value is stored over there."""
    return read_rows(
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
    asked = asked_by_attribute(request.set_variable_data)
    for result in response.set_variable_result:
        attribute = attribute_of_result(asked, result)
        data = asked.get((name_of(result.component, result.variable).folded(), attribute))
        if data is not None and result.attribute_status in {"Accepted", "RebootRequired"}:
            yield attribute, data


OPERATION: Final = define(
    SetConfiguration,
    v16=Encoding(encode_v16, read_v16),
    v2x=Encoding(encode_v2x, read_v2x),
)
COMMANDS: Final = (
    command(
        v16.ChangeConfiguration,
        check=check_change_configuration_v16,
        answered=change_configuration_answered_v16,
    ),
    command(v201.SetVariables, check=check_set_variables_v2x, answered=set_variables_answered_v2x),
)
