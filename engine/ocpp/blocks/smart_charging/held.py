"""The row of a charging profile that a charge point holds, in every version."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes import Change, ChargingProfileChanged
from engine.domain.state import ChargePoint, InstalledProfile


def change(cp: ChargePoint, held: InstalledProfile, active: bool, now: datetime) -> Change:
    """The row of a profile that is held, or is held no more."""
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
