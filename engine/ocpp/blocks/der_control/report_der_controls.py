"""Have a station report its controls of the grid: GetDERControl (2.1 R04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class ReportDerControls(Operation, frozen=True):
    """Have the station report its controls of the grid: one by its id, or all that fit what is given."""

    request_id: int
    control_id: str | None = None
    type: str | None = None
    default: bool | None = None


def encode_v21(operation: ReportDerControls, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        requestId=operation.request_id,
        isDefault=operation.default,
        controlType=operation.type,
        controlId=operation.control_id,
    )
    return [("GetDERControl", members)]


def check_get_der_control_v21(request: v21.GetDERControl, cp: ChargePoint, now: datetime) -> list[str]:
    """By type (R04.FR.34), or by id (R04.FR.35)."""
    return selection_errors(request)


def selection_errors(request: v21.GetDERControl | v21.ClearDERControl) -> list[str]:
    """Controls are named by id or by type, not by both."""
    both = request.control_id is not UNSET and request.control_type is not UNSET
    return ["controlId does not go with controlType"] if both else []


OPERATION: Final = define(ReportDerControls, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.GetDERControl, check=check_get_der_control_v21),)
HANDLERS: Final = (
    handler(v21.ReportDERControl, keeping.kept),
    handler(v21.NotifyDERAlarm, keeping.kept),
    handler(v21.NotifyDERStartStop, keeping.kept),
)
