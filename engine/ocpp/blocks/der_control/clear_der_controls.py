"""Clear controls of the grid: ClearDERControl (2.1 R04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.der_control.report_der_controls import selection_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class ClearDerControls(Operation, frozen=True):
    """Clear controls of the grid: one by its id, or all default (or scheduled) ones, of one type if given."""

    default: bool
    control_id: str | None = None
    type: str | None = None


def encode_v21(operation: ClearDerControls, _cp: ChargePoint) -> Sequence[Call]:
    members = given(isDefault=operation.default, controlType=operation.type, controlId=operation.control_id)
    return [("ClearDERControl", members)]


def check_clear_der_control_v21(request: v21.ClearDERControl, cp: ChargePoint, now: datetime) -> list[str]:
    """By type (R04.FR.45), by id (R04.FR.42), or all (R04.FR.44)."""
    return selection_errors(request)


OPERATION: Final = define(ClearDerControls, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.ClearDERControl, check=check_clear_der_control_v21),)
