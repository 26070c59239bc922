"""Reservation: ReserveNow and CancelReservation. Whoever asks for a reservation makes its row, which here
follows the charge point's answers; one that led to a session is closed by the transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change, ReservationChanged
from engine.domain.state import ChargePoint, Reservation
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome

NOT_MADE: Final = "rejected"  # Faulted, Occupied, Rejected and Unavailable alike: OCPP 1.6 §7.42


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


def reserve_now_answered_v16(
    cp: ChargePoint, request: v16.ReserveNow, response: v16.ReserveNowResponse, now: datetime
) -> Outcome:
    """Accepted: the reservation is active. Refused: it never was, or the one it should replace still is."""
    number = request.reservation_id
    if response.status != "Accepted":
        # §5.13: a request with a known id replaces that reservation; refused, the old one stands.
        return _outcome(cp, [] if number in cp.reservations else [_change(number, NOT_MADE, now)])
    reservation = Reservation(
        id=number,
        connector_number=request.connector_id,
        id_tag=request.id_tag,
        parent_id_tag=request.parent_id_tag or None,
        expiry_date=request.expiry_date,
    )
    state = replace(cp, reservations={**cp.reservations, number: reservation})
    return _outcome(state, _changed(cp, number, "active", now))


def cancel_reservation_answered_v16(
    cp: ChargePoint, request: v16.CancelReservation, response: v16.CancelReservationResponse, now: datetime
) -> Outcome:
    """Either answer leaves no reservation: Rejected says that none of that id is held there (§7.5)."""
    number = request.reservation_id
    known = cp.reservations.get(number)
    if response.status != "Accepted" and known is None:
        return _outcome(cp, [])
    lapsed = response.status != "Accepted" and known is not None and known.expiry_date <= now
    state = replace(cp, reservations={k: r for k, r in cp.reservations.items() if k != number})
    return _outcome(state, _changed(cp, number, "expired" if lapsed else "canceled", now))


def _outcome(state: ChargePoint, changes: list[Change]) -> Outcome:
    return Outcome(state=state, reply=None, changes=changes)


def _change(number: int, status: str, now: datetime) -> ReservationChanged:
    return ReservationChanged(id=number, status=status, at=now)


def _changed(
    cp: ChargePoint, number: int, status: notifications.ReservationStatus, now: datetime
) -> list[Change]:
    news = notifications.ReservationChanged(reservation_id=number, status=status, last_updated_at=now)
    return [
        _change(number, status, now),
        notifications.publish(news, f"reservation:{number}", cp.operator_id, now),
    ]
