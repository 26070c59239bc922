"""Reservations of OCPP 2.x: made, canceled, over (H01, H02, H04)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.changes import ReservationEnded, ReservationMade
from engine.domain.state import ChargePoint, Reservation
from engine.ocpp.blocks.reservation.cancel_reservation import cancel_reservation_answered_v2x
from engine.ocpp.blocks.reservation.reservation_status_update import reservation_status_update_v2x
from engine.ocpp.blocks.reservation.reserve import check_reserve_now_v2x, reserve_now_answered_v2x
from engine.ocpp.step import Facts, Outcome


def reserve(words: Any, now: datetime, **more: Any) -> Any:
    members = {
        "id": 5,
        "expiry_date_time": now + timedelta(minutes=30),
        "id_token": words.IdToken(id_token="TAG", type="ISO14443"),
    }
    return words.ReserveNow(**{**members, **more})


def holding(cp: ChargePoint, now: datetime) -> ChargePoint:
    held = {
        number: Reservation(
            id=number,
            connector_number=1,
            id_tag="TAG",
            parent_id_tag=None,
            expiry_date=now + timedelta(minutes=30),
        )
        for number in (5, 6)
    }
    return replace(cp, reservations=held)


def statuses(outcome: Outcome) -> list[tuple[int, str]]:
    return [(c.id, c.status) for c in outcome.changes if isinstance(c, ReservationEnded)]


@pytest.mark.proves("2.x", "ReserveNow")
@pytest.mark.parametrize(
    ("members", "number"), [({"evse_id": 2}, 2), ({"connector_type": "cCCS2"}, 0), ({}, 0)]
)
def test_an_accepted_reservation_is_active(
    words: Any, station: ChargePoint, now: datetime, members: dict[str, Any], number: int
) -> None:
    group = words.IdToken(id_token="FLEET", type="Central")
    request = reserve(words, now, group_id_token=group, **members)
    answer = words.ReserveNowResponse(status="Accepted")
    outcome = reserve_now_answered_v2x(station, request, answer, now)
    held = outcome.state.reservations[5]
    assert (held.connector_number, held.id_tag, held.parent_id_tag) == (number, "TAG", "FLEET")
    made = outcome.changes[0]
    assert isinstance(made, ReservationMade)
    assert (made.id, made.charge_point_id, made.connector_number) == (5, station.id, number)


@pytest.mark.proves("2.x", "ReserveNow")
@pytest.mark.parametrize("status", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_a_refusal_makes_none_and_leaves_an_older_one(
    words: Any, station: ChargePoint, now: datetime, status: str
) -> None:
    answer = words.ReserveNowResponse(status=status)
    fresh = reserve_now_answered_v2x(station, reserve(words, now), answer, now)
    assert not fresh.changes
    replaced = reserve_now_answered_v2x(holding(station, now), reserve(words, now), answer, now)
    assert (statuses(replaced), set(replaced.state.reservations)) == ([], {5, 6})


@pytest.mark.proves("2.x", "CancelReservation")
@pytest.mark.parametrize("status", ["Accepted", "Rejected"])
def test_a_cancellation_leaves_none(words: Any, station: ChargePoint, now: datetime, status: str) -> None:
    request = words.CancelReservation(reservation_id=5)
    answer = words.CancelReservationResponse(status=status)
    outcome = cancel_reservation_answered_v2x(holding(station, now), request, answer, now)
    assert (statuses(outcome), set(outcome.state.reservations)) == ([(5, "canceled")], {6})


@pytest.mark.proves("2.x", "ReservationStatusUpdate")
@pytest.mark.parametrize(("told", "status"), [("Expired", "expired"), ("Removed", "canceled")])
def test_a_reservation_is_over_when_the_station_says_so(
    words: Any, station: ChargePoint, now: datetime, told: str, status: str
) -> None:
    request = words.ReservationStatusUpdate(reservation_id=5, reservation_update_status=told)
    outcome = reservation_status_update_v2x(holding(station, now), request, Facts(), now)
    assert outcome.reply == words.ReservationStatusUpdateResponse()
    assert (statuses(outcome), set(outcome.state.reservations)) == ([(5, status)], {6})


@pytest.mark.proves("2.x", "ReservationStatusUpdate")
def test_a_reservation_that_is_not_loaded_is_ended_if_it_is_of_this_station(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    request = words.ReservationStatusUpdate(reservation_id=77, reservation_update_status="Expired")
    outcome = reservation_status_update_v2x(holding(station, now), request, Facts(), now)
    assert outcome.reply == words.ReservationStatusUpdateResponse()
    assert set(outcome.state.reservations) == {5, 6}
    [ended] = outcome.changes
    assert isinstance(ended, ReservationEnded)
    assert (ended.id, ended.charge_point_id, ended.status) == (77, 12, "expired")
    assert msgspec.json.decode(ended.news)["reservationId"] == 77


@pytest.mark.proves("2.x", "ReserveNow")
@pytest.mark.parametrize(
    ("members", "errors"),
    [({}, 0), ({"evse_id": 1}, 0), ({"evse_id": 0}, 1), ({"ends": 0}, 1), ({"uid": ""}, 1)],
)
def test_what_may_be_reserved(
    words: Any, station: ChargePoint, now: datetime, members: dict[str, Any], errors: int
) -> None:
    given = {
        "expiry_date_time": now + timedelta(seconds=members.get("ends", 60)),
        "id_token": words.IdToken(id_token=members.get("uid", "TAG"), type="ISO14443"),
        "evse_id": members.get("evse_id", UNSET),
    }
    assert len(check_reserve_now_v2x(reserve(words, now, **given), station, now)) == errors
