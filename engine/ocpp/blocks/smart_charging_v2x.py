"""Smart charging of OCPP 2.x: which profile may go where, and which profiles a station holds (K01 to K10).

A profile is known by its id in the whole station (K01.FR.05). Two of the same purpose and stack level at one
place must not be valid at the same time (K01.FR.06, FR.39), and a TxProfile ends with its transaction
(K02.FR.05). What a station reports of what others set is held too, under their source. Limits from outside
and what vehicles want are in `external_limits` and `ev_charging`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain import device, notifications
from engine.domain.changes import Change, ChargingProfileChanged
from engine.domain.state import ChargePoint, InstalledProfile, Session
from engine.ocpp import rpc
from engine.ocpp.blocks import following, reports
from engine.ocpp.blocks.charging_profiles_v2x import Profile, profile_errors
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.blocks.vehicle_needs import vehicle_errors
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome
from engine.ocpp.vocabulary import PROFILE_PURPOSES, RECURRENCY

SetProfile: TypeAlias = v201.SetChargingProfile | v21.SetChargingProfile
ClearProfile: TypeAlias = v201.ClearChargingProfile | v21.ClearChargingProfile

PART: Final = "ReportChargingProfiles"
OURS: Final = "CSO"  # chargingLimitSource of what we set


# --- rules ------------------------------------------------------------------------------------------


def check_set_charging_profile_v2x(request: SetProfile, cp: ChargePoint, now: datetime) -> list[str]:
    """K01: which purpose may stand where, a TxProfile needs its transaction, and no two claim the same."""
    profile = request.charging_profile
    errors = profile_errors(profile, "chargingProfile")
    purpose = profile.charging_profile_purpose
    if purpose == "ChargingStationExternalConstraints":  # K01.FR.22
        errors.append("ChargingStationExternalConstraints is set by external systems only")
    if purpose == "ChargingStationMaxProfile" and request.evse_id != 0:  # K04.FR.03
        errors.append("a ChargingStationMaxProfile goes to evseId 0 only")
    if purpose == "TxProfile":
        errors += _transaction_errors(profile, request.evse_id, cp)
    if request.evse_id < 0:
        errors.append("evseId must not be negative")
    if profile.valid_to and profile.valid_to <= now:
        errors.append("chargingProfile.validTo is past")
    errors += station_errors(profile, request.evse_id, cp)
    errors += vehicle_errors(profile, request.evse_id, cp, now)
    return errors + _rivalry_errors(request, cp)


def station_errors(profile: Profile, evse_id: int, cp: ChargePoint) -> list[str]:
    """What the station said of itself that a profile does not go with; the whole station is EVSE 0."""
    errors = []
    highest = device.whole(cp.variables.get((device.MAX_EXTERNAL_ID, 0)))
    if highest is not None and profile.id <= highest:
        reason = f"must be greater than {highest}, the station's MaxExternalConstraintsId (K01.FR.80)"
        errors.append(f"chargingProfile.id {reason}")
    periods = [one for schedule in profile.charging_schedule for one in schedule.charging_schedule_period]
    if any(period.phase_to_use is not UNSET for period in periods) and not _switches_phases(cp, evse_id):
        errors.append("phaseToUse: the EVSE's ACPhaseSwitchingSupported is not true (K01.FR.20)")
    return errors


def _switches_phases(cp: ChargePoint, evse_id: int) -> bool:
    """Whether each EVSE that is meant can choose its phase; one that never said so might."""
    said = {evse: value for (name, evse), value in cp.variables.items() if name == device.PHASE_SWITCHING}
    meant = said if evse_id == 0 else {evse_id: said.get(evse_id, said.get(0, "true"))}
    return all(value.strip().casefold() == "true" for value in meant.values())


def check_clear_charging_profile_v2x(request: ClearProfile, cp: ChargePoint, now: datetime) -> list[str]:
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


def check_get_composite_schedule_v2x(
    request: v201.GetCompositeSchedule | v21.GetCompositeSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """K08.FR.02: some time from now on."""
    errors = [] if request.duration > 0 else ["duration must be greater than 0"]
    return errors if request.evse_id >= 0 else [*errors, "evseId must not be negative"]


def _transaction_errors(profile: Profile, evse_id: int, cp: ChargePoint) -> list[str]:
    if evse_id == 0:  # K01.FR.16
        return ["a TxProfile needs the evseId of its transaction, not 0"]
    if isinstance(profile.transaction_id, UnsetType):  # K01.FR.03
        return ["a TxProfile needs the transactionId of its transaction"]
    session = cp.sessions.get(profile.transaction_id)
    if session is None or session.evse_number != evse_id:
        return ["a TxProfile needs a transaction running at its evseId"]  # K01.FR.09
    return []


def _rivalry_errors(request: SetProfile, cp: ChargePoint) -> list[str]:
    """K01.FR.06, of a TxProfile FR.39: another profile of the same claim would be valid at the same time."""
    new = _installed(request.evse_id, request.charging_profile, OURS)
    return [
        f"profile {held.profile_id} has the same purpose and stackLevel there: use its id, or clear it first"
        for held in cp.charging_profiles
        if held.profile_id != new.profile_id and not _ended(held, cp) and _rivals(new, held)
    ]


# --- what a station holds ---------------------------------------------------------------------------


def set_charging_profile_answered_v2x(
    cp: ChargePoint,
    request: SetProfile,
    response: v201.SetChargingProfileResponse | v21.SetChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """Accepted: the profile is held, and what it replaces or what has ended meanwhile is not."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    profile = request.charging_profile
    installed = _installed(request.evse_id, profile, OURS)
    session = cp.sessions.get(installed.transaction_id or "")
    news = notifications.ChargingProfileApplied(
        charge_point_id=cp.id,
        evse_number=request.evse_id,
        session_id=session.id if session else None,
        charging_profile=_applied(profile),
        applied_at=now,
    )
    held = _holding(cp, installed, now)
    return replace(held, changes=(*held.changes, notifications.about(cp, news, now)))


def clear_charging_profile_answered_v2x(
    cp: ChargePoint,
    request: ClearProfile,
    response: v201.ClearChargingProfileResponse | v21.ClearChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """What matched is held no more; Unknown says the same: the station has no such profile (K10.FR.01)."""
    return _without(cp, lambda held: _ended(held, cp) or _matches(request, held), now)


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
            _is(request.evse_id, held.evse_number)
            and _is(wanted.charging_profile_purpose, held.purpose)
            and _is(wanted.stack_level, held.stack_level)
            and (isinstance(ids, UnsetType) or held.profile_id in ids)
            and (isinstance(sources, UnsetType) or held.source in sources)
        )

    if response.status == "NoProfiles":
        return _without(cp, asked_for, now)
    awaited = tuple(filter(asked_for, cp.charging_profiles))
    state = following.announced(cp, PART, request.request_id, full=False, now=now, awaited=awaited)
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
    state, changes = cp, list[Change](reports.told(cp, request, now))
    for profile in request.charging_profile:
        held = _holding(state, _installed(request.evse_id, profile, request.charging_limit_source), now)
        state = held.state
        changes += held.changes
    state, report = following.part(state, PART, request.request_id, None, bool(request.tbc))
    if report is None:
        return Outcome(state=state, reply=response_to(request), changes=changes)
    named = {profile.id for profile in request.charging_profile}
    left = tuple(one for one in report.awaited if one.profile_id not in named)
    if report.complete:
        ended = _without(state, lambda held: held in left, now)
        state = ended.state
        changes += ended.changes
    else:
        state = following.awaiting(state, PART, request.request_id, left)
    return Outcome(state=state, reply=response_to(request), changes=changes)


def held_profile(cp: ChargePoint, profile_id: int) -> InstalledProfile | None:
    """The profile of that id, wherever it is."""
    return next((held for held in cp.charging_profiles if held.profile_id == profile_id), None)


def amended(cp: ChargePoint, held: InstalledProfile, profile: bytes, now: datetime) -> Outcome:
    """A profile that stays where it is with other contents."""
    new = replace(held, profile=profile)
    profiles = tuple(new if one is held else one for one in cp.charging_profiles)
    state = replace(cp, charging_profiles=profiles)
    return Outcome(state=state, reply=None, changes=(_change(cp, new, True, now),))


def _installed(evse_id: int, profile: Profile, source: str) -> InstalledProfile:
    return InstalledProfile(
        evse_number=evse_id,
        profile_id=profile.id,
        purpose=profile.charging_profile_purpose,
        stack_level=profile.stack_level,
        transaction_id=None if isinstance(profile.transaction_id, UnsetType) else profile.transaction_id,
        profile=rpc.encode(profile),
        source=source,
    )


def _holding(cp: ChargePoint, new: InstalledProfile, now: datetime) -> Outcome:
    """The state with one more profile, without those that it replaces and those that have ended."""
    cleared = [held for held in cp.charging_profiles if _replaces(new, held) or _ended(held, cp)]
    kept = tuple(held for held in cp.charging_profiles if held not in cleared)
    place = (new.evse_number, new.profile_id)
    gone = [held for held in cleared if (held.evse_number, held.profile_id) != place]
    return Outcome(
        state=replace(cp, charging_profiles=(*kept, new)),
        reply=None,
        changes=[*(_change(cp, held, False, now) for held in gone), _change(cp, new, True, now)],
    )


def _without(cp: ChargePoint, goes: Callable[[InstalledProfile], bool], now: datetime) -> Outcome:
    cleared = [held for held in cp.charging_profiles if goes(held)]
    kept = tuple(held for held in cp.charging_profiles if held not in cleared)
    return Outcome(
        state=replace(cp, charging_profiles=kept) if cleared else cp,
        reply=None,
        changes=[_change(cp, held, False, now) for held in cleared],
    )


def _replaces(new: InstalledProfile, held: InstalledProfile) -> bool:
    return new.profile_id == held.profile_id or _rivals(new, held)  # K01.FR.05


def _rivals(new: InstalledProfile, held: InstalledProfile) -> bool:
    """Whether both claim the same at the same time; a TxProfile is its transaction's, wherever that is."""
    return (
        (new.purpose, new.stack_level, new.transaction_id, new.source)
        == (held.purpose, held.stack_level, held.transaction_id, held.source)
        and (new.transaction_id is not None or new.evse_number == held.evse_number)
        and _overlap(_valid(new), _valid(held))
    )


class _Validity(msgspec.Struct, rename="camel"):
    """Since when and until when a profile counts, of either version."""

    valid_from: datetime | None = None
    valid_to: datetime | None = None


_read_validity: Final = msgspec.json.Decoder(_Validity).decode


def _valid(held: InstalledProfile) -> _Validity:
    return _read_validity(held.profile)


def _overlap(one: _Validity, other: _Validity) -> bool:
    """K01.FR.10, FR.36, FR.37: without a limit it counts always; the end is not part of it."""
    return not (
        (one.valid_to is not None and other.valid_from is not None and one.valid_to <= other.valid_from)
        or (other.valid_to is not None and one.valid_from is not None and other.valid_to <= one.valid_from)
    )


def _ended(held: InstalledProfile, cp: ChargePoint) -> bool:
    """A TxProfile whose transaction is over (K02.FR.05)."""
    return held.purpose == "TxProfile" and _session(held, cp) is None


def _session(held: InstalledProfile, cp: ChargePoint) -> Session | None:
    return cp.sessions.get(held.transaction_id or "")


def _matches(request: ClearProfile, held: InstalledProfile) -> bool:
    if held.purpose == "ChargingStationExternalConstraints":  # K10.FR.04, FR.09: clearing never touches them
        return False
    if not isinstance(request.charging_profile_id, UnsetType):
        return held.profile_id == request.charging_profile_id
    criteria = request.charging_profile_criteria
    if isinstance(criteria, UnsetType):
        return False
    return (
        _is(criteria.evse_id, held.evse_number)
        and _is(criteria.charging_profile_purpose, held.purpose)
        and _is(criteria.stack_level, held.stack_level)
    )


def _is(wanted: object, has: object) -> bool:
    return wanted is UNSET or wanted == has


def _change(cp: ChargePoint, held: InstalledProfile, active: bool, now: datetime) -> Change:
    return ChargingProfileChanged(
        charge_point_id=cp.id,
        evse_number=held.evse_number,
        profile_id=held.profile_id,
        purpose=held.purpose,
        stack_level=held.stack_level,
        profile=held.profile,
        active=active,
        at=now,
        source=held.source,
    )


def _applied(profile: Profile) -> notifications.AppliedProfile:
    """The first schedule, without periods that have no limit; a vehicle may be offered others beside it."""
    schedule = profile.charging_schedule[0]
    return notifications.AppliedProfile(
        id=profile.id,
        min_charging_rate=schedule.min_charging_rate or None,
        schedule_periods=[
            notifications.SchedulePeriod(
                start_period=period.start_period,
                limit=period.limit,
                number_phases=period.number_phases or None,
            )
            for period in schedule.charging_schedule_period
            if not isinstance(period.limit, UnsetType)
        ],
        schedule_start=schedule.start_schedule or None,
        charging_rate_unit=schedule.charging_rate_unit,
        stack_level=profile.stack_level,
        charging_profile_kind=profile.charging_profile_kind,
        recurrency_kind=RECURRENCY.get(profile.recurrency_kind or ""),
        purpose=PROFILE_PURPOSES[profile.charging_profile_purpose],
        valid_to=profile.valid_to or None,
        valid_from=profile.valid_from or None,
        duration=schedule.duration or None,
    )
