"""Smart charging: rules of charging profiles, following what a charge point holds, and profiles in 2.x shape.

A profile lives at one EVSE (0: the charge point). A newer one replaces those with its id, or with its purpose
and stack level at the same place (OCPP 1.6 §5.16); a TxProfile ends with its transaction (§3.13.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import UnsetType
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change, ChargingProfileChanged
from engine.domain.state import ChargePoint, InstalledProfile, Session
from engine.errors import Invalid
from engine.ocpp import rpc
from engine.ocpp.blocks.charging_profiles import profile_errors_v16, profile_v16_from_v201
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome
from engine.ocpp.vocabulary import PROFILE_PURPOSES, RECURRENCY


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


# --- rules ------------------------------------------------------------------------------------------


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
        errors += _transaction_errors(profile, connector, cp)
    elif not isinstance(profile.transaction_id, UnsetType):
        errors.append("transactionId goes with a TxProfile only")
    if profile.valid_to and profile.valid_to <= now:
        errors.append("csChargingProfiles.validTo is past")
    return errors


def check_clear_charging_profile_v16(
    request: v16.ClearChargingProfile, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.5: by id, or by what the other members say; none at all clears everything."""
    return ["connectorId must not be negative"] if request.connector_id and request.connector_id < 0 else []


def check_get_composite_schedule_v16(
    request: v16.GetCompositeSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.7."""
    errors = [] if request.duration > 0 else ["duration must be greater than 0"]
    return errors if request.connector_id >= 0 else [*errors, "connectorId must not be negative"]


def _transaction_errors(profile: v16.ChargingProfile, connector: int, cp: ChargePoint) -> list[str]:
    if connector == 0:
        return ["a TxProfile needs the connectorId of its transaction, not 0"]
    session = _session(cp, connector, profile)
    if session is None:
        return ["a TxProfile needs a transaction running at its connectorId"]
    return []


def _session(cp: ChargePoint, evse_number: int, profile: v16.ChargingProfile) -> Session | None:
    if profile.charging_profile_purpose != "TxProfile":
        return None
    at_evse = [s for s in cp.sessions.values() if s.evse_number == evse_number]
    if not isinstance(profile.transaction_id, UnsetType):
        at_evse = [s for s in at_evse if s.transaction_id == str(profile.transaction_id)]
    return at_evse[0] if at_evse else None


# --- what the charge point holds --------------------------------------------------------------------


def set_charging_profile_answered_v16(
    cp: ChargePoint, request: v16.SetChargingProfile, response: v16.SetChargingProfileResponse, now: datetime
) -> Outcome:
    """Accepted: the profile is held, and what it replaces or what has ended meanwhile is not."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    profile, number = request.cs_charging_profiles, request.connector_id
    session = _session(cp, number, profile)
    installed = InstalledProfile(
        evse_number=number,
        profile_id=profile.charging_profile_id,
        purpose=profile.charging_profile_purpose,
        stack_level=profile.stack_level,
        transaction_id=session.transaction_id if session else None,
        profile=rpc.encode(profile),
    )
    cleared, kept = _split(cp, lambda held: _ended(held, cp) or _replaces(installed, held))
    news = notifications.ChargingProfileApplied(
        charge_point_id=cp.id,
        evse_number=number,
        session_id=session.id if session else None,
        charging_profile=_applied(profile),
        applied_at=now,
    )
    return Outcome(
        state=replace(cp, charging_profiles=(*kept, installed)),
        reply=None,
        changes=[
            *(_change(cp, held, False, now) for held in cleared if _key(held) != _key(installed)),
            _change(cp, installed, True, now),
            notifications.about(cp, news, now),
        ],
    )


def clear_charging_profile_answered_v16(
    cp: ChargePoint,
    request: v16.ClearChargingProfile,
    response: v16.ClearChargingProfileResponse,
    now: datetime,
) -> Outcome:
    """What matched is held no more; Unknown says the same: the charge point has no such profile (§7.19)."""
    cleared, kept = _split(cp, lambda held: _ended(held, cp) or _matches(request, held))
    return Outcome(
        state=replace(cp, charging_profiles=kept) if cleared else cp,
        reply=None,
        changes=[_change(cp, held, False, now) for held in cleared],
    )


def _matches(request: v16.ClearChargingProfile, held: InstalledProfile) -> bool:
    if not isinstance(request.id, UnsetType):
        return held.profile_id == request.id  # §5.5: with an id the other members say nothing
    wanted = (request.connector_id, request.charging_profile_purpose, request.stack_level)
    has = (held.evse_number, held.purpose, held.stack_level)
    return all(isinstance(w, UnsetType) or w == h for w, h in zip(wanted, has, strict=True))


def _replaces(new: InstalledProfile, held: InstalledProfile) -> bool:
    slot = (new.evse_number, new.purpose, new.stack_level)
    return new.profile_id == held.profile_id or slot == (held.evse_number, held.purpose, held.stack_level)


def _ended(held: InstalledProfile, cp: ChargePoint) -> bool:
    if held.purpose != "TxProfile":
        return False
    if held.transaction_id is not None:
        return held.transaction_id not in cp.sessions
    return all(session.evse_number != held.evse_number for session in cp.sessions.values())


def _split(
    cp: ChargePoint, goes: Callable[[InstalledProfile], bool]
) -> tuple[list[InstalledProfile], tuple[InstalledProfile, ...]]:
    cleared = [held for held in cp.charging_profiles if goes(held)]
    return cleared, tuple(held for held in cp.charging_profiles if held not in cleared)


def _key(held: InstalledProfile) -> tuple[int, int]:
    return held.evse_number, held.profile_id


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
    )


def _applied(profile: v16.ChargingProfile) -> notifications.AppliedProfile:
    schedule = profile.charging_schedule
    return notifications.AppliedProfile(
        id=profile.charging_profile_id,
        min_charging_rate=float(schedule.min_charging_rate) if schedule.min_charging_rate else None,
        schedule_periods=[
            notifications.SchedulePeriod(
                start_period=period.start_period,
                limit=float(period.limit),
                number_phases=period.number_phases or None,
            )
            for period in schedule.charging_schedule_period
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
