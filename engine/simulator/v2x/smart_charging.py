"""Smart charging commands of a 2.x station (K)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from engine.simulator.limits import PURPOSES, Kind, Period, Profile, Slot, Unit
from engine.simulator.physics import UNLIMITED
from engine.simulator.v2x.reply import Reply, connector_of, look, running, status

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

MOST_PROFILES: Final = 20
KINDS: Final[Mapping[str, Kind]] = {
    "Absolute": "absolute",
    "Dynamic": "absolute",
    "Recurring": "recurring",
    "Relative": "relative",
}
EVERY: Final = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
SOURCE: Final = "CSO"  # of all limits here: there is no energy management but the server's
TRANSFERS: Final[Mapping[str, frozenset[str]]] = {  # what a model's current can do (2.1)
    "AC": frozenset({"AC_single_phase", "AC_two_phase", "AC_three_phase"}),
    "DC": frozenset({"DC"}),
}


def profile_of(charger: Charger2x, profile: Any) -> Profile:
    """A profile in simulation terms. A dynamic one begins now; its limit is changed by updates (K28)."""
    schedule = profile.charging_schedule[0]
    recurring = profile.charging_profile_kind == "Recurring"
    dynamic = profile.charging_profile_kind == "Dynamic"
    return Profile(
        id=profile.id,
        stack=profile.stack_level,
        purpose=PURPOSES.get(profile.charging_profile_purpose, "default"),
        kind=KINDS.get(profile.charging_profile_kind, "relative"),
        unit=schedule.charging_rate_unit,
        periods=tuple(
            Period(period.start_period, _limit(period), period.number_phases or 3)
            for period in schedule.charging_schedule_period
        ),
        begin=schedule.start_schedule or (charger.clock.now() if dynamic else None),
        duration=schedule.duration or None,
        every=EVERY[profile.recurrency_kind or "Daily"] if recurring else None,
        valid_from=profile.valid_from or None,
        valid_to=profile.valid_to or None,
        transaction=profile.transaction_id or None,
        source=profile,
    )


def _limit(period: Any) -> float:
    return UNLIMITED if period.limit is UNSET else float(period.limit)


def set_profile(charger: Charger2x, request: Any) -> Reply:
    """K01"""
    profile = profile_of(charger, request.charging_profile)
    connector = connector_of(charger, request.evse_id)
    supported = request.charging_profile.charging_profile_purpose in PURPOSES
    allowed = supported and len(charger.profiles) < MOST_PROFILES
    allowed = allowed and (request.evse_id == 0 or connector is not None)
    if profile.purpose == "station":
        allowed = allowed and request.evse_id == 0
    if profile.purpose == "transaction":
        entry = connector.entry if connector else None
        allowed = allowed and entry is not None and profile.transaction == entry.transaction_id
    if not allowed:
        return status("Rejected")
    settle(charger)
    charger.profiles.install(request.evse_id, profile)
    return status("Accepted", lambda: look(charger))


def settle(charger: Charger2x) -> None:
    """Bring the meters up to now, before the limits change."""
    for connector in charger.connectors:
        connector.outlet.advance(charger.time.elapsed())


def clear_profile(charger: Charger2x, request: Any) -> Reply:
    """K10"""
    settle(charger)
    criteria = request.charging_profile_criteria or None
    purpose = criteria.charging_profile_purpose if criteria else UNSET
    if purpose and purpose not in PURPOSES:
        return status("Unknown")
    cleared = charger.profiles.clear(
        id_=None if request.charging_profile_id is UNSET else request.charging_profile_id,
        connector=None if criteria is None or criteria.evse_id is UNSET else criteria.evse_id,
        purpose=PURPOSES[purpose] if purpose else None,
        stack=None if criteria is None or criteria.stack_level is UNSET else criteria.stack_level,
    )
    return status("Accepted" if cleared else "Unknown")


def composite_schedule(charger: Charger2x, request: Any) -> Reply:
    """K08"""
    connector = connector_of(charger, request.evse_id)
    if request.evse_id and connector is None:
        return status("Rejected")
    unit: Unit = request.charging_rate_unit or "W"
    since = charger.clock.now()
    began = connector.began if connector else None
    periods = charger.profiles.composite(request.evse_id, since, request.duration, unit, began)
    schedule = {
        "evseId": request.evse_id,
        "duration": request.duration,
        "scheduleStart": since,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": period.start, "limit": period.limit, "numberPhases": period.phases}
            for period in periods
        ],
    }
    return status("Accepted", schedule=schedule)


def get_profiles(charger: Charger2x, request: Any) -> Reply:
    """K09: what is stored, one message for each EVSE that holds some."""
    criteria = request.charging_profile
    evse: dict[int, list[Any]] = {}
    for slot in charger.profiles.slots():
        if request.evse_id in (UNSET, slot.connector) and _asked(criteria, slot):
            evse.setdefault(slot.connector, []).append(slot.profile.source)
    if not evse:
        return status("NoProfiles")

    async def report() -> None:
        last = list(evse)[-1]
        for number, found in evse.items():
            charger.notify(
                "ReportChargingProfiles",
                requestId=request.request_id,
                chargingLimitSource=SOURCE,
                evseId=number,
                chargingProfile=found,
                tbc=number != last,
            )

    return status("Accepted", report)


def _asked(criteria: Any, slot: Slot) -> bool:
    purpose = slot.profile.source.charging_profile_purpose
    return (
        (not criteria.charging_profile_id or slot.profile.id in criteria.charging_profile_id)
        and criteria.charging_profile_purpose in (UNSET, purpose)
        and criteria.stack_level in (UNSET, slot.profile.stack)
        and (not criteria.charging_limit_source or SOURCE in criteria.charging_limit_source)
    )


def update_dynamic_schedule(charger: Charger2x, request: Any) -> Reply:
    """K28: a new limit for a dynamic profile; setpoints and discharging are not known here."""
    slot = charger.profiles.slot(request.charging_profile_id)
    update = request.schedule_update
    if slot is None or slot.profile.source.charging_profile_kind != "Dynamic" or update.limit is UNSET:
        return status("Rejected")
    settle(charger)
    first = msgspec.structs.replace(slot.profile.periods[0], limit=float(update.limit))
    changed = msgspec.structs.replace(slot.profile, periods=(first,))
    charger.profiles.install(slot.connector, changed)
    return status("Accepted", lambda: look(charger))


def use_priority_charging(charger: Charger2x, request: Any) -> Reply:
    """K21: profiles for it are not taken, so there is none."""
    return status("Rejected" if running(charger, request.transaction_id) is None else "NoProfile")


def allowed_energy_transfer(charger: Charger2x, request: Any) -> Reply:
    """Q02: accepted if the car can go on in one of the ways allowed."""
    possible = not TRANSFERS[charger.hardware.current].isdisjoint(request.allowed_energy_transfer)
    known = running(charger, request.transaction_id) is not None
    return status("Accepted" if possible and known else "Rejected")
