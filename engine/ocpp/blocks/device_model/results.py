"""Results of GetVariables and SetVariables: which attribute each of them is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.domain.device import VariableName
from engine.ocpp import variable_names
from engine.ocpp.blocks.device_model.variables import DEFAULT_ATTRIBUTE, attribute_of, name_of


def asked_by_attribute(items: Iterable[Any]) -> dict[tuple[VariableName, str], Any]:
    """The items of a request by name and attribute."""
    return {
        (name_of(item.component, item.variable).folded(), item.attribute_type or DEFAULT_ATTRIBUTE): item
        for item in items
    }


def attribute_of_result(asked: Iterable[tuple[VariableName, str]], result: Any) -> str:
    """Which attribute a result is of: some stations leave out which, and mean the one that was asked for."""
    if result.attribute_type:
        return str(result.attribute_type)
    name = name_of(result.component, result.variable).folded()
    return only([attribute for other, attribute in asked if other == name]) or DEFAULT_ATTRIBUTE


def only(attributes: Sequence[str]) -> str | None:
    """The one there is; None where there is none, or a choice."""
    return attributes[0] if len(attributes) == 1 else None


def by_attribute(asked: Iterable[str], results: Sequence[Any]) -> Mapping[variable_names.Attribute, Any]:
    """Results by what they are of; one that leaves out its attribute is of the only one asked for."""
    wanted = [folded(attribute_of(name)) for name in asked]
    found = {}
    for result in results:
        name = name_of(result.component, result.variable).folded()
        same = [attribute.attribute for attribute in wanted if attribute.name == name]
        of = result.attribute_type or only(same) or DEFAULT_ATTRIBUTE
        found[variable_names.Attribute(name, of)] = result
    return found


def folded(attribute: variable_names.Attribute) -> variable_names.Attribute:
    """The same without regard to case."""
    return attribute._replace(name=attribute.name.folded())
