"""Smart charging commands of a 1.6 charger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.ocpp.messages import v16
from engine.simulator.limits import PURPOSES, Profile
from engine.simulator.v16 import profiles
from engine.simulator.v16.configuration import MOST_PERIODS, MOST_PROFILES, MOST_STACK_LEVEL
from engine.simulator.v16.reply import Reply, connector_of

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16


def fits(profile: Profile) -> bool:
    """Whether this charger can hold such a profile at all."""
    starts = [period.start for period in profile.periods]
    ordered = starts == sorted(set(starts)) and starts[:1] == [0]
    return ordered and len(starts) <= MOST_PERIODS and 0 <= profile.stack <= MOST_STACK_LEVEL


def set_charging_profile(charger: Charger16, request: v16.SetChargingProfile) -> Reply:
    """OCPP 1.6 §5.16"""
    profile = profiles.from_message(request.cs_charging_profiles)
    connector = connector_of(charger, request.connector_id)
    allowed = fits(profile) and len(charger.profiles) < MOST_PROFILES
    match profile.purpose:
        case "station":
            allowed = allowed and request.connector_id == 0 and profile.kind != "relative"
        case "default":
            allowed = allowed and (request.connector_id == 0 or connector is not None)
        case "transaction":
            entry = connector.entry if connector else None
            named = profile.transaction
            allowed = allowed and entry is not None and named in (None, entry.transaction_id)
    if not allowed:
        return Reply(v16.SetChargingProfileResponse(status="Rejected"))
    _settle(charger)
    charger.profiles.install(request.connector_id, profile)

    async def report() -> None:
        for each in charger.connectors:
            charger.observe(each)

    return Reply(v16.SetChargingProfileResponse(status="Accepted"), report)


def _settle(charger: Charger16) -> None:
    """Bring the meters up to now, before the limits change."""
    for connector in charger.connectors:
        connector.outlet.advance(charger.time.elapsed())


def clear_charging_profile(charger: Charger16, request: v16.ClearChargingProfile) -> Reply:
    """OCPP 1.6 §5.5"""
    _settle(charger)
    purpose = request.charging_profile_purpose
    cleared = charger.profiles.clear(
        id_=None if request.id is msgspec.UNSET else request.id,
        connector=None if request.connector_id is msgspec.UNSET else request.connector_id,
        purpose=PURPOSES[purpose] if purpose else None,
        stack=None if request.stack_level is msgspec.UNSET else request.stack_level,
    )
    return Reply(v16.ClearChargingProfileResponse(status="Accepted" if cleared else "Unknown"))


def get_composite_schedule(charger: Charger16, request: v16.GetCompositeSchedule) -> Reply:
    """OCPP 1.6 §5.7"""
    if request.connector_id and connector_of(charger, request.connector_id) is None:
        return Reply(v16.GetCompositeScheduleResponse(status="Rejected"))
    connector = connector_of(charger, request.connector_id)
    since, unit = charger.clock.now(), request.charging_rate_unit or "W"
    began = connector.began if connector else None
    periods = charger.profiles.composite(request.connector_id, since, request.duration, unit, began)
    return Reply(
        v16.GetCompositeScheduleResponse(
            status="Accepted",
            connector_id=request.connector_id,
            schedule_start=since,
            charging_schedule=profiles.schedule(periods, since, request.duration, unit),
        )
    )
