"""Keep an EVSE for an id tag: ReserveNow (1.6 §5.13, 2.x H01)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain import reservations
from engine.domain.state import ChargePoint, Reservation
from engine.ocpp.blocks.tokens import AdditionalInfo, group_token, no_additional_info_v16, token
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Moment, Operation
from engine.ocpp.step import Outcome


class Reserve(Operation, frozen=True):
    """Keep an EVSE for an id tag until `expiresAt`. EVSE 0: any one."""

    reservation_id: int
    id_tag: str
    expires_at: Moment
    evse_number: int = 0
    connector_type: str | None = None  # ConnectorEnumType
    id_type: str = "ISO14443"
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()


def encode_v16(operation: Reserve, _cp: ChargePoint) -> Sequence[Call]:
    if operation.connector_type is not None:
        raise unsupported_v16("reservation of a kind of connector")
    no_additional_info_v16(operation.additional_info)
    members = given(
        reservationId=operation.reservation_id,
        connectorId=operation.evse_number,
        expiryDate=operation.expires_at,
        idTag=operation.id_tag,
        parentIdTag=operation.group_id,
    )
    return [("ReserveNow", members)]


def encode_v2x(operation: Reserve, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        id=operation.reservation_id,
        expiryDateTime=operation.expires_at,
        idToken=token(operation.id_tag, operation.id_type, operation.additional_info),
        evseId=operation.evse_number or None,
        connectorType=operation.connector_type,
        groupIdToken=group_token(operation.group_id),
    )
    return [("ReserveNow", members)]


def check_reserve_now_v16(request: v16.ReserveNow, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.13: a future end and a tag; connector 0 means any, where the charge point allows it."""
    errors = []
    if request.expiry_date <= now:
        errors.append("expiryDate must be in the future")
    if request.connector_id < 0:
        errors.append("connectorId must not be negative")
    if not request.id_tag:
        errors.append("idTag must not be empty")
    return errors


def check_reserve_now_v2x(
    request: v201.ReserveNow | v21.ReserveNow, cp: ChargePoint, now: datetime
) -> list[str]:
    """A future end, a token, and an EVSE, a connector type, both or neither (H01)."""
    errors = []
    if request.expiry_date_time <= now:
        errors.append("expiryDateTime must be in the future")
    if not isinstance(request.evse_id, UnsetType) and request.evse_id <= 0:
        errors.append("evseId must be greater than 0; leave it out to let the charge point choose")
    if not request.id_token.id_token:
        errors.append("idToken.idToken must not be empty")
    return errors


def reserve_now_answered_v16(
    cp: ChargePoint, request: v16.ReserveNow, response: v16.ReserveNowResponse, now: datetime
) -> Outcome:
    """Accepted: the reservation is active. Refused: it never was, or the one it should replace still is."""
    reservation = Reservation(
        id=request.reservation_id,
        connector_number=request.connector_id,
        id_tag=request.id_tag,
        parent_id_tag=request.parent_id_tag or None,
        expiry_date=request.expiry_date,
    )
    return _answered(cp, reservation, response.status, now)


def reserve_now_answered_v2x(
    cp: ChargePoint,
    request: v201.ReserveNow | v21.ReserveNow,
    response: v201.ReserveNowResponse | v21.ReserveNowResponse,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (H01), whose EVSE is what a connector is in 1.6; 0 where none is named."""
    group = request.group_id_token or None
    reservation = Reservation(
        id=request.id,
        connector_number=request.evse_id or 0,
        id_tag=request.id_token.id_token,
        parent_id_tag=group.id_token if group else None,
        expiry_date=request.expiry_date_time,
    )
    return _answered(cp, reservation, response.status, now)


def _answered(cp: ChargePoint, reservation: Reservation, status: str, now: datetime) -> Outcome:
    if status != "Accepted":  # Faulted, Occupied, Rejected and Unavailable alike: OCPP 1.6 §7.42
        # §5.13, H01.FR.02: a request with a known id replaces that reservation; refused, the old one stands.
        return Outcome(state=cp, reply=None)
    state, changes = reservations.hold(cp, reservation, now)
    return Outcome(state=state, reply=None, changes=changes)


OPERATION: Final = define(Reserve, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.ReserveNow, check=check_reserve_now_v16, answered=reserve_now_answered_v16),
    command(v201.ReserveNow, check=check_reserve_now_v2x, answered=reserve_now_answered_v2x),
)
