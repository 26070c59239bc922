"""Stop a transaction from afar: RemoteStopTransaction (1.6 §5.12), RequestStopTransaction (2.x F03)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.session.close import stop_asked
from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class Stop(Operation, frozen=True):
    """End a running transaction, by the id that its station gave it."""

    transaction_id: str


MAX_TRANSACTION_ID: Final = 10  # digits


def encode_v16(operation: Stop, _cp: ChargePoint) -> Sequence[Call]:
    return [("RemoteStopTransaction", {"transactionId": number_of(operation.transaction_id)})]


def number_of(transaction_id: str) -> int:
    """Transactions of 1.6 have numbers."""
    plain_number = transaction_id.isascii() and transaction_id.isdecimal()
    if not plain_number or len(transaction_id) > MAX_TRANSACTION_ID:
        raise unsupported_v16(f"transaction {transaction_id!r}: its transactions have numbers")
    return int(transaction_id)


def encode_v2x(operation: Stop, _cp: ChargePoint) -> Sequence[Call]:
    return [("RequestStopTransaction", {"transactionId": operation.transaction_id})]


def check_request_stop_transaction_v2x(
    request: v201.RequestStopTransaction | v21.RequestStopTransaction, cp: ChargePoint, now: datetime
) -> list[str]:
    """A transaction is named as the charge point named it (F03.FR.01)."""
    return [] if request.transaction_id else ["transactionId must not be empty"]


def remote_stop_answered_v16(
    cp: ChargePoint,
    request: v16.RemoteStopTransaction,
    response: v16.RemoteStopTransactionResponse,
    now: datetime,
) -> Outcome:
    """Whatever reason it tells or does not tell, the end of the transaction is ours (OCPP 1.6 §5.12)."""
    return _stopping(cp, str(request.transaction_id), response.status, now)


def request_stop_answered_v2x(
    cp: ChargePoint,
    request: v201.RequestStopTransaction | v21.RequestStopTransaction,
    response: v201.RequestStopTransactionResponse | v21.RequestStopTransactionResponse,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (F03)."""
    return _stopping(cp, request.transaction_id, response.status, now)


def _stopping(cp: ChargePoint, transaction_id: str, status: str, now: datetime) -> Outcome:
    if status != "Accepted":
        return Outcome(state=cp, reply=None)
    state, changes = stop_asked(cp, transaction_id, now)
    return Outcome(state=state, reply=None, changes=changes)


OPERATION: Final = define(Stop, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.RemoteStopTransaction, answered=remote_stop_answered_v16),
    command(
        v201.RequestStopTransaction,
        check=check_request_stop_transaction_v2x,
        answered=request_stop_answered_v2x,
    ),
)
