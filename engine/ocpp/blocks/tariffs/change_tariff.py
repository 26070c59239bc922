"""Give a transaction that goes on another tariff: ChangeTransactionTariff (2.1 I11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.tariffs.set_default_tariff import tariff_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class ChangeTariff(Operation, frozen=True):
    """Give a transaction that goes on another tariff."""

    transaction_id: str
    tariff: Mapping[str, Any]


def encode_v21(operation: ChangeTariff, _cp: ChargePoint) -> Sequence[Call]:
    return [
        ("ChangeTransactionTariff", {"transactionId": operation.transaction_id, "tariff": operation.tariff})
    ]


def check_change_transaction_tariff_v21(
    request: v21.ChangeTransactionTariff, cp: ChargePoint, now: datetime
) -> list[str]:
    """Of a transaction that runs here (I11)."""
    errors = tariff_errors(request.tariff)
    if request.transaction_id not in cp.sessions:
        errors.append("transactionId is not running at this station")
    return errors


OPERATION: Final = define(ChangeTariff, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.ChangeTransactionTariff, check=check_change_transaction_tariff_v21),)
