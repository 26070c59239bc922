"""Firmware: updates, plain (FirmwareManagement) and signed (security whitepaper), and their progress."""

from __future__ import annotations

from datetime import datetime

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import Change, FirmwareStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.checks import location_errors, retry_errors
from engine.ocpp.blocks.security import certificate_errors
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Outcome


def firmware_status_notification_v16(
    cp: ChargePoint, request: v16.FirmwareStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far an UpdateFirmware has come (OCPP 1.6 §4.5); Idle is the answer when none is under way."""
    return Outcome(
        state=cp,
        reply=v16.FirmwareStatusNotificationResponse(),
        changes=_changes(cp, request.status, None, now),
    )


def signed_firmware_status_notification_v16(
    cp: ChargePoint, request: v16.SignedFirmwareStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """The same for a SignedUpdateFirmware; the request id is absent only when the status is Idle."""
    return Outcome(
        state=cp,
        reply=v16.SignedFirmwareStatusNotificationResponse(),
        changes=_changes(cp, request.status, _given(request.request_id), now),
    )


def check_update_firmware_v16(request: v16.UpdateFirmware, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.19."""
    return location_errors(request.location, "location") + retry_errors(
        request.retries, request.retry_interval
    )


def check_signed_update_firmware_v16(
    request: v16.SignedUpdateFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """Security whitepaper L01: fetched before it is installed, and with a certificate to verify it by."""
    firmware = request.firmware
    errors = location_errors(firmware.location, "firmware.location")
    errors += retry_errors(request.retries, request.retry_interval)
    errors += certificate_errors(firmware.signing_certificate, "firmware.signingCertificate")
    if firmware.install_date_time and firmware.install_date_time < firmware.retrieve_date_time:
        errors.append("firmware.installDateTime must not be before retrieveDateTime")
    if not firmware.signature:
        errors.append("firmware.signature must not be empty")
    return errors


def _given(request_id: int | UnsetType) -> int | None:
    return None if isinstance(request_id, UnsetType) else request_id


def _changes(cp: ChargePoint, status: str, request_id: int | None, now: datetime) -> list[Change]:
    news = notifications.FirmwareStatusNotification(
        charge_point_id=cp.id,
        last_updated_at=now,
        protocol="ocpp 1.6",
        firmware_status=status,
        request_id=request_id,
    )
    return [
        FirmwareStatusChanged(id=cp.id, firmware_status=status, request_id=request_id, at=now),
        notifications.about(cp, news, now),
    ]
