"""Dynamic charging profiles (2.1 K28): new values from us, and what a station asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks.smart_charging.held_v2x import amended, held_profile
from engine.ocpp.blocks.smart_charging.profiles_v2x import profile_errors
from engine.ocpp.blocks.smart_charging.vehicle_charging import decoded
from engine.ocpp.blocks.smart_charging.vehicle_needs import vehicle_errors
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class UpdateDynamicSchedule(Operation, frozen=True):
    """Give a dynamic profile new values, in the shape of 2.1's ChargingScheduleUpdateType."""

    profile_id: int
    values: Mapping[str, Any]


# Members of ChargingScheduleUpdate: what of a dynamic profile's one period may change from minute to minute.
DYNAMIC: Final = v21.ChargingScheduleUpdate.__struct_fields__[:-1]  # all but customData


def encode_v21(operation: UpdateDynamicSchedule, _cp: ChargePoint) -> Sequence[Call]:
    members = {"chargingProfileId": operation.profile_id, "scheduleUpdate": operation.values}
    return [("UpdateDynamicSchedule", members)]


def check_update_dynamic_schedule_v21(
    request: v21.UpdateDynamicSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something of a profile that is dynamic, if we know it (2.1 K28.FR.11), and that it may have."""
    if all(getattr(request.schedule_update, name) is UNSET for name in DYNAMIC):
        return ["scheduleUpdate must not be empty"]
    held = held_profile(cp, request.charging_profile_id)
    profile = decoded(held, "ocpp2.1") if held is not None else None
    if held is None or not isinstance(profile, v21.ChargingProfile):
        return []
    if profile.charging_profile_kind != "Dynamic":
        return ["chargingProfileId is not that of a Dynamic profile"]
    updated = _updated(profile, request.schedule_update)
    errors = profile_errors(updated, "scheduleUpdate")
    return errors + vehicle_errors(updated, held.evse_number, cp, now)


def update_dynamic_schedule_answered_v21(
    cp: ChargePoint,
    request: v21.UpdateDynamicSchedule,
    response: v21.UpdateDynamicScheduleResponse,
    now: datetime,
) -> Outcome:
    """Accepted: the profile that is held has these values now (2.1 K28.FR.06, FR.09)."""
    held = held_profile(cp, request.charging_profile_id)
    profile = decoded(held, "ocpp2.1") if held is not None else None
    if response.status != "Accepted" or held is None or not isinstance(profile, v21.ChargingProfile):
        return Outcome(state=cp, reply=None)
    updated = replace(_updated(profile, request.schedule_update), dyn_update_time=now)
    return amended(cp, held, rpc.encode(updated), now)


def _updated(profile: v21.ChargingProfile, update: v21.ChargingScheduleUpdate) -> v21.ChargingProfile:
    """The profile with these values in its one period."""
    first, *others = profile.charging_schedule
    values = {name: getattr(update, name) for name in DYNAMIC}
    given = {name: value for name, value in values.items() if value is not UNSET}
    period = replace(first.charging_schedule_period[0], **given)
    schedule = replace(first, charging_schedule_period=[period])
    return replace(profile, charging_schedule=[schedule, *others])


def pull_dynamic_schedule_update_v21(
    cp: ChargePoint, request: v21.PullDynamicScheduleUpdate, facts: Facts, now: datetime
) -> Outcome:
    """The present values of a dynamic profile that we set (2.1 K28.FR.07); of any other none (K28.FR.12)."""
    held = held_profile(cp, request.charging_profile_id)
    profile = decoded(held, "ocpp2.1") if held is not None else None
    if not isinstance(profile, v21.ChargingProfile) or profile.charging_profile_kind != "Dynamic":
        info = v21.StatusInfo(reason_code="InvalidProfile")
        return Outcome(
            state=cp, reply=v21.PullDynamicScheduleUpdateResponse(status="Rejected", status_info=info)
        )
    period = profile.charging_schedule[0].charging_schedule_period[0]
    update = v21.ChargingScheduleUpdate(**{name: getattr(period, name) for name in DYNAMIC})
    reply = v21.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=update)
    return Outcome(state=cp, reply=reply)


OPERATION: Final = define(UpdateDynamicSchedule, v21=Encoding(encode_v21))
COMMANDS: Final = (
    command(
        v21.UpdateDynamicSchedule,
        check=check_update_dynamic_schedule_v21,
        answered=update_dynamic_schedule_answered_v21,
    ),
)
HANDLERS: Final = (handler(v21.PullDynamicScheduleUpdate, pull_dynamic_schedule_update_v21),)
