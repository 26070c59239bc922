"""Set a charging profile: SetChargingProfile (1.6 §5.16, 2.x K01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import UnsetType
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.state import ChargePoint, InstalledProfile
from engine.errors import Invalid
from engine.ocpp import rpc
from engine.ocpp.blocks.smart_charging.applied import applied_v2x, applied_v16
from engine.ocpp.blocks.smart_charging.held import change
from engine.ocpp.blocks.smart_charging.held_v2x import (
    OURS,
    as_installed,
    ended_v2x,
    holding,
    rivals,
    station_errors,
)
from engine.ocpp.blocks.smart_charging.held_v16 import ended_v16, key, session_of, split
from engine.ocpp.blocks.smart_charging.profiles_v2x import Profile, profile_errors
from engine.ocpp.blocks.smart_charging.profiles_v16 import profile_errors_v16, profile_v16_from_v201
from engine.ocpp.blocks.smart_charging.vehicle_needs import vehicle_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class SetProfile(Operation, frozen=True):
    """Set a charging profile, a ChargingProfileType of 2.0.1; its one schedule may stand without a list.

    `evse_number` None: where its transaction is, else the station.
    """

    profile: Mapping[str, Any]
    evse_number: int | None = None


TX_PROFILE: Final = "TxProfile"
NEWEST: Final = v21.ChargingProfile  # has all members of the older ones
Request: TypeAlias = v201.SetChargingProfile | v21.SetChargingProfile


def encode_v16(operation: SetProfile, cp: ChargePoint) -> Sequence[Call]:
    if operation.evse_number is None:
        request = profile_from_v201(operation.profile, cp)
        place, profile = request.connector_id, request.cs_charging_profiles
    else:
        place, profile = operation.evse_number, profile_v16_from_v201(operation.profile)
    return [("SetChargingProfile", {"connectorId": place, "csChargingProfiles": profile})]


def encode_v2x(operation: SetProfile, cp: ChargePoint) -> Sequence[Call]:
    place = operation.evse_number
    profile = profile_document(operation.profile)
    if place is None:
        place = _place_of(profile, cp)
    return [("SetChargingProfile", {"evseId": place, "chargingProfile": profile})]


def profile_document(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The profile as it is, but its one schedule in a list."""
    schedule = document.get("chargingSchedule")
    return {**document, "chargingSchedule": [schedule]} if isinstance(schedule, Mapping) else document


def _place_of(profile: Mapping[str, Any], cp: ChargePoint) -> int:
    """A TxProfile goes to the EVSE of its transaction (K01.FR.03, FR.16)."""
    if profile.get("chargingProfilePurpose") != TX_PROFILE:
        return 0
    session = cp.sessions.get(str(profile.get("transactionId")))
    if session is None:
        raise Invalid("no such transaction", {"transactionId": ["is not running at this charge point"]})
    return session.evse_number


def profile_from_v201(body: Mapping[str, Any], cp: ChargePoint | None = None) -> v16.SetChargingProfile:
    """SetChargingProfile for a profile in 2.0.1 shape (decoded JSON), which does not say where it goes.

    A TxProfile goes to the connector of its transaction, for which `cp` is needed; others go to connector 0.
    Raises Invalid, with the offending members in `fields`.
    """
    profile = profile_v16_from_v201(body)
    connector = 0
    if profile.charging_profile_purpose == "TxProfile":
        sessions = cp.sessions if cp is not None else {}
        session = sessions.get(str(profile.transaction_id))
        if session is None:
            raise Invalid("no such transaction", {"transactionId": ["is not running at this charge point"]})
        connector = session.evse_number
    return v16.SetChargingProfile(connector_id=connector, cs_charging_profiles=profile)


def check_set_charging_profile_v16(
    request: v16.SetChargingProfile, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.16 and §3.13.1: which purpose may stand where, and a TxProfile needs its transaction."""
    profile = request.cs_charging_profiles
    connector = request.connector_id
    errors = profile_errors_v16(profile, "csChargingProfiles")
    if connector < 0:
        errors.append("connectorId must not be negative")
    if profile.charging_profile_purpose == "ChargePointMaxProfile" and connector != 0:
        errors.append("a ChargePointMaxProfile goes to connectorId 0 only")
    if profile.charging_profile_purpose == "TxProfile":
        errors += _transaction_errors_v16(profile, connector, cp)
    elif not isinstance(profile.transaction_id, UnsetType):
        errors.append("transactionId goes with a TxProfile only")
    if profile.valid_to and profile.valid_to <= now:
        errors.append("csChargingProfiles.validTo is past")
    return errors


def _transaction_errors_v16(profile: v16.ChargingProfile, connector: int, cp: ChargePoint) -> list[str]:
    if connector == 0:
        return ["a TxProfile needs the connectorId of its transaction, not 0"]
    session = session_of(cp, connector, profile)
    if session is None:
        return ["a TxProfile needs a transaction running at its connectorId"]
    return []


def check_set_charging_profile_v2x(request: Request, cp: ChargePoint, now: datetime) -> list[str]:
    """K01: which purpose may stand where, a TxProfile needs its transaction, and no two claim the same."""
    profile = request.charging_profile
    errors = profile_errors(profile, "chargingProfile")
    purpose = profile.charging_profile_purpose
    if purpose == "ChargingStationExternalConstraints":  # K01.FR.22
        errors.append("ChargingStationExternalConstraints is set by external systems only")
    if purpose == "ChargingStationMaxProfile" and request.evse_id != 0:  # K04.FR.03
        errors.append("a ChargingStationMaxProfile goes to evseId 0 only")
    if purpose == "TxProfile":
        errors += _transaction_errors_v2x(profile, request.evse_id, cp)
    if request.evse_id < 0:
        errors.append("evseId must not be negative")
    if profile.valid_to and profile.valid_to <= now:
        errors.append("chargingProfile.validTo is past")
    errors += station_errors(profile, request.evse_id, cp)
    errors += vehicle_errors(profile, request.evse_id, cp, now)
    return errors + _rivalry_errors(request, cp)


def _transaction_errors_v2x(profile: Profile, evse_id: int, cp: ChargePoint) -> list[str]:
    if evse_id == 0:  # K01.FR.16
        return ["a TxProfile needs the evseId of its transaction, not 0"]
    if isinstance(profile.transaction_id, UnsetType):  # K01.FR.03
        return ["a TxProfile needs the transactionId of its transaction"]
    session = cp.sessions.get(profile.transaction_id)
    if session is None or session.evse_number != evse_id:
        return ["a TxProfile needs a transaction running at its evseId"]  # K01.FR.09
    return []


def _rivalry_errors(request: Request, cp: ChargePoint) -> list[str]:
    """K01.FR.06, of a TxProfile FR.39: another profile of the same claim would be valid at the same time."""
    new = as_installed(request.evse_id, request.charging_profile, OURS)
    return [
        f"profile {held.profile_id} has the same purpose and stackLevel there: use its id, or clear it first"
        for held in cp.charging_profiles
        if held.profile_id != new.profile_id and not ended_v2x(held, cp) and rivals(new, held)
    ]


def set_charging_profile_answered_v16(
    cp: ChargePoint, request: v16.SetChargingProfile, response: v16.SetChargingProfileResponse, now: datetime
) -> Outcome:
    """Accepted: the profile is held, and what it replaces or what has ended meanwhile is not."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    profile, number = request.cs_charging_profiles, request.connector_id
    session = session_of(cp, number, profile)
    installed = InstalledProfile(
        evse_number=number,
        profile_id=profile.charging_profile_id,
        purpose=profile.charging_profile_purpose,
        stack_level=profile.stack_level,
        transaction_id=session.transaction_id if session else None,
        profile=rpc.encode(profile),
    )
    cleared, kept = split(cp, lambda held: ended_v16(held, cp) or _replaces_v16(installed, held))
    news = notifications.ChargingProfileApplied(
        charge_point_id=cp.id,
        evse_number=number,
        session_id=session.id if session else None,
        charging_profile=applied_v16(profile),
        applied_at=now,
    )
    return Outcome(
        state=replace(cp, charging_profiles=(*kept, installed)),
        reply=None,
        changes=[
            *(change(cp, held, False, now) for held in cleared if key(held) != key(installed)),
            change(cp, installed, True, now),
            notifications.about(cp, news, now),
        ],
    )


def _replaces_v16(new: InstalledProfile, held: InstalledProfile) -> bool:
    slot = (new.evse_number, new.purpose, new.stack_level)
    return new.profile_id == held.profile_id or slot == (held.evse_number, held.purpose, held.stack_level)


def set_charging_profile_answered_v2x(
    cp: ChargePoint,
    request: Request,
    response: v201.SetChargingProfileResponse | v21.SetChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """Accepted: the profile is held, and what it replaces or what has ended meanwhile is not."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    profile = request.charging_profile
    installed = as_installed(request.evse_id, profile, OURS)
    session = cp.sessions.get(installed.transaction_id or "")
    news = notifications.ChargingProfileApplied(
        charge_point_id=cp.id,
        evse_number=request.evse_id,
        session_id=session.id if session else None,
        charging_profile=applied_v2x(profile),
        applied_at=now,
    )
    held = holding(cp, installed, now)
    return replace(held, changes=(*held.changes, notifications.about(cp, news, now)))


OPERATION: Final = define(SetProfile, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(
        v16.SetChargingProfile,
        check=check_set_charging_profile_v16,
        answered=set_charging_profile_answered_v16,
    ),
    command(
        v201.SetChargingProfile,
        check=check_set_charging_profile_v2x,
        answered=set_charging_profile_answered_v2x,
    ),
)
