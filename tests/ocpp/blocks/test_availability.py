"""StatusNotification (OCPP 1.6 §4.9) and ChangeAvailability (§5.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import EventPublished, HardwareStatusChanged, SessionClosed
from engine.domain.session.course import on_boot
from engine.domain.state import ChargePoint, Connector, Session, SessionStatus
from engine.ocpp.blocks.availability.change_availability import check_change_availability_v16
from engine.ocpp.blocks.availability.status_notification import MAX_CONNECTORS, status_notification_v16
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Outcome


def report(connector_id: int = 1, status: Any = "Available", **more: Any) -> v16.StatusNotification:
    plain = v16.StatusNotification(connector_id=connector_id, error_code="NoError", status=status)
    return replace(plain, **more)


def hardware(outcome: Outcome) -> list[HardwareStatusChanged]:
    return [change for change in outcome.changes if isinstance(change, HardwareStatusChanged)]


def events(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(change.payload)
        for change in outcome.changes
        if isinstance(change, EventPublished) and change.type == "HardwareStatusNotification"
    ]


@pytest.mark.proves("1.6", "StatusNotification")
@pytest.mark.parametrize(
    ("ocpp", "ours"),
    [
        ("Available", "available"),
        ("Preparing", "preparing"),
        ("Charging", "charging"),
        ("SuspendedEVSE", "suspendedEVSE"),
        ("SuspendedEV", "suspendedEV"),
        ("Finishing", "finishing"),
        ("Reserved", "reserved"),
        ("Unavailable", "unavailable"),
        ("Faulted", "faulted"),
    ],
)
def test_every_status_has_our_name(cp: ChargePoint, now: datetime, ocpp: str, ours: str) -> None:
    outcome = status_notification_v16(cp, report(status=ocpp), Facts(), now)
    assert [change.status for change in hardware(outcome)] == [ours]
    assert outcome.state.connectors[1, 1].status == ours
    assert outcome.reply == v16.StatusNotificationResponse()
    assert outcome.durable


@pytest.mark.proves("1.6", "StatusNotification")
def test_connector_0_is_the_charge_point(cp: ChargePoint, now: datetime) -> None:
    outcome = status_notification_v16(cp, report(0, "Unavailable"), Facts(), now)
    [change] = hardware(outcome)
    assert (change.evse_number, change.connector_number) == (0, 0)
    assert "evseNumber" not in events(outcome)[0]


@pytest.mark.proves("1.6", "StatusNotification")
def test_connector_n_is_evse_n_with_one_connector(cp: ChargePoint, now: datetime) -> None:
    outcome = status_notification_v16(cp, report(3), Facts(), now)
    [change] = hardware(outcome)
    assert (change.evse_number, change.connector_number) == (3, 1)
    assert events(outcome)[0]["evseNumber"] == 3


def test_a_negative_connector_is_acknowledged_and_forgotten(cp: ChargePoint, now: datetime) -> None:
    outcome = status_notification_v16(cp, report(-1), Facts(), now)
    assert outcome == Outcome(state=cp, reply=v16.StatusNotificationResponse())


def test_a_charge_point_cannot_invent_connectors_without_end(cp: ChargePoint, now: datetime) -> None:
    state = cp
    for number in range(MAX_CONNECTORS + 5):
        outcome = status_notification_v16(state, report(number), Facts(), now)
        assert outcome.reply == v16.StatusNotificationResponse()
        state = outcome.state
    assert len(state.connectors) == MAX_CONNECTORS
    assert not outcome.changes
    known = status_notification_v16(state, report(1, "Charging"), Facts(), now)
    assert known.state.connectors[1, 1].status == "charging"


def test_error_code_and_vendor_error_are_kept(cp: ChargePoint, now: datetime) -> None:
    request = report(
        status="Faulted",
        error_code="GroundFailure",
        info="RCD",
        vendor_id="com.acme",
        vendor_error_code="E-17",
        timestamp=now - timedelta(seconds=5),
    )
    outcome = status_notification_v16(cp, request, Facts(), now)
    assert hardware(outcome) == [
        HardwareStatusChanged(
            charge_point_id=12,
            evse_number=1,
            connector_number=1,
            status="faulted",
            error_code="GroundFailure",
            info="RCD",
            vendor_id="com.acme",
            vendor_error_code="E-17",
            at=now - timedelta(seconds=5),
            received_at=now,
        )
    ]
    assert events(outcome) == [
        {
            "notification": "HardwareStatusNotification",
            "chargePointId": 12,
            "evseNumber": 1,
            "timestamp": "2026-03-01T11:59:55Z",
            "hardwareStatus": "faulted",
            "errorCode": "GroundFailure",
            "info": "RCD",
            "vendorId": "com.acme",
            "vendorErrorCode": "E-17",
        }
    ]


@pytest.mark.parametrize(
    "timestamp",
    [
        msgspec.UNSET,
        datetime(1970, 1, 1, 0, 3, tzinfo=UTC),
        datetime(2099, 1, 1, tzinfo=UTC),
    ],
    ids=["absent", "clock never set", "clock far ahead"],
)
def test_without_a_believable_time_the_time_of_receipt_counts(
    cp: ChargePoint, now: datetime, timestamp: Any
) -> None:
    outcome = status_notification_v16(cp, report(timestamp=timestamp), Facts(), now)
    assert outcome.state.connectors[1, 1].at == now


def test_a_late_report_is_logged_but_does_not_overwrite(cp: ChargePoint, now: datetime) -> None:
    state = replace(cp, connectors={(1, 1): Connector(status="charging", at=now)})
    outcome = status_notification_v16(
        state, report(status="Preparing", timestamp=now - timedelta(minutes=1)), Facts(), now
    )
    assert [change.status for change in hardware(outcome)] == ["preparing"]
    assert outcome.state.connectors == state.connectors
    assert events(outcome) == []


def test_a_repeated_report_writes_nothing_but_counts_as_newer(cp: ChargePoint, now: datetime) -> None:
    first = status_notification_v16(cp, report(timestamp=now - timedelta(hours=1)), Facts(), now)
    again = status_notification_v16(first.state, report(timestamp=now), Facts(), now)
    assert not again.changes
    late = status_notification_v16(
        again.state, report(status="Charging", timestamp=now - timedelta(minutes=1)), Facts(), now
    )
    assert late.state.connectors[1, 1].status == "available"


def test_the_same_status_with_another_error_is_news(cp: ChargePoint, now: datetime) -> None:
    first = status_notification_v16(cp, report(status="Faulted", error_code="OverVoltage"), Facts(), now)
    second = status_notification_v16(
        first.state, report(status="Faulted", error_code="UnderVoltage"), Facts(), now
    )
    assert [change.error_code for change in hardware(second)] == ["UnderVoltage"]


@pytest.mark.proves("1.6", "ChangeAvailability")
@pytest.mark.parametrize(("connector_id", "count"), [(-1, 1), (0, 0), (2, 0)])
def test_change_availability_addresses_a_connector_or_all(
    cp: ChargePoint, now: datetime, connector_id: int, count: int
) -> None:
    request = v16.ChangeAvailability(connector_id=connector_id, type="Inoperative")
    assert len(check_change_availability_v16(request, cp, now)) == count


def test_available_again_after_a_boot_ends_the_session_whose_stop_is_missing(
    cp: ChargePoint, now: datetime
) -> None:
    session = Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now - timedelta(hours=2),
    )
    state = replace(
        cp,
        sessions={"7": session},
        connectors={(1, 1): Connector(status="available", at=now - timedelta(hours=3))},
    )
    before = status_notification_v16(state, report(), Facts(), now)
    assert set(before.state.sessions) == {"7"}
    booted, _ = on_boot(before.state, now)
    after = status_notification_v16(booted, report(), Facts(), now + timedelta(seconds=1))
    assert after.state.sessions == {}
    assert [change.id for change in after.changes if isinstance(change, SessionClosed)] == [7]


@pytest.mark.parametrize("back", [timedelta(microseconds=1), timedelta(seconds=1), timedelta(seconds=29)])
def test_of_live_reports_the_last_one_counts_whatever_its_stamp(
    cp: ChargePoint, now: datetime, back: timedelta
) -> None:
    stamped_by_us = status_notification_v16(cp, report(status="Charging"), Facts(), now)
    later = now + timedelta(milliseconds=5)
    free = report(status="Available", timestamp=now - back)
    outcome = status_notification_v16(stamped_by_us.state, free, Facts(), later)
    assert outcome.state.connectors[1, 1].status == "available"
    # The row must not be older than the one that it replaces: the database keeps the newer one.
    assert [change.at for change in hardware(outcome)] == [now]


def test_a_live_report_ends_a_session_after_a_boot_though_its_stamp_is_older(
    cp: ChargePoint, now: datetime
) -> None:
    at = now + timedelta(minutes=10, microseconds=7)
    opened = Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
    )
    state = status_notification_v16(replace(cp, sessions={"7": opened}), report(), Facts(), at).state
    state, _ = on_boot(state, at)
    free = report(status="Available", timestamp=at.replace(microsecond=0))
    outcome = status_notification_v16(state, free, Facts(), at + timedelta(seconds=1))
    assert [change.id for change in outcome.changes if isinstance(change, SessionClosed)] == [7]


@pytest.mark.parametrize(
    ("connected", "counts"), [(timedelta(hours=2), True), (timedelta(minutes=30), False), (None, False)]
)
def test_a_clock_that_is_set_back_while_the_station_is_connected_hides_nothing(
    cp: ChargePoint, now: datetime, connected: timedelta | None, counts: bool
) -> None:
    """Before it was connected, such a stamp is that of a report which waited."""
    state = replace(cp, connected_at=None if connected is None else now - connected)
    charging = report(status="Charging", timestamp=now)
    state = status_notification_v16(state, charging, Facts(), now).state
    free = report(status="Available", timestamp=now - timedelta(hours=1))
    outcome = status_notification_v16(state, free, Facts(), now + timedelta(minutes=1))
    assert outcome.state.connectors[1, 1].status == ("available" if counts else "charging")
    again = report(status="Charging", timestamp=now - timedelta(minutes=59))
    outcome = status_notification_v16(outcome.state, again, Facts(), now + timedelta(minutes=2))
    assert outcome.state.connectors[1, 1].status == "charging"
