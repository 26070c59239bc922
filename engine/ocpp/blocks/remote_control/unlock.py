"""Release the cable of a connector: UnlockConnector (1.6 §5.18, 2.x F05)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, one_connector_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation


class Unlock(Operation, frozen=True):
    """Release the cable of a connector."""

    evse_number: int
    connector_number: int = 1


def encode_v16(operation: Unlock, _cp: ChargePoint) -> Sequence[Call]:
    one_connector_v16(operation.connector_number)
    return [("UnlockConnector", {"connectorId": operation.evse_number})]


def encode_v2x(operation: Unlock, _cp: ChargePoint) -> Sequence[Call]:
    return [("UnlockConnector", {"evseId": operation.evse_number, "connectorId": operation.connector_number})]


def check_unlock_connector_v16(request: v16.UnlockConnector, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §6.53: one connector, never the charge point as a whole."""
    return [] if request.connector_id > 0 else ["connectorId must be greater than 0"]


def check_unlock_connector_v2x(
    request: v201.UnlockConnector | v21.UnlockConnector, cp: ChargePoint, now: datetime
) -> list[str]:
    """F05: one connector of one EVSE."""
    given = {"evseId": request.evse_id, "connectorId": request.connector_id}
    return [f"{name} must be greater than 0" for name, value in given.items() if value <= 0]


OPERATION: Final = define(Unlock, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.UnlockConnector, check=check_unlock_connector_v16),
    command(v201.UnlockConnector, check=check_unlock_connector_v2x),
)
