"""Pass on a signal of the frequency restoration reserve: AFRRSignal (2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Moment, Operation


class SignalReserve(Operation, frozen=True):
    """Pass on a signal of the automatic frequency restoration reserve."""

    at: Moment
    signal: int


def encode_v21(operation: SignalReserve, _cp: ChargePoint) -> Sequence[Call]:
    return [("AFRRSignal", {"timestamp": operation.at, "signal": operation.signal})]


OPERATION: Final = define(SignalReserve, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.AFRRSignal),)
