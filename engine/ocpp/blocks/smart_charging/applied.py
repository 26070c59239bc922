"""A charging profile that a station accepted, as subscribers hear of it."""

from __future__ import annotations

from msgspec import UnsetType

from engine.domain import notifications
from engine.ocpp.blocks.smart_charging.profiles_v2x import Profile
from engine.ocpp.messages import v16
from engine.ocpp.vocabulary import PROFILE_PURPOSES, RECURRENCY


def applied_v16(profile: v16.ChargingProfile) -> notifications.AppliedProfile:
    """The profile, of OCPP 1.6."""
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


def applied_v2x(profile: Profile) -> notifications.AppliedProfile:
    """The first schedule, without periods that have no limit; a vehicle may be offered others beside it."""
    schedule = profile.charging_schedule[0]
    return notifications.AppliedProfile(
        id=profile.id,
        min_charging_rate=schedule.min_charging_rate or None,
        schedule_periods=[
            notifications.SchedulePeriod(
                start_period=period.start_period,
                limit=period.limit,
                number_phases=period.number_phases or None,
            )
            for period in schedule.charging_schedule_period
            if not isinstance(period.limit, UnsetType)
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
