"""Ask which charging profiles a station has: GetChargingProfiles, ReportChargingProfiles (2.x K09)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain.changes import Change
from engine.domain.state import ChargePoint, InstalledProfile
from engine.ocpp.blocks import keeping, report_parts
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.blocks.smart_charging.held_v2x import as_installed, fits, holding, without
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding, given, since_v21
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class ReportProfiles(Operation, frozen=True):
    """Have the station report its charging profiles: by id, or all that fit; something must be given."""

    request_id: int
    profile_ids: tuple[int, ...] = ()
    evse_number: int | None = None
    purpose: str | None = None
    stack_level: int | None = None
    sources: tuple[str, ...] = ()  # who set the limit: EMS, SO, CSO, Other …


PURPOSES_V21: Final = frozenset({"PriorityCharging", "LocalGeneration"})
PART: Final = "ReportChargingProfiles"


def encode_v2x(operation: ReportProfiles, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, operation.purpose in PURPOSES_V21, f"charging profiles for {operation.purpose}")
    criteria = given(
        chargingProfilePurpose=operation.purpose,
        stackLevel=operation.stack_level,
        chargingProfileId=list(operation.profile_ids) or None,
        chargingLimitSource=list(operation.sources) or None,
    )
    members = given(requestId=operation.request_id, evseId=operation.evse_number, chargingProfile=criteria)
    return [("GetChargingProfiles", members)]


def check_get_charging_profiles_v2x(
    request: v201.GetChargingProfiles | v21.GetChargingProfiles, cp: ChargePoint, now: datetime
) -> list[str]:
    """Ids stand alone, or at least one of the other criteria is given (K09.FR.03); the EVSE is none."""
    wanted = request.charging_profile
    others = (wanted.charging_profile_purpose, wanted.stack_level, wanted.charging_limit_source)
    described = any(not isinstance(member, UnsetType) for member in others)
    if not isinstance(wanted.charging_profile_id, UnsetType):
        return ["chargingProfileId does not go with other criteria"] if described else []
    return [] if described else ["chargingProfile must hold a criterion: ids, purpose, stackLevel or source"]


def get_charging_profiles_answered_v2x(
    cp: ChargePoint,
    request: v201.GetChargingProfiles | v21.GetChargingProfiles,
    response: v201.GetChargingProfilesResponse | v21.GetChargingProfilesResponse,
    now: datetime,
) -> Outcome:
    """Reports follow (K09) and end what they do not name; NoProfiles: nothing held was asked for."""
    wanted = request.charging_profile
    ids, sources = wanted.charging_profile_id, wanted.charging_limit_source

    def asked_for(held: InstalledProfile) -> bool:
        return (
            fits(request.evse_id, held.evse_number)
            and fits(wanted.charging_profile_purpose, held.purpose)
            and fits(wanted.stack_level, held.stack_level)
            and (isinstance(ids, UnsetType) or held.profile_id in ids)
            and (isinstance(sources, UnsetType) or held.source in sources)
        )

    if response.status == "NoProfiles":
        return without(cp, asked_for, now)
    awaited = tuple(filter(asked_for, cp.charging_profiles))
    state = report_parts.announced(cp, PART, request.request_id, full=False, now=now, awaited=awaited)
    return Outcome(state=state, reply=None)


def report_charging_profiles_v2x(
    cp: ChargePoint,
    request: v201.ReportChargingProfiles | v21.ReportChargingProfiles,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """What the station says it holds, by whomever it was set (K09.FR.04 to FR.06).

    The last part ends what was asked for and held when it was, and that no part named.
    """
    state, changes = cp, list[Change](keeping.published(cp, request, now))
    for profile in request.charging_profile:
        held = holding(state, as_installed(request.evse_id, profile, request.charging_limit_source), now)
        state = held.state
        changes += held.changes
    state, report = report_parts.part(state, PART, request.request_id, None, bool(request.tbc))
    if report is None:
        return Outcome(state=state, reply=response_to(request), changes=changes)
    named = {profile.id for profile in request.charging_profile}
    left = tuple(one for one in report.awaited if one.profile_id not in named)
    if report.complete:
        ended = without(state, lambda held: held in left, now)
        state = ended.state
        changes += ended.changes
    else:
        state = report_parts.awaiting(state, PART, request.request_id, left)
    return Outcome(state=state, reply=response_to(request), changes=changes)


OPERATION: Final = define(ReportProfiles, v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(
        v201.GetChargingProfiles,
        check=check_get_charging_profiles_v2x,
        answered=get_charging_profiles_answered_v2x,
    ),
)
HANDLERS: Final = (handler(v201.ReportChargingProfiles, report_charging_profiles_v2x),)
