"""Payment on the web (2.1 C25): a station is told of one; settlements are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class ShowWebPayment(Operation, frozen=True):
    """Tell an EVSE that somebody is paying for it on the web; it waits that many seconds."""

    evse_number: int
    timeout: int


def encode_v21(operation: ShowWebPayment, _cp: ChargePoint) -> Sequence[Call]:
    return [("NotifyWebPaymentStarted", {"evseId": operation.evse_number, "timeout": operation.timeout})]


OPERATION: Final = define(ShowWebPayment, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.NotifyWebPaymentStarted),)
HANDLERS: Final = (
    handler(v21.NotifyWebPaymentStarted, keeping.kept),  # ours to send (C25); some stations send it
    handler(v21.NotifySettlement, keeping.kept),
)
