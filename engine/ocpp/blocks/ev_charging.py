"""What vehicles want and plan (ISO 15118, K15 to K17), priority charging and dynamic profiles (2.1 K21, K28).

There is no planner here: a vehicle's needs are kept and published, and whoever plans answers with
SetChargingProfile. The station is told so, and charges by its default profile meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain.state import ChargePoint, InstalledProfile
from engine.ocpp import rpc
from engine.ocpp.blocks import reports
from engine.ocpp.blocks.charging_profiles_v2x import Profile, Schedule, profile_errors
from engine.ocpp.blocks.smart_charging_v2x import amended, held_profile
from engine.ocpp.blocks.twins import response_to, version_of
from engine.ocpp.blocks.vehicle_needs import remembered, vehicle_errors
from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Facts, Outcome

# Members of ChargingScheduleUpdate: what of a dynamic profile's one period may change from minute to minute.
DYNAMIC: Final = v21.ChargingScheduleUpdate.__struct_fields__[:-1]  # all but customData
TOLERANCE: Final = 1e-6  # limits are decimal numbers that went through binary ones


def notify_ev_charging_needs_v2x(
    cp: ChargePoint,
    request: v201.NotifyEVChargingNeeds | v21.NotifyEVChargingNeeds,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """No schedule is promised (K15.FR.04); 2.1's Rejected would end the transaction (Q01.FR.04)."""
    status = "NoChargingProfile" if version_of(request) == "ocpp2.1" else "Rejected"
    reply = response_to(request, status=status)
    return Outcome(state=remembered(cp, request, now), reply=reply, changes=reports.told(cp, request, now))


def notify_ev_charging_schedule_v2x(
    cp: ChargePoint,
    request: v201.NotifyEVChargingSchedule | v21.NotifyEVChargingSchedule,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Accepted where the vehicle stays within its transaction's profile (K15.FR.11, FR.12, K17.FR.11)."""
    profile = _offered(cp, request.evse_id, version_of(request))
    fits = profile is None or any(
        _within(request.charging_schedule, offer, request.time_base) for offer in profile.charging_schedule
    )
    reply = response_to(request, status="Accepted" if fits else "Rejected")
    return Outcome(state=cp, reply=reply, changes=reports.told(cp, request, now))


def pull_dynamic_schedule_update_v21(
    cp: ChargePoint, request: v21.PullDynamicScheduleUpdate, facts: Facts, now: datetime
) -> Outcome:
    """The present values of a dynamic profile that we set (2.1 K28.FR.07); of any other none (K28.FR.12)."""
    held = held_profile(cp, request.charging_profile_id)
    profile = _decoded(held, "ocpp2.1") if held is not None else None
    if not isinstance(profile, v21.ChargingProfile) or profile.charging_profile_kind != "Dynamic":
        info = v21.StatusInfo(reason_code="InvalidProfile")
        return Outcome(
            state=cp, reply=v21.PullDynamicScheduleUpdateResponse(status="Rejected", status_info=info)
        )
    period = profile.charging_schedule[0].charging_schedule_period[0]
    update = v21.ChargingScheduleUpdate(**{name: getattr(period, name) for name in DYNAMIC})
    reply = v21.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=update)
    return Outcome(state=cp, reply=reply)


def check_update_dynamic_schedule_v21(
    request: v21.UpdateDynamicSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something of a profile that is dynamic, if we know it (2.1 K28.FR.11), and that it may have."""
    if all(getattr(request.schedule_update, name) is UNSET for name in DYNAMIC):
        return ["scheduleUpdate must not be empty"]
    held = held_profile(cp, request.charging_profile_id)
    profile = _decoded(held, "ocpp2.1") if held is not None else None
    if held is None or not isinstance(profile, v21.ChargingProfile):
        return []
    if profile.charging_profile_kind != "Dynamic":
        return ["chargingProfileId is not that of a Dynamic profile"]
    updated = _updated(profile, request.schedule_update)
    errors = profile_errors(updated, "scheduleUpdate")
    return errors + vehicle_errors(updated, held.evse_number, cp, now)


def update_dynamic_schedule_answered_v21(
    cp: ChargePoint,
    request: v21.UpdateDynamicSchedule,
    response: v21.UpdateDynamicScheduleResponse,
    now: datetime,
) -> Outcome:
    """Accepted: the profile that is held has these values now (2.1 K28.FR.06, FR.09)."""
    held = held_profile(cp, request.charging_profile_id)
    profile = _decoded(held, "ocpp2.1") if held is not None else None
    if response.status != "Accepted" or held is None or not isinstance(profile, v21.ChargingProfile):
        return Outcome(state=cp, reply=None)
    updated = replace(_updated(profile, request.schedule_update), dyn_update_time=now)
    return amended(cp, held, rpc.encode(updated), now)


def _updated(profile: v21.ChargingProfile, update: v21.ChargingScheduleUpdate) -> v21.ChargingProfile:
    """The profile with these values in its one period."""
    first, *others = profile.charging_schedule
    values = {name: getattr(update, name) for name in DYNAMIC}
    given = {name: value for name, value in values.items() if value is not UNSET}
    period = replace(first.charging_schedule_period[0], **given)
    schedule = replace(first, charging_schedule_period=[period])
    return replace(profile, charging_schedule=[schedule, *others])


def check_use_priority_charging_v21(
    request: v21.UsePriorityCharging, cp: ChargePoint, now: datetime
) -> list[str]:
    """A transaction that runs here (2.1 K21.FR.02)."""
    return [] if request.transaction_id in cp.sessions else ["transactionId is not running at this station"]


def _offered(cp: ChargePoint, evse_id: int, version: str) -> Profile | None:
    """The TxProfile of the highest stack level that the EVSE's transaction holds."""
    held = [
        one
        for one in cp.charging_profiles
        if one.purpose == "TxProfile" and one.evse_number == evse_id and one.transaction_id in cp.sessions
    ]
    best = max(held, key=lambda one: one.stack_level, default=None)
    return _decoded(best, version) if best is not None else None


def _decoded(held: InstalledProfile, version: str) -> Profile | None:
    """As it was sent; None where it was sent in another version of OCPP."""
    kind: type[Profile] = v21.ChargingProfile if version == "ocpp2.1" else v201.ChargingProfile
    try:
        return msgspec.json.decode(held.profile, type=kind, dec_hook=decode_hook)
    except msgspec.ValidationError:
        return None


def _within(plan: Schedule, offer: Schedule, time_base: datetime) -> bool:
    """Whether a vehicle's plan nowhere exceeds an offer; units that differ cannot be compared, and pass."""
    if plan.charging_rate_unit != offer.charging_rate_unit:
        return True
    begin = plan.start_schedule or time_base
    shift = begin - (offer.start_schedule or time_base)
    moments = {timedelta(seconds=period.start_period) for period in plan.charging_schedule_period}
    moments |= {timedelta(seconds=period.start_period) - shift for period in offer.charging_schedule_period}
    end = _length(plan)
    for moment in moments:
        if moment < timedelta(0) or (end is not None and moment >= end):
            continue
        wanted, allowed = _limit(plan, moment), _limit(offer, moment + shift)
        if wanted is not None and allowed is not None and wanted > allowed + TOLERANCE:
            return False
    return True


def _limit(schedule: Schedule, moment: timedelta) -> float | None:
    """The limit at a moment since the schedule's start; None where it has none."""
    found: Any = UNSET
    for period in schedule.charging_schedule_period:
        if timedelta(seconds=period.start_period) <= moment:
            found = period.limit
    length = _length(schedule)
    if isinstance(found, UnsetType) or (length is not None and moment >= length):
        return None
    return float(found)


def _length(schedule: Schedule) -> timedelta | None:
    return None if isinstance(schedule.duration, UnsetType) else timedelta(seconds=schedule.duration)
