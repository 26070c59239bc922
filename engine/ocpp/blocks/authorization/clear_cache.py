"""Have a station forget which id tags it has seen: ClearCache (1.6 §5.4, 2.x C11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v201
from engine.ocpp.operation import Operation


class ClearCache(Operation, frozen=True):
    """Have the station forget which id tags it has seen."""


def encode(_operation: ClearCache, _cp: ChargePoint) -> Sequence[Call]:
    return [("ClearCache", {})]


OPERATION: Final = define(ClearCache, v16=Encoding(encode), v2x=Encoding(encode))
COMMANDS: Final = (command(v16.ClearCache), command(v201.ClearCache))
