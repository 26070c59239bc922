"""The charging profiles that a station of OCPP 1.6 holds."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UnsetType

from engine.domain.state import ChargePoint, InstalledProfile, Session
from engine.ocpp.messages import v16


def session_of(cp: ChargePoint, evse_number: int, profile: v16.ChargingProfile) -> Session | None:
    """The transaction of a TxProfile at this connector; None for other profiles."""
    if profile.charging_profile_purpose != "TxProfile":
        return None
    at_evse = [s for s in cp.sessions.values() if s.evse_number == evse_number]
    if not isinstance(profile.transaction_id, UnsetType):
        at_evse = [s for s in at_evse if s.transaction_id == str(profile.transaction_id)]
    return at_evse[0] if at_evse else None


def ended_v16(held: InstalledProfile, cp: ChargePoint) -> bool:
    """Whether it is of a transaction that is over."""
    if held.purpose != "TxProfile":
        return False
    if held.transaction_id is not None:
        return held.transaction_id not in cp.sessions
    return all(session.evse_number != held.evse_number for session in cp.sessions.values())


def split(
    cp: ChargePoint, goes: Callable[[InstalledProfile], bool]
) -> tuple[list[InstalledProfile], tuple[InstalledProfile, ...]]:
    """The profiles that go, and those that stay."""
    cleared = [held for held in cp.charging_profiles if goes(held)]
    return cleared, tuple(held for held in cp.charging_profiles if held not in cleared)


def key(held: InstalledProfile) -> tuple[int, int]:
    """What a profile is known by at its charge point."""
    return held.evse_number, held.profile_id
