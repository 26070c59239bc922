"""Have a station install a firmware: UpdateFirmware (1.6 §5.19, 2.x L01), and 1.6's SignedUpdateFirmware."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.certificates.checks import certificate_errors
from engine.ocpp.blocks.file_transfer import location_errors, retry_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, unsupported_v16
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Moment, Operation


class UpdateFirmware(Operation, frozen=True):
    """Have the station fetch a firmware and install it; signed where certificate and signature are given."""

    location: str
    request_id: int
    retrieve_at: Moment
    install_at: Moment | None = None
    signing_certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_interval: int | None = None  # seconds


def encode_v16(operation: UpdateFirmware, _cp: ChargePoint) -> Sequence[Call]:
    retries = given(retries=operation.retries, retryInterval=operation.retry_interval)
    if operation.signing_certificate is None:
        if operation.install_at is not None:
            raise unsupported_v16("time to install an unsigned firmware")
        return [
            (
                "UpdateFirmware",
                {"location": operation.location, "retrieveDate": operation.retrieve_at, **retries},
            )
        ]
    firmware = given(
        location=operation.location,
        retrieveDateTime=operation.retrieve_at,
        installDateTime=operation.install_at,
        signingCertificate=operation.signing_certificate,
        signature=operation.signature,
    )
    return [("SignedUpdateFirmware", {"requestId": operation.request_id, "firmware": firmware, **retries})]


def encode_v2x(operation: UpdateFirmware, _cp: ChargePoint) -> Sequence[Call]:
    firmware = given(
        location=operation.location,
        retrieveDateTime=operation.retrieve_at,
        installDateTime=operation.install_at,
        signingCertificate=operation.signing_certificate,
        signature=operation.signature,
    )
    members = given(
        requestId=operation.request_id,
        firmware=firmware,
        retries=operation.retries,
        retryInterval=operation.retry_interval,
    )
    return [("UpdateFirmware", members)]


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


OPERATION: Final = define(UpdateFirmware, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.UpdateFirmware, check=check_update_firmware_v16),
    command(v16.SignedUpdateFirmware, check=check_signed_update_firmware_v16),
    command(v201.UpdateFirmware, check=check_update_firmware_v2x),
)
