"""StatusNotification and ChangeAvailability of OCPP 2.x (G01, G03, G04)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.changes import HardwareStatusChanged, SessionClosed
from engine.domain.session.course import on_boot
from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.ocpp.blocks.availability.change_availability import check_change_availability_v2x
from engine.ocpp.blocks.availability.status_notification import status_notification_v2x
from engine.ocpp.step import Facts


def report(words: Any, at: datetime, status: str = "Occupied", evse: int = 2, connector: int = 1) -> Any:
    return words.StatusNotification(
        timestamp=at, connector_status=status, evse_id=evse, connector_id=connector
    )


@pytest.mark.proves("2.x", "StatusNotification")
@pytest.mark.parametrize("status", ["Available", "Occupied", "Reserved", "Unavailable", "Faulted"])
def test_a_connector_is_known_by_its_evse_and_number(
    words: Any, station: ChargePoint, now: datetime, status: str
) -> None:
    outcome = status_notification_v2x(station, report(words, now, status, 2, 3), Facts(), now)
    assert outcome.reply == words.StatusNotificationResponse()
    assert outcome.state.connectors[2, 3].status == status.lower()
    (row,) = [change for change in outcome.changes if isinstance(change, HardwareStatusChanged)]
    assert (row.evse_number, row.connector_number, row.status) == (2, 3, status.lower())


@pytest.mark.proves("2.x", "StatusNotification")
@pytest.mark.parametrize("connector", [0, 1])
def test_evse_0_is_the_station(words: Any, station: ChargePoint, now: datetime, connector: int) -> None:
    request = report(words, now, "Faulted", 0, connector)
    outcome = status_notification_v2x(station, request, Facts(), now)
    assert outcome.state.connectors.keys() == {(0, 0)}
    (row,) = [change for change in outcome.changes if isinstance(change, HardwareStatusChanged)]
    assert (row.evse_number, row.connector_number) == (0, 0)


@pytest.mark.proves("2.x", "StatusNotification")
def test_the_same_status_again_writes_nothing(words: Any, station: ChargePoint, now: datetime) -> None:
    first = status_notification_v2x(station, report(words, now), Facts(), now)
    again = status_notification_v2x(
        first.state, report(words, now + timedelta(minutes=1)), Facts(), now + timedelta(minutes=1)
    )
    assert not again.changes


def test_a_late_report_is_logged_and_not_adopted(words: Any, station: ChargePoint, now: datetime) -> None:
    first = status_notification_v2x(station, report(words, now), Facts(), now)
    before = now - timedelta(minutes=1)
    late = status_notification_v2x(first.state, report(words, before, "Available"), Facts(), now)
    assert late.state.connectors[2, 1].status == "occupied"
    assert [type(change) for change in late.changes] == [HardwareStatusChanged]


@pytest.mark.parametrize(("connector", "closed"), [(1, True), (2, False)])
def test_after_a_boot_only_the_sessions_own_connector_ends_it(
    words: Any, station: ChargePoint, now: datetime, connector: int, closed: bool
) -> None:
    session = Session(
        id=7,
        transaction_id="T7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now - timedelta(hours=1),
    )
    state, _ = on_boot(replace(station, sessions={"T7": session}), now)
    outcome = status_notification_v2x(state, report(words, now, "Available", 1, connector), Facts(), now)
    assert any(isinstance(change, SessionClosed) for change in outcome.changes) is closed


@pytest.mark.proves("2.x", "ChangeAvailability")
@pytest.mark.parametrize(
    ("evse", "errors"), [(None, 0), ((1, None), 0), ((1, 1), 0), ((0, None), 1), ((1, 0), 1)]
)
def test_what_may_be_made_available(
    words: Any, station: ChargePoint, now: datetime, evse: tuple[int, int | None] | None, errors: int
) -> None:
    where: dict[str, Any] = {}
    if evse is not None:
        number, connector = evse
        members = {"id": number} if connector is None else {"id": number, "connector_id": connector}
        where = {"evse": words.EVSE(**members)}
    request = words.ChangeAvailability(operational_status="Operative", **where)
    assert len(check_change_availability_v2x(request, station, now)) == errors
