"""ReserveNow and CancelReservation (OCPP 1.6 §5.13, §5.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import EventPublished, ReservationEnded, ReservationMade
from engine.domain.state import ChargePoint, Reservation
from engine.ocpp.blocks.reservation.cancel_reservation import cancel_reservation_answered_v16
from engine.ocpp.blocks.reservation.reserve import check_reserve_now_v16, reserve_now_answered_v16
from engine.ocpp.messages import v16
from engine.ocpp.step import Outcome


def reserve(now: datetime, **more: Any) -> v16.ReserveNow:
    plain = v16.ReserveNow(
        connector_id=2, expiry_date=now + timedelta(minutes=30), id_tag="TAG", reservation_id=5
    )
    return replace(plain, **more)


def held(now: datetime, **more: Any) -> Reservation:
    plain = Reservation(
        id=5,
        connector_number=2,
        id_tag="TAG",
        parent_id_tag=None,
        expiry_date=now + timedelta(minutes=30),
    )
    return replace(plain, **more)


def statuses(outcome: Outcome) -> list[str]:
    return [change.status for change in outcome.changes if isinstance(change, ReservationEnded)]


def published(outcome: Outcome) -> list[Any]:
    return [msgspec.json.decode(c.payload) for c in outcome.changes if isinstance(c, EventPublished)]


@pytest.mark.proves("1.6", "ReserveNow")
def test_an_accepted_reservation_is_active(cp: ChargePoint, now: datetime) -> None:
    outcome = reserve_now_answered_v16(cp, reserve(now), v16.ReserveNowResponse(status="Accepted"), now)
    assert outcome.reply is None
    assert outcome.state.reservations == {5: held(now)}
    made = ReservationMade(
        id=5,
        charge_point_id=cp.id,
        operator_id=cp.operator_id,
        connector_number=2,
        id_tag="TAG",
        parent_id_tag=None,
        expiry_date=now + timedelta(minutes=30),
        at=now,
    )
    assert outcome.changes[0] == made
    assert published(outcome) == [
        {
            "notification": "reservation.changed",
            "reservationId": 5,
            "status": "active",
            "lastUpdatedAt": "2026-03-01T12:00:00Z",
        }
    ]


@pytest.mark.proves("1.6", "ReserveNow")
@pytest.mark.parametrize("status", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_any_refusal_makes_no_reservation(cp: ChargePoint, now: datetime, status: Any) -> None:
    outcome = reserve_now_answered_v16(cp, reserve(now), v16.ReserveNowResponse(status=status), now)
    assert outcome.state is cp
    assert not outcome.changes


@pytest.mark.proves("1.6", "ReserveNow")
def test_a_known_id_replaces_and_refused_leaves_the_old_one(cp: ChargePoint, now: datetime) -> None:
    state = replace(cp, reservations={5: held(now)})
    later = reserve(now, expiry_date=now + timedelta(hours=2))
    replaced = reserve_now_answered_v16(state, later, v16.ReserveNowResponse(status="Accepted"), now)
    assert replaced.state.reservations[5].expiry_date == now + timedelta(hours=2)
    refused = reserve_now_answered_v16(state, later, v16.ReserveNowResponse(status="Occupied"), now)
    assert refused.state.reservations == {5: held(now)}
    assert not refused.changes


@pytest.mark.proves("1.6", "CancelReservation")
@pytest.mark.parametrize(
    ("answer", "expires_in", "status"),
    [("Accepted", 30, "canceled"), ("Rejected", 30, "canceled"), ("Rejected", -1, "expired")],
)
def test_a_cancellation_ends_the_reservation_whatever_the_answer(
    cp: ChargePoint, now: datetime, answer: Any, expires_in: int, status: str
) -> None:
    other = held(now, id=6)
    mine = held(now, expiry_date=now + timedelta(minutes=expires_in))
    state = replace(cp, reservations={5: mine, 6: other})
    outcome = cancel_reservation_answered_v16(
        state, v16.CancelReservation(reservation_id=5), v16.CancelReservationResponse(status=answer), now
    )
    assert outcome.state.reservations == {6: other}
    assert statuses(outcome) == [status]


@pytest.mark.proves("1.6", "CancelReservation")
def test_a_refused_cancellation_of_an_unknown_reservation_ends_one_that_ran_out(
    cp: ChargePoint, now: datetime
) -> None:
    outcome = cancel_reservation_answered_v16(
        cp, v16.CancelReservation(reservation_id=9), v16.CancelReservationResponse(status="Rejected"), now
    )
    assert (outcome.state, statuses(outcome)) == (cp, ["expired"])  # without effect where none is open


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({}, 0),
        ({"connector_id": 0}, 0),
        ({"connector_id": -1}, 1),
        ({"id_tag": ""}, 1),
        ({"ends": -1}, 1),
        ({"ends": 0}, 1),
    ],
)
def test_what_may_be_reserved(cp: ChargePoint, now: datetime, members: dict[str, Any], count: int) -> None:
    if "ends" in members:
        members = {"expiry_date": now + timedelta(seconds=members["ends"])}
    assert len(check_reserve_now_v16(reserve(now, **members), cp, now)) == count
