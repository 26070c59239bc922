"""One handler for OCPP 2.0.1 and 2.1: the payload types of the version at hand.

The two have the same names for the same things but types of their own, which differ in bounds and in members
that 2.1 added. Handlers take either; what they make is made here, so that it is of the station's version.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Message

MODULES: Final[Mapping[str, ModuleType]] = {"ocpp2.0.1": v201, "ocpp2.1": v21}
_RESPONSES: Final[Mapping[type[Message], type[Message]]] = {
    request: response for actions in (v201.ACTIONS, v21.ACTIONS) for request, response in actions.values()
}


def response_to(request: Message, /, **members: Any) -> Message:
    """The response type that belongs to `request`, made of these members."""
    return _RESPONSES[type(request)](**members)


def sibling_of(message: Message, name: str, /, **members: Any) -> Any:
    """A type of the same version as `message`, such as a nested object."""
    return made_for(version_of(message), name, **members)


def version_of(message: Message) -> str:
    """The 2.x version that the type belongs to."""
    return "ocpp2.1" if type(message).__module__ == v21.__name__ else "ocpp2.0.1"


def made_for(version: str, name: str, /, **members: Any) -> Any:
    """A payload type of a version ("ocpp2.0.1", "ocpp2.1") by name. KeyError for another version."""
    return getattr(MODULES[version], name)(**members)
