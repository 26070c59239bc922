"""What becomes of reservations: held while the charge point says so, over for one of four reasons.

The row is the charge point's and the number its own: two stations may use the same one. Who asks for a
reservation and what the charge point answers is the protocol's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from engine.domain.changes import Change, ReservationEnded, ReservationMade
from engine.domain.notifications import ReservationChanged, publish
from engine.domain.state import ChargePoint, Reservation
from engine.domain.vocabulary import ReservationStatus


def hold(cp: ChargePoint, made: Reservation, now: datetime) -> tuple[ChargePoint, Sequence[Change]]:
    """The charge point holds it from now on, in place of the one that had its number."""
    row = ReservationMade(
        id=made.id,
        charge_point_id=cp.id,
        operator_id=cp.operator_id,
        connector_number=made.connector_number,
        id_tag=made.id_tag,
        parent_id_tag=made.parent_id_tag,
        expiry_date=made.expiry_date,
        at=now,
    )
    news = ReservationChanged(reservation_id=made.id, status=ReservationStatus.ACTIVE, last_updated_at=now)
    told = publish(news, f"reservation:{made.id}", cp.operator_id, now)
    return replace(cp, reservations={**cp.reservations, made.id: made}), (row, told)


def end(
    cp: ChargePoint, number: int, status: ReservationStatus, now: datetime, session_id: int | None = None
) -> tuple[ChargePoint, Change]:
    """It is over; `session_id` where a session used it.

    One that is not loaded (it had run out when the station came back) may still be open in the store, so that
    decides whether anything changes and anybody is told.
    """
    news = ReservationChanged(reservation_id=number, status=status, last_updated_at=now)
    told = publish(news, f"reservation:{number}", cp.operator_id, now)
    ended = ReservationEnded(
        id=number,
        charge_point_id=cp.id,
        status=status,
        session_id=session_id,
        news_type=told.type,
        news=told.payload,
        at=now,
    )
    left = {held: kept for held, kept in cp.reservations.items() if held != number}
    return replace(cp, reservations=left), ended
