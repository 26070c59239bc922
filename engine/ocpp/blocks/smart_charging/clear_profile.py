"""Clear charging profiles: ClearChargingProfile (1.6 §5.5, 2.x K10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import UnsetType
from msgspec.structs import replace

from engine.domain.state import ChargePoint, InstalledProfile
from engine.ocpp.blocks.smart_charging.held import change
from engine.ocpp.blocks.smart_charging.held_v2x import ended_v2x, fits, without
from engine.ocpp.blocks.smart_charging.held_v16 import ended_v16, split
from engine.ocpp.blocks.smart_charging.profiles_v16 import PURPOSES
from engine.ocpp.blocks.smart_charging.set_profile import TX_PROFILE
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.results import result_of
from engine.ocpp.step import Outcome


class ClearProfile(Operation, frozen=True):
    """Clear charging profiles: by id, or all that fit; nothing given: all. `purpose` in the words of 2.x."""

    profile_id: int | None = None
    evse_number: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


CLEAR: Final = "ClearChargingProfile"
EXTERNAL: Final = "ChargingStationExternalConstraints"
PURPOSES_V2X: Final = (
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    TX_PROFILE,
)  # that every station knows
Request: TypeAlias = v201.ClearChargingProfile | v21.ClearChargingProfile


def encode_v16(operation: ClearProfile, _cp: ChargePoint) -> Sequence[Call]:
    if operation.purpose is not None and operation.purpose not in PURPOSES:
        raise unsupported_v16(f"charging profiles for {operation.purpose}")
    members = given(
        id=operation.profile_id,
        connectorId=operation.evse_number,
        chargingProfilePurpose=PURPOSES[operation.purpose] if operation.purpose else None,
        stackLevel=operation.stack_level,
    )
    return [("ClearChargingProfile", members)]


def encode_v2x(operation: ClearProfile, cp: ChargePoint) -> Sequence[Call]:
    """By id, or by at least one of the other criteria (K10.FR.02): all are those of each purpose."""
    if operation.profile_id is not None:
        return [(CLEAR, {"chargingProfileId": operation.profile_id})]
    criteria = given(
        evseId=operation.evse_number,
        chargingProfilePurpose=operation.purpose,
        stackLevel=operation.stack_level,
    )
    wanted = [criteria] if criteria else [{"chargingProfilePurpose": purpose} for purpose in _purposes(cp)]
    return [(CLEAR, {"chargingProfileCriteria": one}) for one in wanted]


def _purposes(cp: ChargePoint) -> Sequence[str]:
    """Those that are ours to set (K10.FR.06), and in 2.1, where stations need not know all, those held."""
    held = {one.purpose for one in cp.charging_profiles} - {*PURPOSES_V2X, EXTERNAL}
    return [*PURPOSES_V2X, *sorted(held)]


def read_v2x(_operation: object, answers: Sequence[Any]) -> Result:
    """Of several the first that was accepted: a station has nothing of every purpose."""
    results = [result_of(answer) for answer in answers]
    return next((result for result in results if result.verdict is Verdict.ACCEPTED), results[0])


def check_clear_charging_profile_v16(
    request: v16.ClearChargingProfile, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.5: by id, or by what the other members say; none at all clears everything."""
    return ["connectorId must not be negative"] if request.connector_id and request.connector_id < 0 else []


def check_clear_charging_profile_v2x(request: Request, cp: ChargePoint, now: datetime) -> list[str]:
    """By id, or by at least one criterion (K10.FR.02)."""
    criteria = request.charging_profile_criteria
    if not isinstance(request.charging_profile_id, UnsetType):
        return []
    if isinstance(criteria, UnsetType):
        return ["chargingProfileId or chargingProfileCriteria is required"]
    if criteria.charging_profile_purpose == "ChargingStationExternalConstraints":  # K10.FR.06
        return ["ChargingStationExternalConstraints are cleared by external systems only"]
    given = (criteria.evse_id, criteria.charging_profile_purpose, criteria.stack_level)
    if all(isinstance(member, UnsetType) for member in given):
        return ["chargingProfileCriteria must not be empty"]
    return []


def clear_charging_profile_answered_v16(
    cp: ChargePoint,
    request: v16.ClearChargingProfile,
    response: v16.ClearChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """What matched is held no more; Unknown says the same: the charge point has no such profile (§7.19)."""
    cleared, kept = split(cp, lambda held: ended_v16(held, cp) or _matches_v16(request, held))
    return Outcome(
        state=replace(cp, charging_profiles=kept) if cleared else cp,
        reply=None,
        changes=[change(cp, held, False, now) for held in cleared],
    )


def _matches_v16(request: v16.ClearChargingProfile, held: InstalledProfile) -> bool:
    if not isinstance(request.id, UnsetType):
        return held.profile_id == request.id  # §5.5: with an id the other members say nothing
    wanted = (request.connector_id, request.charging_profile_purpose, request.stack_level)
    has = (held.evse_number, held.purpose, held.stack_level)
    return all(isinstance(w, UnsetType) or w == h for w, h in zip(wanted, has, strict=True))


def clear_charging_profile_answered_v2x(
    cp: ChargePoint,
    request: Request,
    response: v201.ClearChargingProfileResponse | v21.ClearChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """What matched is held no more; Unknown says the same: the station has no such profile (K10.FR.01)."""
    return without(cp, lambda held: ended_v2x(held, cp) or _matches_v2x(request, held), now)


def _matches_v2x(request: Request, held: InstalledProfile) -> bool:
    if held.purpose == "ChargingStationExternalConstraints":  # K10.FR.04, FR.09: clearing never touches them
        return False
    if not isinstance(request.charging_profile_id, UnsetType):
        return held.profile_id == request.charging_profile_id
    criteria = request.charging_profile_criteria
    if isinstance(criteria, UnsetType):
        return False
    return (
        fits(criteria.evse_id, held.evse_number)
        and fits(criteria.charging_profile_purpose, held.purpose)
        and fits(criteria.stack_level, held.stack_level)
    )


OPERATION: Final = define(ClearProfile, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (
    command(
        v16.ClearChargingProfile,
        check=check_clear_charging_profile_v16,
        answered=clear_charging_profile_answered_v16,
    ),
    command(
        v201.ClearChargingProfile,
        check=check_clear_charging_profile_v2x,
        answered=clear_charging_profile_answered_v2x,
    ),
)
