"""Charging profiles by themselves: what makes one valid in OCPP 1.6, and how one in 2.x shape is said in 1.6.

Where a profile may go and what a charge point holds is the business of `smart_charging`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import UnsetType

from engine.errors import Invalid
from engine.ocpp.messages import v16

RECURRENCE_SECONDS: Final = {"Daily": 86_400, "Weekly": 604_800}
TENTHS: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]0*)?")
PURPOSES: Final[Mapping[str, str]] = {  # 2.0.1 ChargingProfilePurposeEnumType → 1.6 §7.10
    "ChargingStationMaxProfile": "ChargePointMaxProfile",
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
}
PROFILE_MEMBERS: Final = frozenset(
    {"stackLevel", "chargingProfileKind", "recurrencyKind", "validFrom", "validTo"}
)
SCHEDULE_MEMBERS: Final = frozenset({"startSchedule", "duration", "chargingRateUnit"})
PERIOD_MEMBERS: Final = frozenset({"startPeriod", "numberPhases"})


def profile_errors_v16(profile: v16.ChargingProfile, member: str) -> list[str]:
    """What is wrong with a profile by itself (§7.8, §7.13, §7.14), wherever it is to go."""
    schedule = profile.charging_schedule
    starts = [period.start_period for period in schedule.charging_schedule_period]
    errors = []
    if not starts:
        errors.append("chargingSchedule.chargingSchedulePeriod must not be empty")
    elif starts[0] != 0:
        errors.append("the first chargingSchedulePeriod must start at 0")
    if any(later <= earlier for earlier, later in pairwise(starts)):
        errors.append("chargingSchedulePeriods must start one after the other")
    if any(period.limit < 0 for period in schedule.charging_schedule_period):
        errors.append("a limit must not be negative")
    if any(not 1 <= (period.number_phases or 3) <= 3 for period in schedule.charging_schedule_period):
        errors.append("numberPhases must be 1 to 3")
    if profile.stack_level < 0:
        errors.append("stackLevel must not be negative")
    errors += _kind_errors(profile)
    if profile.valid_from and profile.valid_to and profile.valid_to <= profile.valid_from:
        errors.append("validTo must be after validFrom")
    return [f"{member}: {error}" for error in errors]


def _kind_errors(profile: v16.ChargingProfile) -> list[str]:
    schedule = profile.charging_schedule
    kind = profile.charging_profile_kind
    errors = []
    if not isinstance(schedule.duration, UnsetType) and schedule.duration <= 0:
        errors.append("chargingSchedule.duration must be greater than 0")
    if kind == "Recurring":
        if not profile.recurrency_kind:
            errors.append("recurrencyKind is required with kind Recurring")
        elif schedule.duration and schedule.duration > RECURRENCE_SECONDS[profile.recurrency_kind]:
            errors.append("chargingSchedule.duration is longer than its recurrence")
    elif profile.recurrency_kind:
        errors.append("recurrencyKind goes with kind Recurring only")
    if kind == "Relative" and schedule.start_schedule:
        errors.append("chargingSchedule.startSchedule does not go with kind Relative")
    return errors


def profile_v16_from_v201(body: Mapping[str, Any]) -> v16.ChargingProfile:
    """A 1.6 profile from a decoded 2.0.1 ChargingProfileType; Invalid names each member that 1.6 cannot say.

    `chargingSchedule` may be one schedule or a list of one. Limits keep their one decimal exactly.
    """
    errors: dict[str, list[str]] = {}
    document = {
        **_members(
            body,
            "",
            PROFILE_MEMBERS,
            {"id", "chargingProfilePurpose", "transactionId", "chargingSchedule"},
            errors,
        ),
        "chargingProfileId": body.get("id"),
        "chargingProfilePurpose": _purpose(body.get("chargingProfilePurpose"), errors),
        "chargingSchedule": _schedule(body.get("chargingSchedule"), errors),
    }
    if body.get("transactionId") is not None:
        document["transactionId"] = _transaction_id(body["transactionId"], errors)
    if errors:
        raise Invalid("the charging profile cannot be said in OCPP 1.6", errors)
    try:
        profile = msgspec.convert(document, v16.ChargingProfile)
    except msgspec.ValidationError as error:
        raise Invalid(f"the charging profile is malformed: {error}") from None
    return profile


def _members(
    value: Mapping[str, Any], path: str, kept: frozenset[str], mapped: set[str], errors: dict[str, list[str]]
) -> dict[str, Any]:
    # What 1.6 has no word for (phaseToUse, salesTariff …) is refused: dropping it would change the meaning.
    for name, member in value.items():
        if member is not None and name not in kept and name not in mapped:
            errors[path + name] = ["has no equivalent in OCPP 1.6"]
    return {name: value[name] for name in kept if value.get(name) is not None}


def _purpose(value: Any, errors: dict[str, list[str]]) -> Any:
    if isinstance(value, str) and value in PURPOSES:
        return PURPOSES[value]
    errors["chargingProfilePurpose"] = [f"must be one of {', '.join(PURPOSES)}"]
    return None


def _transaction_id(value: Any, errors: dict[str, list[str]]) -> int | None:
    text = str(value)
    if re.fullmatch(r"[0-9]{1,10}", text):
        return int(text)
    errors["transactionId"] = ["must be a whole number in OCPP 1.6"]
    return None


def _schedule(value: Any, errors: dict[str, list[str]]) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        errors["chargingSchedule"] = ["must be one schedule"]
        return None
    path = "chargingSchedule."
    mapped = {"id", "chargingSchedulePeriod", "minChargingRate"}
    document = _members(value, path, SCHEDULE_MEMBERS, mapped, errors)
    if value.get("minChargingRate") is not None:
        document["minChargingRate"] = _tenths(value["minChargingRate"], path + "minChargingRate", errors)
    periods = value.get("chargingSchedulePeriod")
    if not isinstance(periods, list) or not all(isinstance(period, Mapping) for period in periods):
        errors[path + "chargingSchedulePeriod"] = ["must be a list of periods"]
        return document
    document["chargingSchedulePeriod"] = [
        {
            **_members(period, f"{path}chargingSchedulePeriod.{i}.", PERIOD_MEMBERS, {"limit"}, errors),
            "limit": _tenths(period.get("limit"), f"{path}chargingSchedulePeriod.{i}.limit", errors),
        }
        for i, period in enumerate(periods)
    ]
    return document


def _tenths(value: Any, path: str, errors: dict[str, list[str]]) -> Decimal | None:
    # Through text: 8.1 as JSON is the decimal 8.1, which no binary float is.
    text = str(value)
    if not isinstance(value, (bool, str)) and TENTHS.fullmatch(text):
        return Decimal(text)
    errors[path] = ["must be a number with at most one decimal"]
    return None
