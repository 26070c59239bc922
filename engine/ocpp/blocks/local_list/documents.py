"""Local authorization lists as documents: whole, as differences, and in parts that a station takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import authorization
from engine.domain.state import ChargePoint, Token
from engine.ocpp import rpc
from engine.ocpp.blocks.authorization.authorize_v2x import ID_TOKEN_TYPES
from engine.ocpp.blocks.payloads_2x import made_for
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.vocabulary import AUTHORIZATION_STATUS_V2X, AUTHORIZATION_STATUS_V16

MAX_UID: Final = 20  # idToken is CiString20 (OCPP 1.6 §7.15, §7.28)
SEND_LIST: Final = "SendLocalList"
SPARE_DIGITS: Final = 2  # by which a version may grow longer on the way
MAX_UIDS_V2X: Final[Mapping[str, int]] = {"ocpp2.0.1": 36, "ocpp2.1": 255}
ONLY_V21: Final = frozenset({"evccid", "vin", "direct_payment"})  # types of tags that 2.0.1 has no word for


def fits_v16(token: Token) -> bool:
    """Whether a 1.6 charge point may hold this token: short enough, and not one to be asked for each time."""
    return len(token.uid) <= MAX_UID and token.cache_mode != "NEVER"


def full_v16(tokens: Iterable[Token], version: int, now: datetime) -> v16.SendLocalList:
    """The whole list as `version` > 0, without tokens that do not fit. No tokens: the list is emptied."""
    entries = [_entry(token, now) for token in tokens if fits_v16(token)]
    return v16.SendLocalList(list_version=version, local_authorization_list=entries, update_type="Full")


def differential_v16(
    changed: Iterable[Token], removed: Iterable[str], version: int, now: datetime
) -> v16.SendLocalList:
    """What is new or different in `changed` and, by uid, what goes; `version` is the one after the update.

    A changed token that fits no more goes too.
    """
    tokens = list(changed)
    gone = [*removed, *(token.uid for token in tokens if len(token.uid) <= MAX_UID and not fits_v16(token))]
    entries = [
        *(_entry(token, now) for token in tokens if fits_v16(token)),
        *(
            v16.AuthorizationData(id_tag=uid) for uid in gone
        ),  # OCPP 1.6 §7.1: without idTagInfo it is removed
    ]
    return v16.SendLocalList(
        list_version=version, local_authorization_list=entries, update_type="Differential"
    )


def in_parts_v16(request: v16.SendLocalList, limit: int) -> list[v16.SendLocalList]:
    """Split a list longer than the station's SendLocalListMaxLength.

    The first part keeps its kind, the others are differential; versions count upwards from the request's.
    """
    entries = request.local_authorization_list or []
    parts = [entries[i : i + limit] for i in range(0, len(entries), limit)] or [[]]
    return [
        v16.SendLocalList(
            list_version=request.list_version + i,
            local_authorization_list=part,
            update_type=request.update_type if i == 0 else "Differential",
        )
        for i, part in enumerate(parts)
    ]


def fits_v2x(token: Token, version: str) -> bool:
    """Whether a 2.x charge point may hold this token."""
    return _has_words(token, version) and token.cache_mode != "NEVER"


def _has_words(token: Token, version: str) -> bool:
    """Whether the version has room for the tag's number and a word for its type."""
    return len(token.uid) <= MAX_UIDS_V2X[version] and (version != "ocpp2.0.1" or token.type not in ONLY_V21)


def full_v2x(version: str, tokens: Iterable[Token], number: int, now: datetime) -> Any:
    """SendLocalList of `version` ("ocpp2.0.1" …), the whole list; no tokens: it is emptied (D01.FR.04)."""
    entries = [_entry_v2x(version, token, now) for token in tokens if fits_v2x(token, version)]
    return _list_v2x(version, entries, number, "Full")


def differential_v2x(
    version: str, changed: Iterable[Token], removed: Iterable[Token], number: int, now: datetime
) -> Any:
    """What is new or different (D01.FR.16), and what goes; a changed token that fits no more goes too."""
    tokens = list(changed)
    gone = [*removed, *(token for token in tokens if not fits_v2x(token, version))]
    entries = [
        *(_entry_v2x(version, token, now) for token in tokens if fits_v2x(token, version)),
        *(
            # D01.FR.17: without idTokenInfo it is removed.
            made_for(version, "AuthorizationData", id_token=_id_token(version, token))
            for token in gone
            if _has_words(token, version)
        ),
    ]
    return _list_v2x(version, entries, number, "Differential")


def lists_in_parts_v2x(request: v201.SendLocalList | v21.SendLocalList, cp: ChargePoint) -> list[Any]:
    """A list in messages that are not larger than the station takes, by items and by bytes (D01.FR.11).

    As in 1.6 the first part keeps its kind (D01.FR.15), the others are differential, and versions count
    upwards (D01.FR.19). An entry that is too long by itself is a part that may not be sent.
    """
    entries = request.local_authorization_list or []
    items = cp.items_per_message.get(SEND_LIST) or len(entries)
    room = cp.bytes_per_message.get(SEND_LIST)
    if room is not None:  # what surrounds the entries; all parts but the first are called Differential
        frame = replace(request, local_authorization_list=UNSET, update_type="Differential")
        room -= len(rpc.ENCODER.encode(frame)) + len(',"localAuthorizationList":[]') + SPARE_DIGITS
    parts = _split(entries, items, room)
    if len(parts) <= 1:
        return [request]
    return [
        replace(
            request,
            local_authorization_list=part,
            version_number=request.version_number + index,
            update_type=request.update_type if index == 0 else "Differential",
        )
        for index, part in enumerate(parts)
    ]


def _split(entries: Sequence[Any], items: int, room: int | None) -> list[list[Any]]:
    parts: list[list[Any]] = []
    left = 0
    for entry in entries:
        size = 0 if room is None else len(rpc.ENCODER.encode(entry)) + 1  # and a comma
        if not parts or len(parts[-1]) == items or (room is not None and size > left):
            parts.append([])
            left = room or 0
        parts[-1].append(entry)
        left -= size
    return parts


def _entry(token: Token, now: datetime) -> v16.AuthorizationData:
    parent = token.group_id
    return v16.AuthorizationData(
        id_tag=token.uid,
        id_tag_info=v16.IdTagInfo(
            expiry_date=token.expires_at or UNSET,
            parent_id_tag=parent if parent and len(parent) <= MAX_UID else UNSET,
            status=AUTHORIZATION_STATUS_V16[authorization.decide(token, now).verdict],
        ),
    )


def _list_v2x(version: str, entries: list[Any], number: int, kind: str) -> Any:
    return made_for(
        version,
        "SendLocalList",
        local_authorization_list=entries or UNSET,  # its schema knows no empty list
        version_number=number,
        update_type=kind,
    )


def _entry_v2x(version: str, token: Token, now: datetime) -> Any:
    group = token.group_id
    info = made_for(
        version,
        "IdTokenInfo",
        status=AUTHORIZATION_STATUS_V2X[authorization.decide(token, now).verdict],
        cache_expiry_date_time=token.expires_at or UNSET,
        group_id_token=made_for(version, "IdToken", id_token=group, type="Central")
        if group and len(group) <= MAX_UIDS_V2X[version]
        else UNSET,
    )
    return made_for(version, "AuthorizationData", id_token=_id_token(version, token), id_token_info=info)


def _id_token(version: str, token: Token) -> Any:
    return made_for(version, "IdToken", id_token=token.uid, type=ID_TOKEN_TYPES[token.type][0])
