"""Reservation: made, canceled, and over, as the charge point answers and tells.

One that led to a session is ended by the transaction.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import UnsetType

from engine.domain import reservations
from engine.domain.state import ChargePoint, Reservation
from engine.domain.vocabulary import ReservationStatus
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome
from engine.ocpp.vocabulary import RESERVATION_STATUS


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


def cancel_reservation_answered_v16(
    cp: ChargePoint, request: v16.CancelReservation, response: v16.CancelReservationResponse, now: datetime
) -> Outcome:
    """Either answer leaves no reservation: Rejected says that none of that id is held there (§7.5)."""
    return _canceled(cp, request.reservation_id, response.status, now)


def cancel_reservation_answered_v2x(
    cp: ChargePoint,
    request: v201.CancelReservation | v21.CancelReservation,
    response: v201.CancelReservationResponse | v21.CancelReservationResponse,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (H02.FR.01, FR.02)."""
    return _canceled(cp, request.reservation_id, response.status, now)


def reservation_status_update_v2x(
    cp: ChargePoint,
    request: v201.ReservationStatusUpdate | v21.ReservationStatusUpdate,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """A reservation is over without having been used (H04.FR.01), or was removed (H01.FR.16, FR.17)."""
    status = RESERVATION_STATUS[request.reservation_update_status]
    state, ended = reservations.end(cp, request.reservation_id, status, now)
    return Outcome(state=state, reply=response_to(request), changes=(ended,))


def _answered(cp: ChargePoint, reservation: Reservation, status: str, now: datetime) -> Outcome:
    if status != "Accepted":  # Faulted, Occupied, Rejected and Unavailable alike: OCPP 1.6 §7.42
        # §5.13, H01.FR.02: a request with a known id replaces that reservation; refused, the old one stands.
        return Outcome(state=cp, reply=None)
    state, changes = reservations.hold(cp, reservation, now)
    return Outcome(state=state, reply=None, changes=changes)


def _canceled(cp: ChargePoint, number: int, status: str, now: datetime) -> Outcome:
    known = cp.reservations.get(number)
    lapsed = status != "Accepted" and (known is None or known.expiry_date <= now)
    state, ended = reservations.end(
        cp, number, ReservationStatus.EXPIRED if lapsed else ReservationStatus.CANCELED, now
    )
    return Outcome(state=state, reply=None, changes=(ended,))
