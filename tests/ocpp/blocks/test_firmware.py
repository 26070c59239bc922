"""Firmware updates and their progress (OCPP 1.6 §4.5, §5.19; security whitepaper L01)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from engine.domain.changes import EventPublished, FirmwareStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.firmware.firmware_status import (
    firmware_status_notification_v16,
    signed_firmware_status_notification_v16,
)
from engine.ocpp.blocks.firmware.update_firmware import (
    check_signed_update_firmware_v16,
    check_update_firmware_v16,
)
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts


@pytest.mark.proves("1.6", "FirmwareStatusNotification")
def test_progress_is_kept_and_published(cp: ChargePoint, now: datetime) -> None:
    request = v16.FirmwareStatusNotification(status="Installed")
    outcome = firmware_status_notification_v16(cp, request, Facts(), now)
    assert outcome.reply == v16.FirmwareStatusNotificationResponse()
    kept, event = outcome.changes
    assert kept == FirmwareStatusChanged(
        charge_point_id=12, firmware_status="Installed", firmware_request_id=None, firmware_status_at=now
    )
    assert isinstance(event, EventPublished)
    assert msgspec.json.decode(event.payload) == {
        "notification": "FirmwareStatusNotification",
        "chargePointId": 12,
        "lastUpdatedAt": "2026-03-01T12:00:00Z",
        "protocol": "ocpp 1.6",
        "firmwareStatus": "Installed",
    }


@pytest.mark.proves("1.6", "SignedFirmwareStatusNotification")
@pytest.mark.parametrize("request_id", [UNSET, 0, 77])
def test_signed_progress_keeps_its_request(cp: ChargePoint, now: datetime, request_id: Any) -> None:
    request = v16.SignedFirmwareStatusNotification(status="InvalidSignature", request_id=request_id)
    outcome = signed_firmware_status_notification_v16(cp, request, Facts(), now)
    assert outcome.reply == v16.SignedFirmwareStatusNotificationResponse()
    assert outcome.changes[0] == FirmwareStatusChanged(
        charge_point_id=12,
        firmware_status="InvalidSignature",
        firmware_request_id=None if request_id is UNSET else request_id,
        firmware_status_at=now,
    )


@pytest.mark.proves("1.6", "UpdateFirmware")
@pytest.mark.parametrize(
    ("location", "count"),
    [
        ("https://example.org/firmware.bin", 0),
        ("FTP://user:secret@example.org/f", 0),
        ("firmware.bin", 1),
        ("file:///etc/passwd", 1),
        ("https://", 1),
        ("http://[::1", 1),
    ],
)
def test_the_location_is_a_url_that_chargers_can_fetch(
    cp: ChargePoint, now: datetime, location: str, count: int
) -> None:
    request = v16.UpdateFirmware(location=location, retrieve_date=now)
    errors = check_update_firmware_v16(request, cp, now)
    assert len(errors) == count
    assert not any("secret" in error for error in errors)


@pytest.mark.proves("1.6", "UpdateFirmware")
def test_retries_are_not_negative(cp: ChargePoint, now: datetime) -> None:
    request = v16.UpdateFirmware(
        location="https://example.org/f", retrieve_date=now, retries=-1, retry_interval=-1
    )
    assert len(check_update_firmware_v16(request, cp, now)) == 2


@pytest.mark.proves("1.6", "SignedUpdateFirmware")
@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({}, 0),
        ({"location": "f"}, 1),
        ({"signature": ""}, 1),
        ({"signing_certificate": "no certificate"}, 1),
        ({"install_in": -1}, 1),
        ({"install_in": 60}, 0),
    ],
)
def test_a_signed_update_is_complete(
    cp: ChargePoint,
    now: datetime,
    certificate: Callable[..., str],
    members: dict[str, Any],
    count: int,
) -> None:
    given: dict[str, Any] = {
        "location": "https://example.org/f",
        "retrieve_date_time": now,
        "signing_certificate": certificate(now),
        "signature": "c2ln",
    } | members
    if "install_in" in given:
        given["install_date_time"] = now + timedelta(seconds=given.pop("install_in"))
    request = v16.SignedUpdateFirmware(request_id=1, firmware=v16.Firmware(**given))
    assert len(check_signed_update_firmware_v16(request, cp, now)) == count
