"""Ask whether a transaction goes on: GetTransactionStatus (2.x E14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.transactions.transactions_v2x import get_transaction_status_answered_v2x
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v201
from engine.ocpp.operation import Operation, Result, Verdict


class GetTransactionStatus(Operation, frozen=True):
    """Whether a transaction goes on, and whether the station still has messages to deliver."""

    transaction_id: str | None = None


class TransactionStatus(Result, frozen=True):
    ongoing: bool | None = None
    messages_waiting: bool = False


def encode_v2x(operation: GetTransactionStatus, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetTransactionStatus", given(transactionId=operation.transaction_id))]


def read_v2x(_operation: object, answers: Sequence[Any]) -> Result:
    ongoing = answers[0].ongoing_indicator
    return TransactionStatus(
        verdict=Verdict.ACCEPTED,
        word="Accepted",
        ongoing=None if ongoing is UNSET else ongoing,
        messages_waiting=answers[0].messages_in_queue,
    )


OPERATION: Final = define(GetTransactionStatus, v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (command(v201.GetTransactionStatus, answered=get_transaction_status_answered_v2x),)
