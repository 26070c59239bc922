"""OCPP 1.6 charging profiles to and from the versionless ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from engine.ocpp.messages.v16 import ChargingProfile, ChargingSchedule, ChargingSchedulePeriod
from engine.simulator.limits import PURPOSES, Kind, Period, Profile, Unit

_KINDS: Final[Mapping[str, Kind]] = {"Absolute": "absolute", "Recurring": "recurring", "Relative": "relative"}
_EVERY: Final = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


def from_message(profile: ChargingProfile) -> Profile:
    """The profile in simulation terms."""
    schedule = profile.charging_schedule
    return Profile(
        id=profile.charging_profile_id,
        stack=profile.stack_level,
        purpose=PURPOSES[profile.charging_profile_purpose],
        kind=_KINDS[profile.charging_profile_kind],
        unit=schedule.charging_rate_unit,
        periods=tuple(
            Period(period.start_period, float(period.limit), period.number_phases or 3)
            for period in schedule.charging_schedule_period
        ),
        begin=schedule.start_schedule or None,
        duration=schedule.duration or None,
        every=_EVERY[profile.recurrency_kind or "Daily"]
        if profile.charging_profile_kind == "Recurring"
        else None,
        valid_from=profile.valid_from or None,
        valid_to=profile.valid_to or None,
        transaction=profile.transaction_id or None,
    )


def schedule(periods: list[Period], since: datetime, seconds: int, unit: Unit) -> ChargingSchedule:
    """A composite schedule for the wire."""
    return ChargingSchedule(
        duration=seconds,
        start_schedule=since,
        charging_rate_unit=unit,
        charging_schedule_period=[
            ChargingSchedulePeriod(
                start_period=period.start, limit=Decimal(str(period.limit)), number_phases=period.phases
            )
            for period in periods
        ],
    )
