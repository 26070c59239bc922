"""Boots and heartbeats (OCPP 1.6 §4.2, §4.6)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import ChargePointBooted, EventPublished
from engine.domain.state import ChargePoint, Registration, Session, SessionStatus, StationSettings
from engine.ocpp.blocks.provisioning.boot_notification import boot_notification_v16
from engine.ocpp.blocks.provisioning.heartbeat import heartbeat_v16
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts

BOOT = v16.BootNotification(
    charge_point_vendor="Acme",
    charge_point_model="Twin",
    charge_point_serial_number="S-1",
    firmware_version="1.2.3",
    meter_type="M",
)


@pytest.mark.proves("1.6", "BootNotification")
@pytest.mark.parametrize(
    ("registration", "interval", "booted"),
    [
        (Registration.ACCEPTED, 300, True),
        (Registration.PENDING, 60, False),
        (Registration.REJECTED, 60, False),
    ],
)
def test_answers_with_the_stored_registration_and_its_interval(
    cp: ChargePoint, now: datetime, registration: Registration, interval: int, booted: bool
) -> None:
    outcome = boot_notification_v16(replace(cp, registration=registration), BOOT, Facts(), now)
    assert outcome.reply == v16.BootNotificationResponse(
        status=registration.value.capitalize(), current_time=now, interval=interval
    )
    assert outcome.state.booted is booted
    assert outcome.state.registration is registration
    assert outcome.durable


@pytest.mark.proves("1.6", "BootNotification")
def test_intervals_are_the_stations_own(cp: ChargePoint, now: datetime) -> None:
    settings = StationSettings(heartbeat_interval=900, boot_retry_interval=7)
    accepted = boot_notification_v16(replace(cp, settings=settings), BOOT, Facts(), now)
    pending = boot_notification_v16(
        replace(cp, settings=settings, registration=Registration.PENDING), BOOT, Facts(), now
    )
    assert isinstance(accepted.reply, v16.BootNotificationResponse)
    assert isinstance(pending.reply, v16.BootNotificationResponse)
    assert (accepted.reply.interval, pending.reply.interval) == (900, 7)


@pytest.mark.proves("1.6", "BootNotification")
def test_a_pending_station_stays_pending_until_somebody_accepts_it(cp: ChargePoint, now: datetime) -> None:
    state = replace(cp, registration=Registration.PENDING, booted=False)
    for _ in range(3):
        outcome = boot_notification_v16(state, BOOT, Facts(), now)
        state = outcome.state
    assert not state.booted
    accepted = boot_notification_v16(replace(state, registration=Registration.ACCEPTED), BOOT, Facts(), now)
    assert accepted.state.booted


def test_identity_is_stored_even_while_pending(cp: ChargePoint, now: datetime) -> None:
    outcome = boot_notification_v16(replace(cp, registration=Registration.PENDING), BOOT, Facts(), now)
    assert outcome.changes[0] == ChargePointBooted(
        charge_point_id=12,
        booted_at=now,
        vendor="Acme",
        model="Twin",
        charge_point_serial_number="S-1",
        firmware_version="1.2.3",
        meter_type="M",
        charge_box_serial_number=None,
        iccid=None,
        imsi=None,
        meter_serial_number=None,
        boot_reason=None,
    )
    assert (outcome.state.vendor, outcome.state.model) == ("Acme", "Twin")


def test_publishes_the_boot_with_the_reported_identity(cp: ChargePoint, now: datetime) -> None:
    outcome = boot_notification_v16(cp, BOOT, Facts(), now)
    event = outcome.changes[-1]
    assert isinstance(event, EventPublished)
    assert (event.type, event.subject, event.operator_id) == ("BootNotification", "charge_point:12", 1)
    assert msgspec.json.decode(event.payload) == {
        "notification": "BootNotification",
        "chargePointId": 12,
        "timestamp": "2026-03-01T12:00:00Z",
        "bootNotification": {
            "model": "Twin",
            "vendor": "Acme",
            "charge_point_serial_number": "S-1",
            "firmware_version": "1.2.3",
            "meter_type": "M",
        },
    }


@pytest.mark.parametrize(
    ("read_configuration", "trigger_status", "actions"),
    [
        (False, False, []),
        (True, False, [v16.GetConfiguration()]),
        (False, True, [v16.TriggerMessage(requested_message="StatusNotification")]),
        (
            True,
            True,
            [v16.GetConfiguration(), v16.TriggerMessage(requested_message="StatusNotification")],
        ),
    ],
)
def test_calls_the_charger_only_when_switched_on(
    cp: ChargePoint, now: datetime, read_configuration: bool, trigger_status: bool, actions: list[object]
) -> None:
    settings = StationSettings(
        read_configuration_after_boot=read_configuration, trigger_status_after_boot=trigger_status
    )
    outcome = boot_notification_v16(replace(cp, settings=settings), BOOT, Facts(), now)
    assert list(outcome.calls) == actions
    pending = replace(cp, settings=settings, registration=Registration.PENDING)
    assert list(boot_notification_v16(pending, BOOT, Facts(), now).calls) == []


def test_a_boot_does_not_close_sessions_whose_stop_may_still_be_queued(
    cp: ChargePoint, now: datetime
) -> None:
    session = Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now - timedelta(hours=1),
    )
    outcome = boot_notification_v16(replace(cp, sessions={"7": session}), BOOT, Facts(), now)
    assert set(outcome.state.sessions) == {"7"}


@pytest.mark.proves("1.6", "Heartbeat")
def test_heartbeat_tells_the_time_and_writes_nothing(cp: ChargePoint, now: datetime) -> None:
    outcome = heartbeat_v16(cp, v16.Heartbeat(), Facts(), now)
    assert outcome.reply == v16.HeartbeatResponse(current_time=now)
    assert outcome.state is cp
    assert not outcome.changes
    assert not outcome.calls


@pytest.mark.proves("1.6", "Heartbeat")
@pytest.mark.parametrize("seconds", [[0.0, 0.999999, 1.0], [5.5, 0.25, 5.75, 3600.1], [-0.000001, 0.0]])
def test_the_clock_may_go_in_any_direction(cp: ChargePoint, now: datetime, seconds: list[float]) -> None:
    for after in seconds:
        moment = now + timedelta(seconds=after)
        outcome = heartbeat_v16(cp, v16.Heartbeat(), Facts(), moment)
        assert outcome.reply == v16.HeartbeatResponse(current_time=moment.replace(microsecond=0))


@pytest.mark.proves("1.6", "Heartbeat")
def test_the_time_we_tell_has_no_fraction(cp: ChargePoint, now: datetime) -> None:
    late = now + timedelta(microseconds=987_654)
    for outcome in (
        heartbeat_v16(cp, v16.Heartbeat(), Facts(), late),
        boot_notification_v16(cp, BOOT, Facts(), late),
    ):
        assert isinstance(outcome.reply, v16.HeartbeatResponse | v16.BootNotificationResponse)
        assert outcome.reply.current_time == now
