"""Local authorization list: building SendLocalList and following which version a charge point holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import authorization
from engine.domain.changes import Change, LocalListVersionRead
from engine.domain.state import ChargePoint, Token
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome

MAX_UID: Final = 20  # idToken is CiString20 (OCPP 1.6 §7.15, §7.28)


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


def send_local_list_answered_v16(
    cp: ChargePoint, request: v16.SendLocalList, response: v16.SendLocalListResponse, now: datetime
) -> Outcome:
    """Accepted: the charge point holds that version. Any other answer leaves it where it was."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    return _holds(cp, request.list_version, now)


def get_local_list_version_answered_v16(
    cp: ChargePoint,
    request: v16.GetLocalListVersion,
    response: v16.GetLocalListVersionResponse,
    now: datetime,
) -> Outcome:
    """The charge point's own word: 0 an empty list, −1 none supported (§5.10)."""
    return _holds(cp, response.list_version, now)


def _entry(token: Token, now: datetime) -> v16.AuthorizationData:
    parent = token.group_id
    return v16.AuthorizationData(
        id_tag=token.uid,
        id_tag_info=v16.IdTagInfo(
            expiry_date=token.expires_at or UNSET,
            parent_id_tag=parent if parent and len(parent) <= MAX_UID else UNSET,
            status=authorization.decide(token, now).verdict.value,
        ),
    )


def _differential_errors(version: int, held: int | None) -> Sequence[str]:
    if held is None or held <= 0:
        return ["a Differential update needs a list to change: send a Full one first"]
    if version <= held:
        return [f"listVersion must be greater than {held}, the version the charge point holds"]
    return []


def _holds(cp: ChargePoint, version: int, now: datetime) -> Outcome:
    if version == cp.local_list_version:
        return Outcome(state=cp, reply=None)
    changes: list[Change] = [LocalListVersionRead(id=cp.id, local_list_version=version, at=now)]
    return Outcome(state=replace(cp, local_list_version=version), reply=None, changes=changes)
