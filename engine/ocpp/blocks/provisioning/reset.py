"""Restart a station or an EVSE: Reset (1.6 §5.14, 2.x B11, B12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, since_v21, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation


class Reset(Operation, frozen=True):
    """Restart: at once, at once with transactions that go on afterwards (2.1), or when nobody charges."""

    when: Literal["now", "now_and_resume", "idle"] = "idle"
    evse_number: int = 0


RESETS_V16: Final = {"now": "Hard", "idle": "Soft"}
RESETS_V2X: Final = {"now": "Immediate", "idle": "OnIdle", "now_and_resume": "ImmediateAndResume"}


def encode_v16(operation: Reset, _cp: ChargePoint) -> Sequence[Call]:
    if operation.evse_number:
        raise unsupported_v16("reset of a single connector")
    if operation.when not in RESETS_V16:
        raise unsupported_v16("reset that resumes transactions")
    return [("Reset", {"type": RESETS_V16[operation.when]})]


def encode_v2x(operation: Reset, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, operation.when == "now_and_resume", "reset that resumes transactions")
    return [("Reset", given(type=RESETS_V2X[operation.when], evseId=operation.evse_number or None))]


def check_reset_v2x(request: v201.Reset | v21.Reset, cp: ChargePoint, now: datetime) -> list[str]:
    """One EVSE (B11.FR.08), or by leaving it out the station (B11.FR.03)."""
    wrong = isinstance(request.evse_id, int) and request.evse_id <= 0
    return ["evseId must be greater than 0; leave it out to reset the station"] if wrong else []


OPERATION: Final = define(Reset, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v16.Reset), command(v201.Reset, check=check_reset_v2x))
