"""Where a station keeps its password, and which of its settings are secret (2.0.1 A01, 1.6 security A01)."""

from __future__ import annotations

from typing import Final

from engine.domain import device
from engine.masking import is_secret_name
from engine.ocpp.blocks.device_model.set_configuration import taken
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Message
from engine.ocpp.variable_names import parse

KEY_V16: Final = "authorizationkey"
VARIABLE_V2X: Final = ("securityctrlr", "basicauthpassword")
STORED: Final = frozenset({"Accepted", "RebootRequired"})  # the value is the station's from now on


def is_password(name: str) -> bool:
    """Whether the value of this key, or variable of OCPP 2.x, is the station's password."""
    if name.casefold() == KEY_V16:
        return True
    named = parse(name)
    return named is not None and (
        (named.name.component.casefold(), named.name.variable.casefold()) == VARIABLE_V2X
    )


def is_secret(name: str) -> bool:
    """Whether the value of this key, or variable of OCPP 2.x, is to be neither shown nor kept."""
    named = parse(name)
    return device.is_secret(named.name) if named is not None else is_secret_name(name)


def password_taken(request: Message, answer: Message) -> str | None:
    """The password that the station took with this answer, if the request gave it one."""
    if isinstance(request, v16.ChangeConfiguration) and isinstance(answer, v16.ChangeConfigurationResponse):
        return request.value if is_password(request.key) and answer.status in STORED else None
    if isinstance(request, v201.SetVariables | v21.SetVariables) and isinstance(
        answer, v201.SetVariablesResponse | v21.SetVariablesResponse
    ):
        for _, data in taken(request, answer):
            if (data.component.name.casefold(), data.variable.name.casefold()) == VARIABLE_V2X:
                return data.attribute_value
    return None
