"""Charging profiles of OCPP 2.0.1 and 2.1 by themselves: what makes one valid, wherever it is to go (K01).

Where a profile may go and what a station holds is the business of `smart_charging_v2x`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import UnsetType

from engine.ocpp.blocks.smart_charging.profiles_v21 import period_errors_v21, profile_errors_v21
from engine.ocpp.messages import v21, v201

Profile: TypeAlias = v201.ChargingProfile | v21.ChargingProfile
Schedule: TypeAlias = v201.ChargingSchedule | v21.ChargingSchedule
Period: TypeAlias = v201.ChargingSchedulePeriod | v21.ChargingSchedulePeriod

RECURRENCE_SECONDS: Final = {"Daily": 86_400, "Weekly": 604_800}


def profile_errors(profile: Profile, member: str) -> list[str]:
    """What is wrong with a profile by itself; each error begins with `member`."""
    errors = [
        error for schedule in profile.charging_schedule for error in _schedule_errors(schedule, profile)
    ]
    if profile.stack_level < 0:
        errors.append("stackLevel must not be negative")
    if profile.charging_profile_purpose != "TxProfile":
        if not isinstance(profile.transaction_id, UnsetType):
            errors.append("transactionId goes with a TxProfile only")
        if len(profile.charging_schedule) > 1:  # K01.FR.34: a vehicle chooses among several (K15.FR.07)
            errors.append("only a TxProfile may hold several chargingSchedules")
    errors += _recurrence_errors(profile)
    if profile.valid_from and profile.valid_to and profile.valid_to <= profile.valid_from:
        errors.append("validTo must be after validFrom")
    if isinstance(profile, v21.ChargingProfile):
        errors += profile_errors_v21(profile)
    # K01.FR.38: a limit of the station must not begin anew with each transaction.
    if (
        profile.charging_profile_purpose == "ChargingStationMaxProfile"
        and profile.charging_profile_kind == "Relative"
    ):
        errors.append("a ChargingStationMaxProfile must not be Relative")
    return [f"{member}: {error}" for error in errors]


def _recurrence_errors(profile: Profile) -> list[str]:
    if profile.charging_profile_kind == "Recurring":
        return [] if profile.recurrency_kind else ["recurrencyKind is required with kind Recurring"]
    return ["recurrencyKind goes with kind Recurring only"] if profile.recurrency_kind else []


def _schedule_errors(schedule: Schedule, profile: Profile) -> list[str]:
    kind = profile.charging_profile_kind
    starts = [period.start_period for period in schedule.charging_schedule_period]
    errors = []
    if starts[0] != 0:  # K01.FR.31, 2.1 K28.FR.02
        errors.append("the first chargingSchedulePeriod must start at 0")
    if any(later <= earlier for earlier, later in pairwise(starts)):  # K01.FR.35
        errors.append("chargingSchedulePeriods must start one after the other")
    if kind in ("Absolute", "Recurring") and not schedule.start_schedule:  # K01.FR.40
        errors.append(f"chargingSchedule.startSchedule is required with kind {kind}")
    if kind == "Relative" and schedule.start_schedule:  # K01.FR.41
        errors.append("chargingSchedule.startSchedule does not go with kind Relative")
    if not isinstance(schedule.duration, UnsetType):
        longest = RECURRENCE_SECONDS.get(profile.recurrency_kind or "")
        if schedule.duration <= 0:
            errors.append("chargingSchedule.duration must be greater than 0")
        elif longest is not None and schedule.duration > longest:
            errors.append("chargingSchedule.duration is longer than its recurrence")
    for period in schedule.charging_schedule_period:
        errors += period_errors(period)
    return errors


def period_errors(period: Period) -> list[str]:
    """What is wrong with one period."""
    errors = []
    if period.limit and period.limit < 0:
        errors.append("a limit must not be negative")
    phases = period.number_phases
    if not isinstance(phases, UnsetType) and not 0 <= phases <= 3:
        errors.append("numberPhases must be 0 to 3")
    if not isinstance(period.phase_to_use, UnsetType):  # K01.FR.19
        if phases != 1:
            errors.append("phaseToUse goes with numberPhases 1 only")
        elif not 1 <= period.phase_to_use <= 3:
            errors.append("phaseToUse must be 1 to 3")
    if isinstance(period, v21.ChargingSchedulePeriod):
        errors += period_errors_v21(period)
    return errors
