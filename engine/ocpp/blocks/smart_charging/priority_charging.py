"""Priority charging (2.1 K21, K22): asked for by us, or told by the station."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class UsePriorityCharging(Operation, frozen=True):
    """Switch a transaction to the station's profile for priority charging, or back."""

    transaction_id: str
    active: bool = True


def encode_v21(operation: UsePriorityCharging, _cp: ChargePoint) -> Sequence[Call]:
    return [
        ("UsePriorityCharging", {"transactionId": operation.transaction_id, "activate": operation.active})
    ]


def check_use_priority_charging_v21(
    request: v21.UsePriorityCharging, cp: ChargePoint, now: datetime
) -> list[str]:
    """A transaction that runs here (2.1 K21.FR.02)."""
    return [] if request.transaction_id in cp.sessions else ["transactionId is not running at this station"]


OPERATION: Final = define(UsePriorityCharging, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.UsePriorityCharging, check=check_use_priority_charging_v21),)
HANDLERS: Final = (handler(v21.NotifyPriorityCharging, keeping.kept),)
