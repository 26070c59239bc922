"""Give a station its list of id tags: SendLocalList (1.6 §5.15, 2.x D01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.device_model.variables import length_errors
from engine.ocpp.blocks.local_list.documents import SEND_LIST, lists_in_parts_v2x
from engine.ocpp.blocks.local_list.version import holds
from engine.ocpp.blocks.tokens import AdditionalInfo, group_token, no_additional_info_v16, token
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Document, Moment, Operation
from engine.ocpp.step import Outcome


class ListEntry(Document, frozen=True):
    """A tag of the local list; without a status it is taken off (differential updates only)."""

    id_tag: str
    status: str | None = None  # AuthorizationStatusEnumType
    id_type: str = "ISO14443"
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()
    expires_at: Moment | None = None


class SendLocalList(Operation, frozen=True):
    """Give the station its list of id tags, whole (`full`) or what changed; versions count up from 1."""

    version: int
    entries: tuple[ListEntry, ...] = ()
    full: bool = True


STATUSES_V16: Final = frozenset({"Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTX"})


def encode_v16(operation: SendLocalList, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        listVersion=operation.version,
        updateType="Full" if operation.full else "Differential",
        localAuthorizationList=[_entry_v16(entry) for entry in operation.entries] or None,
    )
    return [("SendLocalList", members)]


def _entry_v16(entry: ListEntry) -> Mapping[str, Any]:
    no_additional_info_v16(entry.additional_info)
    if entry.status is None:
        return {"idTag": entry.id_tag}
    # Later versions know more reasons to refuse a tag.
    status = entry.status if entry.status in STATUSES_V16 else "Invalid"
    info = given(
        status="ConcurrentTx" if status == "ConcurrentTX" else status,
        expiryDate=entry.expires_at,
        parentIdTag=entry.group_id,
    )
    return {"idTag": entry.id_tag, "idTagInfo": info}


def encode_v2x(operation: SendLocalList, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        versionNumber=operation.version,
        updateType="Full" if operation.full else "Differential",
        localAuthorizationList=[_entry_v2x(entry) for entry in operation.entries] or None,
    )
    return [("SendLocalList", members)]


def _entry_v2x(entry: ListEntry) -> Mapping[str, Any]:
    tag = token(entry.id_tag, entry.id_type, entry.additional_info)
    if entry.status is None:
        return {"idToken": tag}
    info = given(
        status=entry.status, cacheExpiryDateTime=entry.expires_at, groupIdToken=group_token(entry.group_id)
    )
    return {"idToken": tag, "idTokenInfo": info}


def check_send_local_list_v16(request: v16.SendLocalList, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.15: versions above 0 that grow, differences only upon a known list, no tag twice."""
    entries = request.local_authorization_list or []
    errors = []
    if request.list_version <= 0:  # §5.10: 0 is the empty list, −1 no list at all
        errors.append("listVersion must be greater than 0")
    if request.update_type == "Differential":
        errors += _differential_errors(request.list_version, cp.local_list_version)
    elif any(not entry.id_tag_info for entry in entries):
        errors.append("idTagInfo is required in every entry of a Full update")
    if len({entry.id_tag.casefold() for entry in entries}) < len(entries):
        errors.append("localAuthorizationList names an idTag twice")
    return errors


def check_send_local_list_v2x(
    request: v201.SendLocalList | v21.SendLocalList, cp: ChargePoint, now: datetime
) -> list[str]:
    """Versions above 0 (D01.FR.18) that grow (FR.19), differences of a known list, no token twice (FR.06)."""
    entries = request.local_authorization_list or []
    errors = []
    if request.version_number <= 0:
        errors.append("versionNumber must be greater than 0")
    if request.update_type == "Differential":
        errors += _differential_errors(request.version_number, cp.local_list_version)
    elif any(not entry.id_token_info for entry in entries):
        errors.append("idTokenInfo is required in every entry of a Full update")
    if len({(e.id_token.id_token.casefold(), e.id_token.type) for e in entries}) < len(entries):
        errors.append("localAuthorizationList names an idToken twice")
    limit = cp.items_per_message.get(SEND_LIST)
    if limit is not None and len(entries) > limit:  # D01.FR.11
        errors.append(f"localAuthorizationList has {len(entries)} entries; the charge point takes {limit}")
    return errors + length_errors(request, cp.bytes_per_message.get(SEND_LIST))


def _differential_errors(version: int, held: int | None) -> Sequence[str]:
    if held is None or held <= 0:
        return ["a Differential update needs a list to change: send a Full one first"]
    if version <= held:
        return [f"listVersion must be greater than {held}, the version the charge point holds"]
    return []


def send_local_list_answered_v16(
    cp: ChargePoint, request: v16.SendLocalList, response: v16.SendLocalListResponse, now: datetime
) -> Outcome:
    """Accepted: the charge point holds that version. Any other answer leaves it where it was."""
    return _sent(cp, request.list_version, response.status, now)


def send_local_list_answered_v2x(
    cp: ChargePoint,
    request: v201.SendLocalList | v21.SendLocalList,
    response: v201.SendLocalListResponse | v21.SendLocalListResponse,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (D01.FR.02); VersionMismatch and Failed leave the list as it was."""
    return _sent(cp, request.version_number, response.status, now)


def _sent(cp: ChargePoint, version: int, status: str, now: datetime) -> Outcome:
    return holds(cp, version, now) if status == "Accepted" else Outcome(state=cp, reply=None)


OPERATION: Final = define(
    SendLocalList,
    v16=Encoding(encode_v16),
    v2x=Encoding(encode_v2x, split=lists_in_parts_v2x),
)
COMMANDS: Final = (
    command(v16.SendLocalList, check=check_send_local_list_v16, answered=send_local_list_answered_v16),
    command(v201.SendLocalList, check=check_send_local_list_v2x, answered=send_local_list_answered_v2x),
)
