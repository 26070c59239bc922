"""Ask whether a transaction goes on: GetTransactionStatus (2.x E14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET

from engine.domain.session import ending
from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation, Result, Verdict
from engine.ocpp.step import Outcome

MAX_ASKED: Final = 16  # transactions asked about at once; more EVSEs than a charge point has


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


def ask_open_transactions_v201(cp: ChargePoint) -> Sequence[v201.GetTransactionStatus]:
    """What to ask a charge point that is back while transactions are open here (2.0.1 E14)."""
    return [v201.GetTransactionStatus(transaction_id=number) for number in _asked(cp)]


def ask_open_transactions_v21(cp: ChargePoint) -> Sequence[v21.GetTransactionStatus]:
    """The same in OCPP 2.1."""
    return [v21.GetTransactionStatus(transaction_id=number) for number in _asked(cp)]


def _asked(cp: ChargePoint) -> list[str]:
    if not cp.settings.ask_transactions_after_connect:
        return []
    # One that has a position was told of on this connection.
    return [number for number, session in cp.sessions.items() if session.position is None][:MAX_ASKED]


def get_transaction_status_answered_v2x(
    cp: ChargePoint,
    request: v201.GetTransactionStatus | v21.GetTransactionStatus,
    response: v201.GetTransactionStatusResponse | v21.GetTransactionStatusResponse,
    now: datetime,
) -> Outcome:
    """Closes a transaction that is over and of which nothing more will come (2.0.1 E14)."""
    over = response.ongoing_indicator is False and not response.messages_in_queue
    if not over or not request.transaction_id:
        return Outcome(state=cp, reply=None)
    state, changes = ending.not_ongoing(cp, request.transaction_id, now)
    return Outcome(state=state, reply=None, changes=changes)


OPERATION: Final = define(GetTransactionStatus, v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (command(v201.GetTransactionStatus, answered=get_transaction_status_answered_v2x),)
