"""Charging profiles that stations hold, and limits that others set."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change, Integer


class ChargingProfileChanged(Change, frozen=True):
    """charging_profiles by (charge_point_id, evse_number, profile_id): what the station holds now."""

    charge_point_id: int
    evse_number: Integer
    profile_id: int
    purpose: str
    stack_level: Integer
    profile: bytes  # JSON as sent
    active: bool  # False: cleared
    at: datetime
    source: str = "CSO"  # who set it: CSO is we


class ChargingLimitChanged(Change, frozen=True):
    """charging_limits by (charge_point_id, evse_number, source): a limit that somebody else set or lifted."""

    charge_point_id: int
    evse_number: Integer
    source: str
    grid_critical: bool
    schedules: bytes  # JSON array as reported
    active: bool
    at: datetime
