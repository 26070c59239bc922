"""Show what a transaction has cost so far: CostUpdated (2.x I02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation


class UpdateCost(Operation, frozen=True):
    """Show what a transaction has cost so far, in the currency that the station is set to."""

    transaction_id: str
    total: Decimal


def encode_v2x(operation: UpdateCost, _cp: ChargePoint) -> Sequence[Call]:
    return [("CostUpdated", {"totalCost": operation.total, "transactionId": operation.transaction_id})]


def check_cost_updated_v2x(
    request: v201.CostUpdated | v21.CostUpdated, cp: ChargePoint, now: datetime
) -> list[str]:
    """2.0.1 I02: the running cost of a transaction that runs."""
    if request.transaction_id in cp.sessions:
        return []
    return [f"there is no running transaction {request.transaction_id!r}"]


OPERATION: Final = define(UpdateCost, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.CostUpdated, check=check_cost_updated_v2x),)
