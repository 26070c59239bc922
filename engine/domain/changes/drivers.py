"""Who presented a tag, and who reserved."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change, Integer


class AuthorizationMade(Change, frozen=True):
    """authorizations, new row: an id tag was presented and answered."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: Integer | None
    id_tag_uid: str
    id_tag_id: int | None
    user_id: int | None
    method: str  # id_tag | admin | …
    status: str  # accepted | rejected
    rejection_reason: str | None
    created_at: datetime


class ReservationMade(Change, frozen=True):
    """reservations by (charge_point_id, id): active; one that had the number is replaced."""

    id: int
    charge_point_id: int
    operator_id: int
    connector_number: Integer  # the EVSE in OCPP 2.x; 0: any
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime
    at: datetime


class ReservationEnded(Change, frozen=True):
    """reservations by (charge_point_id, id), if it is active; then a row of events too.

    The event is what `ReservationChanged` of domain.notifications says.
    """

    id: int
    charge_point_id: int
    status: str  # done | expired | canceled
    session_id: int | None  # that used it
    news_type: str
    news: bytes  # JSON
    at: datetime
