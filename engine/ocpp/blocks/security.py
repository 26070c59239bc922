"""Security whitepaper (improved security for OCPP 1.6-J): security events and certificates.

What a certificate command is answered is written by whoever asked, who knows the queued row; see
`engine.provisioning`. Signing requests are checked here and published for the CA; the CA's answer is sent as
CertificateSigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from engine.domain import notifications
from engine.domain.changes import CertificateWanted, Change, SecurityEventReported
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome

SECURITY_EVENTS: Final[Mapping[str, bool]] = {  # whitepaper §6: type → critical
    "FirmwareUpdated": True,
    "FailedToAuthenticateAtCentralSystem": False,
    "CentralSystemFailedToAuthenticate": False,
    "SettingSystemTime": True,
    "StartupOfTheDevice": True,
    "ResetOrReboot": True,
    "SecurityLogWasCleared": True,
    "ReconfigurationOfSecurityParameters": False,
    "MemoryExhaustion": True,
    "InvalidMessages": False,
    "AttemptedReplayAttacks": False,
    "TamperDetectionActivated": True,
    "InvalidFirmwareSignature": False,
    "InvalidFirmwareSigningCertificate": False,
    "InvalidCentralSystemCertificate": False,
    "InvalidChargePointCertificate": False,
    "InvalidTLSVersion": False,
    "InvalidTLSCipherSuite": False,
}
STATION_CERTIFICATE: Final = "ChargingStationCertificate"  # the one use that 1.6 knows
MIN_RSA_BITS: Final = 2048  # whitepaper and 2.0.1 A00.FR.501 to FR.503: at least 112 bits of security
MIN_EC_BITS: Final = 224


def security_event_notification_v16(
    cp: ChargePoint, request: v16.SecurityEventNotification, facts: Facts, now: datetime
) -> Outcome:
    """Store the event (A04.FR.03). Types of a vendor's own are stored too and never critical."""
    reply = v16.SecurityEventNotificationResponse()
    return Outcome(state=cp, reply=reply, changes=_event(cp, request, now))


def security_event_notification_v2x(
    cp: ChargePoint,
    request: v201.SecurityEventNotification | v21.SecurityEventNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (A04.FR.03), whose critical events have the same names."""
    return Outcome(state=cp, reply=response_to(request), changes=_event(cp, request, now))


def _event(
    cp: ChargePoint,
    request: v16.SecurityEventNotification | v201.SecurityEventNotification | v21.SecurityEventNotification,
    now: datetime,
) -> tuple[Change, ...]:
    critical = SECURITY_EVENTS.get(request.type, False)
    reported = SecurityEventReported(
        charge_point_id=cp.id,
        type=request.type,
        timestamp=request.timestamp,
        tech_info=request.tech_info or None,
        critical=critical,
        received_at=now,
    )
    news = notifications.SecurityEventNotification(
        charge_point_id=cp.id,
        type=request.type,
        timestamp=request.timestamp,
        tech_info=request.tech_info or None,
        critical=critical,
    )
    return reported, notifications.about(cp, news, now)


def sign_certificate_v16(
    cp: ChargePoint, request: v16.SignCertificate, facts: Facts, now: datetime
) -> Outcome:
    """Accepted: the CA will be asked (A02, A03). A request that no CA could sign is Rejected at once.

    A charge point may need its certificate to get accepted (Pending), but one that was refused gets none.
    """
    if cp.registration is Registration.REJECTED or not is_signable(request.csr):
        return Outcome(state=cp, reply=v16.SignCertificateResponse(status="Rejected"))
    wanted = CertificateWanted(
        charge_point_id=cp.id, certificate_type=STATION_CERTIFICATE, csr=request.csr, request_id=None, at=now
    )
    news = notifications.CertificateRequested(charge_point_id=cp.id, csr=request.csr, timestamp=now)
    return Outcome(
        state=cp,
        reply=v16.SignCertificateResponse(status="Accepted"),
        changes=(wanted, notifications.about(cp, news, now)),
    )


def check_certificate_signed_v16(request: v16.CertificateSigned, cp: ChargePoint, now: datetime) -> list[str]:
    """A02: the charge point's certificate first, then its sub-CAs, all PEM."""
    return certificate_errors(request.certificate_chain, "certificateChain")


def check_install_certificate_v16(
    request: v16.InstallCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """M05: one PEM certificate that is still valid."""
    return certificate_errors(request.certificate, "certificate", one=True, now=now)


def check_delete_certificate_v16(request: v16.DeleteCertificate, cp: ChargePoint, now: datetime) -> list[str]:
    """M04: the hashes go back exactly as GetInstalledCertificateIds reported them, whatever their shape."""
    data = request.certificate_hash_data
    given = {
        "issuerNameHash": data.issuer_name_hash,
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": data.serial_number,
    }
    return [f"certificateHashData.{name} must not be empty" for name, value in given.items() if not value]


def certificate_errors(pem: str, member: str, *, one: bool = False, now: datetime | None = None) -> list[str]:
    """What is wrong with PEM certificates; with `now`, also whether they have expired."""
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        expired = [c for c in certificates if now is not None and c.not_valid_after_utc <= now]
    except (ValueError, UnsupportedAlgorithm):
        return [f"{member} is not a PEM certificate"]
    if one and len(certificates) != 1:
        return [f"{member} must hold exactly one certificate"]
    return [f"{member} has expired"] if expired else []


def is_signable(csr: str) -> bool:
    """A PEM signing request, validly signed by a key that is strong enough (A00.FR.501)."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        return False
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= MIN_EC_BITS
    )
    return signed and strong
