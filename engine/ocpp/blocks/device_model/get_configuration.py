"""Read keys or variables: GetConfiguration (1.6 §5.8), GetVariables (2.x B06)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp import variable_names
from engine.ocpp.blocks.device_model.configuration_keys import key_read
from engine.ocpp.blocks.device_model.results import (
    asked_by_attribute,
    attribute_of_result,
    by_attribute,
    folded,
)
from engine.ocpp.blocks.device_model.variables import (
    attribute_of,
    check_size_v2x,
    in_parts,
    name_of,
    read_rows,
    row,
)
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Document, Operation, Result, Verdict
from engine.ocpp.step import Outcome


class GetConfiguration(Operation, frozen=True):
    """Read keys of 1.6, variables of 2.x: `component[;instance[;EVSE]]/variable[;instance[;attribute]]`."""

    names: tuple[str, ...]


class Value(Document, frozen=True):
    name: str
    value: str | None
    readonly: bool | None = None  # None: not told


class Values(Result, frozen=True):
    """`unknown`: names that the station does not know or does not tell."""

    values: tuple[Value, ...] = ()
    unknown: tuple[str, ...] = ()


def encode_v16(operation: GetConfiguration, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetConfiguration", {"key": list(operation.names)})]


def values_v16(_operation: object, answers: Sequence[v16.GetConfigurationResponse]) -> Result:
    """The keys of an answer, and those that the station does not know."""
    (answer,) = answers
    return Values(
        verdict=Verdict.ACCEPTED,
        word="Accepted",
        values=tuple(
            Value(name=pair.key, value=None if pair.value is UNSET else pair.value, readonly=pair.readonly)
            for pair in answer.configuration_key or ()
        ),
        unknown=tuple(answer.unknown_key or ()),
    )


def encode_v2x(operation: GetConfiguration, cp: ChargePoint) -> Sequence[Call]:
    items = [variable_names.document(attribute_of(name)) for name in operation.names]
    return [("GetVariables", {"getVariableData": part}) for part in in_parts("GetVariables", items, cp)]


def read_v2x(operation: GetConfiguration, answers: Sequence[Any]) -> Result:
    results = by_attribute(operation.names, [r for answer in answers for r in answer.get_variable_result])
    found, unknown = [], []
    for name in operation.names:
        result = results.get(folded(attribute_of(name)))
        if result is None or result.attribute_status != "Accepted":
            unknown.append(name)
        else:
            value = None if result.attribute_value is UNSET else result.attribute_value
            found.append(Value(name=name, value=value))
    verdict, word = (Verdict.ACCEPTED, "Accepted") if found else (Verdict.NOT_FOUND, "")
    return Values(verdict=verdict, word=word, values=tuple(found), unknown=tuple(unknown))


def get_configuration_answered_v16(
    cp: ChargePoint, request: v16.GetConfiguration, response: v16.GetConfigurationResponse, now: datetime
) -> Outcome:
    """Keep every key as reported; keys the charge point does not know change nothing."""
    changes = [
        key_read(
            cp, entry.key, None if isinstance(entry.value, UnsetType) else entry.value, entry.readonly, now
        )
        for entry in response.configuration_key or ()
    ]
    return Outcome(state=cp, reply=None, changes=changes)


def get_variables_answered_v2x(
    cp: ChargePoint,
    request: v201.GetVariables | v21.GetVariables,
    response: v201.GetVariablesResponse | v21.GetVariablesResponse,
    now: datetime,
) -> Outcome:
    """Keep the values that were told (B06.FR.10); refused ones change nothing."""
    asked = asked_by_attribute(request.get_variable_data)
    rows = [
        row(
            cp,
            name_of(result.component, result.variable),
            attribute_of_result(asked, result),
            result.attribute_value or "",
            now,
        )
        for result in response.get_variable_result
        if result.attribute_status == "Accepted"
    ]
    return read_rows(cp, rows)


OPERATION: Final = define(
    GetConfiguration,
    v16=Encoding(encode_v16, values_v16),
    v2x=Encoding(encode_v2x, read_v2x),
)
COMMANDS: Final = (
    command(v16.GetConfiguration, answered=get_configuration_answered_v16),
    command(v201.GetVariables, check=check_size_v2x, answered=get_variables_answered_v2x),
)
