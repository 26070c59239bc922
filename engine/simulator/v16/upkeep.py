"""Firmware, diagnostics, logs and certificates of a 1.6 charger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ocpp.messages import v16
from engine.simulator.v16 import jobs
from engine.simulator.v16.certificates import is_certificate
from engine.simulator.v16.reply import Reply

if TYPE_CHECKING:
    from engine.simulator.v16.charger import Charger16


# Firmware, diagnostics, logs


def get_diagnostics(charger: Charger16, _request: v16.GetDiagnostics) -> Reply:
    """OCPP 1.6 §5.9"""
    name = f"{charger.identity}-{charger.clock.now():%Y%m%dT%H%M%S}.zip"[-255:]
    return Reply(v16.GetDiagnosticsResponse(file_name=name), lambda: jobs.diagnostics(charger))


def update_firmware(charger: Charger16, request: v16.UpdateFirmware) -> Reply:
    """OCPP 1.6 §5.19"""
    return Reply(v16.UpdateFirmwareResponse(), lambda: jobs.firmware(charger, request.retrieve_date))


def get_log(charger: Charger16, request: v16.GetLog) -> Reply:
    """Security whitepaper, GetLog"""
    busy = charger.activities.get("log") == "Uploading"
    name = f"{charger.identity}-{request.log_type}-{request.request_id}.log"[-255:]
    status = "AcceptedCanceled" if busy else "Accepted"
    response = v16.GetLogResponse(status=status, filename=name)  # type: ignore[arg-type]  # both are in the enumeration
    return Reply(response, lambda: jobs.log(charger, request.request_id))


def signed_update_firmware(charger: Charger16, request: v16.SignedUpdateFirmware) -> Reply:
    """Security whitepaper, SignedUpdateFirmware"""
    firmware = request.firmware
    if not is_certificate(firmware.signing_certificate):

        async def report() -> None:
            charger.notify(
                v16.SecurityEventNotification(
                    type="InvalidFirmwareSigningCertificate", timestamp=charger.clock.now()
                )
            )

        return Reply(v16.SignedUpdateFirmwareResponse(status="InvalidCertificate"), report)
    return Reply(
        v16.SignedUpdateFirmwareResponse(status="Accepted"),
        lambda: jobs.signed_firmware(charger, request.request_id, firmware.retrieve_date_time),
    )


# Certificates


def certificate_signed(charger: Charger16, request: v16.CertificateSigned) -> Reply:
    """Security whitepaper, CertificateSigned"""
    taken = charger.certificates.take_signed(request.certificate_chain)
    if taken:
        return Reply(v16.CertificateSignedResponse(status="Accepted"))

    async def report() -> None:
        charger.notify(
            v16.SecurityEventNotification(type="InvalidChargePointCertificate", timestamp=charger.clock.now())
        )

    return Reply(v16.CertificateSignedResponse(status="Rejected"), report)


def install_certificate(charger: Charger16, request: v16.InstallCertificate) -> Reply:
    """Security whitepaper, InstallCertificate"""
    status = charger.certificates.install(request.certificate_type, request.certificate)
    return Reply(v16.InstallCertificateResponse(status=status))


def get_installed_certificate_ids(charger: Charger16, request: v16.GetInstalledCertificateIds) -> Reply:
    """Security whitepaper, GetInstalledCertificateIds"""
    installed = charger.certificates.installed(request.certificate_type)
    if not installed:
        return Reply(v16.GetInstalledCertificateIdsResponse(status="NotFound"))
    return Reply(v16.GetInstalledCertificateIdsResponse(status="Accepted", certificate_hash_data=installed))


def delete_certificate(charger: Charger16, request: v16.DeleteCertificate) -> Reply:
    """Security whitepaper, DeleteCertificate"""
    deleted = charger.certificates.delete(request.certificate_hash_data)
    return Reply(v16.DeleteCertificateResponse(status="Accepted" if deleted else "NotFound"))
