"""What vehicles want and plan (ISO 15118; 2.x K15 to K17): NotifyEVChargingNeeds, NotifyEVChargingSchedule.

There is no planner here: a vehicle's needs are kept and published, and whoever plans answers with
SetChargingProfile. The station is told so, and charges by its default profile meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from engine.domain.state import ChargePoint, InstalledProfile
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.payloads_2x import response_to, version_of
from engine.ocpp.blocks.smart_charging.profiles_v2x import Profile, Schedule
from engine.ocpp.blocks.smart_charging.vehicle_needs import remembered
from engine.ocpp.declaration import handler
from engine.ocpp.messages import decode_hook, v21, v201
from engine.ocpp.step import Facts, Outcome

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
    return Outcome(
        state=remembered(cp, request, now), reply=reply, changes=keeping.published(cp, request, now)
    )


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
    return Outcome(state=cp, reply=reply, changes=keeping.published(cp, request, now))


def _offered(cp: ChargePoint, evse_id: int, version: str) -> Profile | None:
    """The TxProfile of the highest stack level that the EVSE's transaction holds."""
    held = [
        one
        for one in cp.charging_profiles
        if one.purpose == "TxProfile" and one.evse_number == evse_id and one.transaction_id in cp.sessions
    ]
    best = max(held, key=lambda one: one.stack_level, default=None)
    return decoded(best, version) if best is not None else None


def decoded(held: InstalledProfile, version: str) -> Profile | None:
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


HANDLERS: Final = (
    handler(v201.NotifyEVChargingNeeds, notify_ev_charging_needs_v2x),
    handler(v201.NotifyEVChargingSchedule, notify_ev_charging_schedule_v2x),
)
