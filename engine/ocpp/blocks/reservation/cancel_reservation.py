"""Give up a reservation: CancelReservation (1.6 §5.1, 2.x H02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain import reservations
from engine.domain.state import ChargePoint
from engine.domain.vocabulary import ReservationStatus
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class CancelReservation(Operation, frozen=True):
    """Give up a reservation, by its number."""

    reservation_id: int


def encode(operation: CancelReservation, _cp: ChargePoint) -> Sequence[Call]:
    return [("CancelReservation", {"reservationId": operation.reservation_id})]


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


def _canceled(cp: ChargePoint, number: int, status: str, now: datetime) -> Outcome:
    known = cp.reservations.get(number)
    lapsed = status != "Accepted" and (known is None or known.expiry_date <= now)
    state, ended = reservations.end(
        cp, number, ReservationStatus.EXPIRED if lapsed else ReservationStatus.CANCELED, now
    )
    return Outcome(state=state, reply=None, changes=(ended,))


OPERATION: Final = define(CancelReservation, v16=Encoding(encode), v2x=Encoding(encode))
COMMANDS: Final = (
    command(v16.CancelReservation, answered=cancel_reservation_answered_v16),
    command(v201.CancelReservation, answered=cancel_reservation_answered_v2x),
)
