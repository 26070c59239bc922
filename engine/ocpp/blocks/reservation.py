"""Reservation: made, canceled, and over. Whoever asks for a reservation makes its row, which here
follows the charge point's answers; one that led to a session is closed by the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import UnsetType
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change, EventPublished, ReservationChanged, ReservationEnded
from engine.domain.state import ChargePoint, Reservation
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome

NOT_MADE: Final = "rejected"  # Faulted, Occupied, Rejected and Unavailable alike: OCPP 1.6 §7.42
ENDS: Final[Mapping[str, notifications.ReservationStatus]] = {  # ReservationUpdateStatusEnum (H04)
    "Expired": "expired",
    "Removed": "canceled",
    "NoTransaction": "expired",  # 2.1: its user came, and no transaction followed in time
}


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
    number = request.reservation_id
    status = ENDS[request.reservation_update_status]
    if number in cp.reservations:
        changes = _changed(cp, number, status, now)
        return Outcome(state=_without(cp, number), reply=response_to(request), changes=changes)
    # Not loaded: it was made before this connection and had run out when it came back, or is not ours.
    news = _news(cp, number, status, now)
    ended = ReservationEnded(
        id=number, charge_point_id=cp.id, status=status, news_type=news.type, news=news.payload, at=now
    )
    return Outcome(state=cp, reply=response_to(request), changes=(ended,))


def _answered(cp: ChargePoint, reservation: Reservation, status: str, now: datetime) -> Outcome:
    number = reservation.id
    if status != "Accepted":
        # §5.13, H01.FR.02: a request with a known id replaces that reservation; refused, the old one stands.
        return _outcome(cp, [] if number in cp.reservations else [_change(number, NOT_MADE, now)])
    state = replace(cp, reservations={**cp.reservations, number: reservation})
    return _outcome(state, _changed(cp, number, "active", now))


def _canceled(cp: ChargePoint, number: int, status: str, now: datetime) -> Outcome:
    known = cp.reservations.get(number)
    if status != "Accepted" and known is None:
        return _outcome(cp, [])
    lapsed = status != "Accepted" and known is not None and known.expiry_date <= now
    return _outcome(_without(cp, number), _changed(cp, number, "expired" if lapsed else "canceled", now))


def _without(cp: ChargePoint, number: int) -> ChargePoint:
    return replace(cp, reservations={k: r for k, r in cp.reservations.items() if k != number})


def _outcome(state: ChargePoint, changes: list[Change]) -> Outcome:
    return Outcome(state=state, reply=None, changes=changes)


def _change(number: int, status: str, now: datetime) -> ReservationChanged:
    return ReservationChanged(id=number, status=status, at=now)


def _changed(
    cp: ChargePoint, number: int, status: notifications.ReservationStatus, now: datetime
) -> list[Change]:
    return [_change(number, status, now), _news(cp, number, status, now)]


def _news(
    cp: ChargePoint, number: int, status: notifications.ReservationStatus, now: datetime
) -> EventPublished:
    news = notifications.ReservationChanged(reservation_id=number, status=status, last_updated_at=now)
    return notifications.publish(news, f"reservation:{number}", cp.operator_id, now)
