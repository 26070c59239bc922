"""Firmware: updates, plain (FirmwareManagement) and signed (security whitepaper), and their progress.

In OCPP 2.x one message does both, and a local controller can publish a firmware for the stations behind it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import Change, FirmwarePublicationChanged, FirmwareStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.checks import location_errors, retry_errors
from engine.ocpp.blocks.security import certificate_errors
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome

MD5: Final = re.compile(r"[0-9A-Fa-f]{32}")


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


def firmware_status_notification_v2x(
    cp: ChargePoint,
    request: v201.FirmwareStatusNotification | v21.FirmwareStatusNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x; only Idle has no request id (L01.FR.20, L02.FR.14)."""
    changes = _changes(cp, request.status, _given(request.request_id), now)
    return Outcome(state=cp, reply=response_to(request), changes=changes)


def publish_firmware_status_notification_v2x(
    cp: ChargePoint,
    request: v201.PublishFirmwareStatusNotification | v21.PublishFirmwareStatusNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep how far a PublishFirmware has come (L03.FR.01), and where the firmware is now (L03.FR.04)."""
    row = FirmwarePublicationChanged(
        id=cp.id,
        publish_status=request.status,
        publish_request_id=_given(request.request_id),
        publish_locations=msgspec.json.encode(request.location or []),
        at=now,
    )
    return Outcome(state=cp, reply=response_to(request), changes=(row,))


def unpublish_firmware_answered_v2x(
    cp: ChargePoint,
    request: v201.UnpublishFirmware | v21.UnpublishFirmware,
    response: v201.UnpublishFirmwareResponse | v21.UnpublishFirmwareResponse,
    now: datetime,
) -> Outcome:
    """Unpublished and NoFirmware both mean that nothing is published (L04.FR.02, FR.03)."""
    if response.status == "DownloadOngoing":
        return Outcome(state=cp, reply=None)
    row = FirmwarePublicationChanged(
        id=cp.id, publish_status="Idle", publish_request_id=None, publish_locations=b"[]", at=now
    )
    return Outcome(state=cp, reply=None, changes=(row,))


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


def check_update_firmware_v2x(
    request: v201.UpdateFirmware | v21.UpdateFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """Fetched before it is installed; signed with a certificate to verify it by (L01.FR.11), or not (L02)."""
    firmware = request.firmware
    errors = location_errors(firmware.location, "firmware.location")
    errors += retry_errors(request.retries, request.retry_interval)
    if firmware.install_date_time and firmware.install_date_time < firmware.retrieve_date_time:
        errors.append("firmware.installDateTime must not be before retrieveDateTime")
    if bool(firmware.signature) != bool(firmware.signing_certificate):
        errors.append("firmware.signature and signingCertificate go together")
    if firmware.signing_certificate:
        errors += certificate_errors(firmware.signing_certificate, "firmware.signingCertificate")
    return errors


def check_publish_firmware_v2x(
    request: v201.PublishFirmware | v21.PublishFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """A place to fetch it from, and its MD5 checksum (L03.FR.02)."""
    errors = location_errors(request.location, "location")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _checksum_errors(request.checksum)


def check_unpublish_firmware_v2x(
    request: v201.UnpublishFirmware | v21.UnpublishFirmware, cp: ChargePoint, now: datetime
) -> list[str]:
    """A firmware is named by its MD5 checksum (L04)."""
    return _checksum_errors(request.checksum)


def _checksum_errors(checksum: str) -> list[str]:
    return [] if MD5.fullmatch(checksum) else ["checksum must be an MD5 checksum, 32 hexadecimal digits"]


def _given(request_id: int | UnsetType) -> int | None:
    return None if isinstance(request_id, UnsetType) else request_id


def _changes(cp: ChargePoint, status: str, request_id: int | None, now: datetime) -> list[Change]:
    news = notifications.FirmwareStatusNotification(
        charge_point_id=cp.id,
        last_updated_at=now,
        protocol=cp.version.replace("ocpp", "ocpp "),
        firmware_status=status,
        request_id=request_id,
    )
    return [
        FirmwareStatusChanged(id=cp.id, firmware_status=status, request_id=request_id, at=now),
        notifications.about(cp, news, now),
    ]
