"""Say which ways of energy transfer a transaction may use: NotifyAllowedEnergyTransfer (2.1 Q02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class AllowEnergyTransfer(Operation, frozen=True):
    """Tell which ways of energy transfer a transaction may use (EnergyTransferModeEnumType)."""

    transaction_id: str
    modes: tuple[str, ...]


def encode_v21(operation: AllowEnergyTransfer, _cp: ChargePoint) -> Sequence[Call]:
    members = {"transactionId": operation.transaction_id, "allowedEnergyTransfer": list(operation.modes)}
    return [("NotifyAllowedEnergyTransfer", members)]


def check_notify_allowed_energy_transfer_v21(
    request: v21.NotifyAllowedEnergyTransfer, cp: ChargePoint, now: datetime
) -> list[str]:
    """Of a transaction that runs here (Q02)."""
    return [] if request.transaction_id in cp.sessions else ["transactionId is not running at this station"]


OPERATION: Final = define(AllowEnergyTransfer, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.NotifyAllowedEnergyTransfer, check=check_notify_allowed_energy_transfer_v21),)
