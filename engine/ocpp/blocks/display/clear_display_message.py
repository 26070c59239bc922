"""Take a message off the display: ClearDisplayMessage (2.x O05)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.changes import DisplayMessageCleared
from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class ClearDisplayMessage(Operation, frozen=True):
    """Take a message off the display, by its number."""

    message_id: int


def encode_v2x(operation: ClearDisplayMessage, _cp: ChargePoint) -> Sequence[Call]:
    return [("ClearDisplayMessage", {"id": operation.message_id})]


def clear_display_message_answered_v2x(
    cp: ChargePoint,
    request: v201.ClearDisplayMessage | v21.ClearDisplayMessage,
    response: v201.ClearDisplayMessageResponse | v21.ClearDisplayMessageResponse,
    now: datetime,
) -> Outcome:
    """Accepted and Unknown both mean that there is no such message (O05.FR.01, FR.02)."""
    if response.status not in {"Accepted", "Unknown"}:
        return Outcome(state=cp, reply=None)
    row = DisplayMessageCleared(charge_point_id=cp.id, message_id=request.id, at=now)
    return Outcome(state=cp, reply=None, changes=(row,))


OPERATION: Final = define(ClearDisplayMessage, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.ClearDisplayMessage, answered=clear_display_message_answered_v2x),)
