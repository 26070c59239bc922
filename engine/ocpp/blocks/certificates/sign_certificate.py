"""Certificates of stations (A02, A03): SignCertificate, and CertificateSigned in return.

A signing request is checked here and written down; the CA's worker signs it and brings the chain.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.domain import notifications
from engine.domain.changes import CertificateWanted
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.certificates.checks import certificate_errors, is_signable
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import command, handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Message, Outcome

COMBINED: Final = (
    "Combined"  # our name for a request without a type: one certificate for both uses (A02.FR.13)
)
STATION_CERTIFICATE: Final = "ChargingStationCertificate"  # the one use that 1.6 knows


def sign_certificate_v16(
    cp: ChargePoint, request: v16.SignCertificate, facts: Facts, now: datetime
) -> Outcome:
    """Accepted: the CA will be asked (A02, A03). A request that no CA could sign is Rejected at once.

    A charge point may need its certificate to get accepted (Pending), but one that was refused gets none.
    """
    if cp.registration is Registration.REJECTED or not is_signable(request.csr):
        return Outcome(state=cp, reply=v16.SignCertificateResponse(status="Rejected"))
    wanted = CertificateWanted(
        charge_point_id=cp.id,
        certificate_type=STATION_CERTIFICATE,
        csr=request.csr,
        request_id=None,
        requested_at=now,
    )
    news = notifications.CertificateRequested(charge_point_id=cp.id, csr=request.csr, timestamp=now)
    return Outcome(
        state=cp,
        reply=v16.SignCertificateResponse(status="Accepted"),
        changes=(wanted, notifications.about(cp, news, now)),
    )


def certificate_signed(version: str, chain: str, use: str, request_id: int | None) -> Message:
    """The request that brings a signed chain (PEM) to a station of that version.

    A request without a type is answered without one (A02.FR.14).
    """
    match version:
        case "ocpp1.6":
            return v16.CertificateSigned(certificate_chain=chain)
        case "ocpp2.0.1":
            return v201.CertificateSigned(certificate_chain=chain, certificate_type=_type_of(use))
    number = UNSET if request_id is None else request_id
    return v21.CertificateSigned(certificate_chain=chain, certificate_type=_type_of(use), request_id=number)


def _type_of(use: str) -> Any:
    return UNSET if use == COMBINED else use


def check_certificate_signed_v16(request: v16.CertificateSigned, cp: ChargePoint, now: datetime) -> list[str]:
    """A02: the charge point's certificate first, then its sub-CAs, all PEM."""
    return certificate_errors(request.certificate_chain, "certificateChain")


def sign_certificate_v2x(
    cp: ChargePoint, request: v201.SignCertificate | v21.SignCertificate, facts: Facts, now: datetime
) -> Outcome:
    """Accepted: the CA is asked, and CertificateSigned follows (A02.FR.11). What none would sign is Rejected.

    That is A02.FR.12; A03 has the same numbers.
    """
    if cp.registration is Registration.REJECTED or not is_signable(request.csr):
        return Outcome(state=cp, reply=response_to(request, status="Rejected"))
    use = request.certificate_type or COMBINED
    number = getattr(request, "request_id", UNSET)
    wanted = CertificateWanted(
        charge_point_id=cp.id,
        certificate_type=use,
        csr=request.csr,
        request_id=None if isinstance(number, UnsetType) else number,
        requested_at=now,
    )
    news = notifications.CertificateRequested(
        charge_point_id=cp.id, csr=request.csr, certificate_type=use, timestamp=now
    )
    return Outcome(
        state=cp,
        reply=response_to(request, status="Accepted"),
        changes=(wanted, notifications.about(cp, news, now)),
    )


def check_certificate_signed_v2x(
    request: v201.CertificateSigned | v21.CertificateSigned, cp: ChargePoint, now: datetime
) -> list[str]:
    """A02, A03: the station's certificate first, then its sub-CAs, all PEM."""
    return certificate_errors(request.certificate_chain, "certificateChain")


COMMANDS: Final = (
    command(v16.CertificateSigned, check=check_certificate_signed_v16),
    command(v201.CertificateSigned, check=check_certificate_signed_v2x),
)
HANDLERS: Final = (
    handler(v16.SignCertificate, sign_certificate_v16, before_boot=True),
    handler(v201.SignCertificate, sign_certificate_v2x),
)
