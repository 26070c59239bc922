"""Put a station or an EVSE into service or out of it: ChangeAvailability (1.6 §5.2, 2.x G03, G04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint, StationNumber
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, evse_document, given, one_connector_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation


class ChangeAvailability(Operation, frozen=True):
    """Put the station (EVSE 0) or one EVSE into service or take it out; a running transaction ends first."""

    operative: bool
    evse_number: int = 0
    connector_number: int | None = None


def encode_v16(operation: ChangeAvailability, _cp: ChargePoint) -> Sequence[Call]:
    one_connector_v16(operation.connector_number)
    kind = "Operative" if operation.operative else "Inoperative"
    return [("ChangeAvailability", {"connectorId": operation.evse_number, "type": kind})]


def encode_v2x(operation: ChangeAvailability, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        operationalStatus="Operative" if operation.operative else "Inoperative",
        evse=evse_document(operation.evse_number, operation.connector_number),
    )
    return [("ChangeAvailability", members)]


def check_change_availability_v16(
    request: v16.ChangeAvailability, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.2: connector 0 is the charge point with all its connectors."""
    return ["connectorId must not be negative"] if request.connector_id < StationNumber else []


def check_change_availability_v2x(
    request: v201.ChangeAvailability | v21.ChangeAvailability, cp: ChargePoint, now: datetime
) -> list[str]:
    """An EVSE, a connector of one (G03), or by leaving both out the station (G04.FR.01)."""
    evse = request.evse
    errors = []
    if evse and evse.id <= 0:
        errors.append("evse.id must be greater than 0; leave evse out to address the station")
    if evse and isinstance(evse.connector_id, int) and evse.connector_id <= 0:
        errors.append("evse.connectorId must be greater than 0")
    return errors


OPERATION: Final = define(ChangeAvailability, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.ChangeAvailability, check=check_change_availability_v16),
    command(v201.ChangeAvailability, check=check_change_availability_v2x),
)
