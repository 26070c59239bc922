"""The charging profiles that a station of OCPP 2.x holds, and what it said of itself that they must suit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain import device
from engine.domain.state import ChargePoint, InstalledProfile, Session
from engine.ocpp import rpc
from engine.ocpp.blocks.smart_charging.held import change
from engine.ocpp.blocks.smart_charging.profiles_v2x import Profile
from engine.ocpp.step import Outcome

OURS: Final = "CSO"  # chargingLimitSource of what we set


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


def held_profile(cp: ChargePoint, profile_id: int) -> InstalledProfile | None:
    """The profile of that id, wherever it is."""
    return next((held for held in cp.charging_profiles if held.profile_id == profile_id), None)


def amended(cp: ChargePoint, held: InstalledProfile, profile: bytes, now: datetime) -> Outcome:
    """A profile that stays where it is with other contents."""
    new = replace(held, profile=profile)
    profiles = tuple(new if one is held else one for one in cp.charging_profiles)
    state = replace(cp, charging_profiles=profiles)
    return Outcome(state=state, reply=None, changes=(change(cp, new, True, now),))


def as_installed(evse_id: int, profile: Profile, source: str) -> InstalledProfile:
    """A profile as the state of its charge point holds it."""
    return InstalledProfile(
        evse_number=evse_id,
        profile_id=profile.id,
        purpose=profile.charging_profile_purpose,
        stack_level=profile.stack_level,
        transaction_id=None if isinstance(profile.transaction_id, UnsetType) else profile.transaction_id,
        profile=rpc.encode(profile),
        source=source,
    )


def holding(cp: ChargePoint, new: InstalledProfile, now: datetime) -> Outcome:
    """The state with one more profile, without those that it replaces and those that have ended."""
    cleared = [held for held in cp.charging_profiles if _replaces(new, held) or ended_v2x(held, cp)]
    kept = tuple(held for held in cp.charging_profiles if held not in cleared)
    place = (new.evse_number, new.profile_id)
    gone = [held for held in cleared if (held.evse_number, held.profile_id) != place]
    return Outcome(
        state=replace(cp, charging_profiles=(*kept, new)),
        reply=None,
        changes=[*(change(cp, held, False, now) for held in gone), change(cp, new, True, now)],
    )


def without(cp: ChargePoint, goes: Callable[[InstalledProfile], bool], now: datetime) -> Outcome:
    """The state without the profiles that go."""
    cleared = [held for held in cp.charging_profiles if goes(held)]
    kept = tuple(held for held in cp.charging_profiles if held not in cleared)
    return Outcome(
        state=replace(cp, charging_profiles=kept) if cleared else cp,
        reply=None,
        changes=[change(cp, held, False, now) for held in cleared],
    )


def _replaces(new: InstalledProfile, held: InstalledProfile) -> bool:
    return new.profile_id == held.profile_id or rivals(new, held)  # K01.FR.05


def rivals(new: InstalledProfile, held: InstalledProfile) -> bool:
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


def ended_v2x(held: InstalledProfile, cp: ChargePoint) -> bool:
    """A TxProfile whose transaction is over (K02.FR.05)."""
    return held.purpose == "TxProfile" and _session(held, cp) is None


def _session(held: InstalledProfile, cp: ChargePoint) -> Session | None:
    return cp.sessions.get(held.transaction_id or "")


def fits(wanted: object, has: object) -> bool:
    """Whether a criterion is absent, or is met."""
    return wanted is UNSET or wanted == has
