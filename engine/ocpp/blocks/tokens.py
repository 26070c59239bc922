"""How id tokens are written in the payloads of operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.ocpp.encoding import given, unsupported_v16
from engine.ocpp.operation import Document


class AdditionalInfo(Document, frozen=True):
    """What a token is known by besides its id tag, such as EVCCID or PIN (AdditionalInfoType, OCPP 2.x)."""

    additional_id_token: str
    type: str


def token(text: str, kind: str, additional: Sequence[AdditionalInfo] = ()) -> Mapping[str, Any]:
    """IdTokenType."""
    infos = [{"additionalIdToken": info.additional_id_token, "type": info.type} for info in additional]
    return given(idToken=text, type=kind, additionalInfo=infos or None)


def group_token(group_id: str | None) -> Mapping[str, str] | None:
    """IdTokenType of a group; None where there is none."""
    return None if group_id is None else token(group_id, "Central")


def no_additional_info_v16(additional: Sequence[AdditionalInfo]) -> None:
    """An id tag of 1.6 has nothing beside it."""
    if additional:
        raise unsupported_v16("additional information of an id tag")
