"""Ask what a station will draw: GetCompositeSchedule (1.6 §5.7, 2.x K08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Document, Moment, Operation, Result
from engine.ocpp.results import as_kind, result_of

Unit = Literal["A", "W"]


class GetCompositeSchedule(Operation, frozen=True):
    """What the station will draw in the next `duration` seconds, in A or W; EVSE 0: as a whole."""

    evse_number: int
    duration: int  # seconds
    unit: Unit | None = None


class Period(Document, frozen=True):
    start: int  # seconds
    limit: float | None
    phases: int | None = None


class Schedule(Result, frozen=True):
    evse_number: int | None = None
    begins_at: Moment | None = None
    duration: int | None = None  # seconds
    unit: str | None = None
    periods: tuple[Period, ...] = ()


def encode_v16(operation: GetCompositeSchedule, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        connectorId=operation.evse_number, duration=operation.duration, chargingRateUnit=operation.unit
    )
    return [("GetCompositeSchedule", members)]


def read_v16(_operation: GetCompositeSchedule, answers: Sequence[v16.GetCompositeScheduleResponse]) -> Result:
    (answer,) = answers
    schedule = answer.charging_schedule
    if not schedule:
        return as_kind(Schedule, result_of(answer))
    return as_kind(
        Schedule,
        result_of(answer),
        evse_number=answer.connector_id or 0,
        begins_at=answer.schedule_start or schedule.start_schedule or None,
        duration=schedule.duration or None,
        unit=schedule.charging_rate_unit,
        periods=tuple(
            Period(start=p.start_period, limit=float(p.limit), phases=p.number_phases or None)
            for p in schedule.charging_schedule_period
        ),
    )


def encode_v2x(operation: GetCompositeSchedule, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        evseId=operation.evse_number, duration=operation.duration, chargingRateUnit=operation.unit
    )
    return [("GetCompositeSchedule", members)]


def read_v2x(_operation: GetCompositeSchedule, answers: Sequence[Any]) -> Result:
    answer = answers[0]
    schedule = answer.schedule
    if not schedule:
        return as_kind(Schedule, result_of(answer))
    return as_kind(
        Schedule,
        result_of(answer),
        evse_number=schedule.evse_id,
        begins_at=schedule.schedule_start,
        duration=schedule.duration,
        unit=schedule.charging_rate_unit,
        periods=tuple(
            Period(
                start=period.start_period,
                limit=None if period.limit is UNSET else float(period.limit),
                phases=period.number_phases or None,
            )
            for period in schedule.charging_schedule_period
        ),
    )


def check_get_composite_schedule_v16(
    request: v16.GetCompositeSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.7."""
    errors = [] if request.duration > 0 else ["duration must be greater than 0"]
    return errors if request.connector_id >= 0 else [*errors, "connectorId must not be negative"]


def check_get_composite_schedule_v2x(
    request: v201.GetCompositeSchedule | v21.GetCompositeSchedule, cp: ChargePoint, now: datetime
) -> list[str]:
    """K08.FR.02: some time from now on."""
    errors = [] if request.duration > 0 else ["duration must be greater than 0"]
    return errors if request.evse_id >= 0 else [*errors, "evseId must not be negative"]


OPERATION: Final = define(
    GetCompositeSchedule,
    v16=Encoding(encode_v16, read_v16),
    v2x=Encoding(encode_v2x, read_v2x),
)
COMMANDS: Final = (
    command(v16.GetCompositeSchedule, check=check_get_composite_schedule_v16),
    command(v201.GetCompositeSchedule, check=check_get_composite_schedule_v2x),
)
