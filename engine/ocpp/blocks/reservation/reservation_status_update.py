"""A station ends a reservation by itself: ReservationStatusUpdate (2.x H04)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.domain import reservations
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome
from engine.ocpp.vocabulary import RESERVATION_STATUS


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


HANDLERS: Final = (handler(v201.ReservationStatusUpdate, reservation_status_update_v2x),)
