"""Boots, heartbeats, resets and network profiles of OCPP 2.x (B01 to B03, B09, B11, B12, G02)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.changes import ChargePointBooted, EventPublished
from engine.domain.state import (
    ChargePoint,
    Connector,
    Registration,
    Session,
    SessionStatus,
    StationSettings,
)
from engine.ocpp.blocks.provisioning.boot_notification import STATUSES_ASKED, boot_notification_v2x
from engine.ocpp.blocks.provisioning.heartbeat import heartbeat_v2x
from engine.ocpp.blocks.provisioning.reset import check_reset_v2x
from engine.ocpp.blocks.provisioning.set_network_profile import check_set_network_profile_v2x
from engine.ocpp.step import Facts, Outcome


def boot(words: Any, reason: str = "PowerUp", **more: Any) -> Any:
    station = words.ChargingStation(model="Twin", vendor_name="Acme", **more)
    return words.BootNotification(charging_station=station, reason=reason)


def charging(cp: ChargePoint, now: datetime) -> ChargePoint:
    session = Session(
        id=7,
        transaction_id="T7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now - timedelta(hours=1),
    )
    return replace(cp, sessions={"T7": session})


def asking(cp: ChargePoint, **switches: Any) -> ChargePoint:
    return replace(cp, settings=StationSettings(**switches))


def booted(outcome: Outcome) -> ChargePointBooted:
    (row,) = [change for change in outcome.changes if isinstance(change, ChargePointBooted)]
    return row


@pytest.mark.proves("2.x", "BootNotification")
@pytest.mark.parametrize(
    ("registration", "interval", "open_"),
    [
        (Registration.ACCEPTED, 300, True),
        (Registration.PENDING, 60, False),
        (Registration.REJECTED, 60, False),
    ],
)
def test_answers_with_the_stored_registration(  # noqa: PLR0917 - one row of the table above per case
    words: Any, station: ChargePoint, now: datetime, registration: Registration, interval: int, open_: bool
) -> None:
    cp = asking(replace(station, registration=registration), read_configuration_after_boot=True)
    outcome = boot_notification_v2x(cp, boot(words), Facts(), now + timedelta(microseconds=987_654))
    assert outcome.reply == words.BootNotificationResponse(
        status=registration.value.capitalize(), current_time=now, interval=interval
    )
    assert outcome.state.booted is open_
    assert bool(outcome.calls) is open_


@pytest.mark.proves("2.x", "BootNotification")
def test_identity_and_reason_are_kept(words: Any, station: ChargePoint, now: datetime) -> None:
    request = boot(
        words,
        "FirmwareUpdate",
        serial_number="S-1",
        firmware_version="2.0",
        modem=words.Modem(iccid="89", imsi="26"),
    )
    outcome = boot_notification_v2x(station, request, Facts(), now)
    row = booted(outcome)
    assert (row.vendor, row.model, row.charge_point_serial_number) == ("Acme", "Twin", "S-1")
    assert (row.firmware_version, row.iccid, row.imsi, row.boot_reason) == (
        "2.0",
        "89",
        "26",
        "FirmwareUpdate",
    )
    assert (outcome.state.vendor, outcome.state.model) == ("Acme", "Twin")
    (news,) = [msgspec.json.decode(c.payload) for c in outcome.changes if isinstance(c, EventPublished)]
    assert news["bootNotification"]["reason"] == "FirmwareUpdate"


@pytest.mark.proves("2.x", "BootNotification")
@pytest.mark.parametrize(("reason", "marked"), [("PowerUp", True), ("Watchdog", True), ("Triggered", False)])
def test_a_boot_that_was_triggered_is_no_restart(
    words: Any, station: ChargePoint, now: datetime, reason: str, marked: bool
) -> None:
    cp = asking(charging(station, now), read_configuration_after_boot=True)
    outcome = boot_notification_v2x(cp, boot(words, reason), Facts(), now)
    assert (outcome.state.sessions["T7"].rebooted_at is not None) is marked
    assert bool(outcome.calls) is marked


def test_nothing_is_asked_unless_it_is_switched_on(words: Any, station: ChargePoint, now: datetime) -> None:
    assert boot_notification_v2x(station, boot(words), Facts(), now).calls == []


def test_the_device_model_is_asked_for_after_a_boot(words: Any, station: ChargePoint, now: datetime) -> None:
    cp = asking(station, read_configuration_after_boot=True)
    calls: list[Any] = list(boot_notification_v2x(cp, boot(words), Facts(), now).calls)
    (call,) = calls
    assert type(call) is words.GetBaseReport
    assert call.report_base == "FullInventory"


def test_statuses_are_asked_for_connector_by_connector(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    known = {(n, 1): Connector(status="available") for n in range(2 * STATUSES_ASKED)}
    cp = asking(replace(station, connectors=known), trigger_status_after_boot=True)
    calls: list[Any] = list(boot_notification_v2x(cp, boot(words), Facts(), now).calls)
    assert [(call.evse.id, call.evse.connector_id) for call in calls] == [
        (n, 1) for n in range(1, STATUSES_ASKED + 1)
    ]


def test_of_a_station_that_never_told_its_connectors_the_first_is_asked(
    words: Any, station: ChargePoint, now: datetime
) -> None:
    cp = asking(replace(station, connectors={}), trigger_status_after_boot=True)
    calls: list[Any] = list(boot_notification_v2x(cp, boot(words), Facts(), now).calls)
    assert [(call.evse.id, call.evse.connector_id) for call in calls] == [(1, 1)]


@pytest.mark.proves("2.x", "Heartbeat")
def test_a_heartbeat_tells_the_time(words: Any, station: ChargePoint, now: datetime) -> None:
    outcome = heartbeat_v2x(station, words.Heartbeat(), Facts(), now + timedelta(microseconds=987_654))
    assert outcome == Outcome(state=station, reply=words.HeartbeatResponse(current_time=now))


@pytest.mark.proves("2.x", "Reset")
@pytest.mark.parametrize(("members", "errors"), [({}, 0), ({"evse_id": 1}, 0), ({"evse_id": 0}, 1)])
def test_what_may_be_reset(
    words: Any, station: ChargePoint, now: datetime, members: dict[str, Any], errors: int
) -> None:
    assert len(check_reset_v2x(words.Reset(type="OnIdle", **members), station, now)) == errors


@pytest.mark.proves("2.x", "SetNetworkProfile")
@pytest.mark.parametrize(
    ("members", "errors"),
    [
        ({}, 0),
        ({"security_profile": 1, "ocpp_csms_url": "ws://csms.example/ocpp"}, 0),
        ({"security_profile": 1}, 1),
        ({"ocpp_csms_url": "ws://csms.example/ocpp"}, 1),
        ({"ocpp_csms_url": "wss://[half"}, 1),
        ({"security_profile": 4, "ocpp_csms_url": "ws://csms.example/ocpp"}, 1),
        ({"message_timeout": 0}, 1),
        ({"ocpp_transport": "SOAP"}, 1),
    ],
)
def test_what_a_network_profile_may_say(
    words: Any, station: ChargePoint, now: datetime, members: dict[str, Any], errors: int
) -> None:
    plain = {
        "ocpp_version": "OCPP20",
        "ocpp_transport": "JSON",
        "ocpp_csms_url": "wss://csms.example/ocpp",
        "message_timeout": 30,
        "security_profile": 3,
        "ocpp_interface": "Wired0",
    }
    request = words.SetNetworkProfile(
        configuration_slot=1, connection_data=words.NetworkConnectionProfile(**{**plain, **members})
    )
    assert len(check_set_network_profile_v2x(request, station, now)) == errors
