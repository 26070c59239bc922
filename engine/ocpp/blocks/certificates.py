"""Certificates of OCPP 2.0.1 and 2.1: signing (A02, A03), installing and deleting (M03 to M05), contract
certificates (M01, M02) and revocation (M06, 2.1 M07).

A signing request is checked here and written down; the CA's worker signs it and brings the chain. What needs
the outside world is asked through `Needs.outside`. Rules that both generations share are in `security`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.domain import notifications
from engine.domain.changes import CertificateWanted
from engine.domain.outside import Contract, ContractAsked, Revocation, RevocationAsked
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks import reports
from engine.ocpp.blocks.security import certificate_errors, is_signable
from engine.ocpp.blocks.twins import response_to, version_of
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Needs, Outcome

COMBINED: Final = (
    "Combined"  # our name for a request without a type: one certificate for both uses (A02.FR.13)
)
MAX_OCSP_RESULT: Final = {"ocpp2.0.1": 5_500}  # characters; later versions take more
MAX_OCSP_RESULT_21: Final = 18_000
MAX_EXI: Final = {"ocpp2.0.1": 7_500}
MAX_EXI_21: Final = 17_000
RECHECK: Final = timedelta(hours=1)  # when a responder names no next update, or did not answer
HASH_HEX: Final[Mapping[str, int]] = {"SHA256": 64, "SHA384": 96, "SHA512": 128}


# --- signing ----------------------------------------------------------------------------------------


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
        at=now,
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


# --- what a station has installed -------------------------------------------------------------------


def check_install_certificate_v2x(
    request: v201.InstallCertificate | v21.InstallCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """One PEM certificate (A00.FR.507) that is still valid (M05.FR.07)."""
    return certificate_errors(request.certificate, "certificate", one=True, now=now)


def check_delete_certificate_v2x(
    request: v201.DeleteCertificate | v21.DeleteCertificate, cp: ChargePoint, now: datetime
) -> list[str]:
    """The hashes go back exactly as GetInstalledCertificateIds told them, whatever their case (M04.FR.07)."""
    data = request.certificate_hash_data
    given = {
        "issuerNameHash": data.issuer_name_hash,
        "issuerKeyHash": data.issuer_key_hash,
        "serialNumber": data.serial_number,
    }
    return [f"certificateHashData.{name} must not be empty" for name, value in given.items() if not value]


# --- ISO 15118 --------------------------------------------------------------------------------------


def contract_needs_v2x(
    cp: ChargePoint, request: v201.Get15118EVCertificate | v21.Get15118EVCertificate
) -> Needs:
    """A provider of contract certificates has to be asked."""
    chains = getattr(request, "maximum_contract_certificate_chains", UNSET)
    emaids = getattr(request, "prioritized_emaids", UNSET)
    asked = ContractAsked(
        schema_version=request.iso15118_schema_version,
        action=request.action,
        exi_request=request.exi_request,
        maximum_chains=None if isinstance(chains, UnsetType) else chains,
        prioritized_emaids=() if isinstance(emaids, UnsetType) else tuple(emaids),
    )
    return Needs(outside=(asked,))


def get_15118_ev_certificate_v2x(
    cp: ChargePoint,
    request: v201.Get15118EVCertificate | v21.Get15118EVCertificate,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The provider's answer goes to the vehicle untouched (M01, M02); no provider, no certificate: Failed."""
    answer = facts.outside[0] if facts.outside else None
    contract = answer if isinstance(answer, Contract) else None
    exi = contract.exi_response if contract is not None else ""
    fits = len(exi) <= MAX_EXI.get(cp.version, MAX_EXI_21)
    status = "Accepted" if contract is not None and contract.accepted and fits else "Failed"
    exi = exi if fits else ""
    members: dict[str, Any] = {"status": status, "exi_response": exi}
    if contract is not None and contract.remaining is not None and version_of(request) == "ocpp2.1":
        members["remaining_contracts"] = contract.remaining
    reply = response_to(request, **members)
    return Outcome(state=cp, reply=reply, changes=reports.told(cp, request, now))


# --- revocation -------------------------------------------------------------------------------------


def certificate_status_needs_v2x(
    cp: ChargePoint, request: v201.GetCertificateStatus | v21.GetCertificateStatus
) -> Needs | None:
    """M06: the responder that the certificate names is asked, if the hashes can be those of a certificate."""
    data = request.ocsp_request_data
    question = revocation_asked(data, (data.responder_url,))
    return None if question is None else Needs(outside=(question,))


def get_certificate_status_v2x(
    cp: ChargePoint,
    request: v201.GetCertificateStatus | v21.GetCertificateStatus,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The responder's answer as it is (M06.FR.02, FR.03, FR.09); without one it is Failed (M06.FR.04).

    Whoever it is for has the issuer's certificate and verifies it; what is wrong here already is no answer.
    """
    answer = facts.outside[0] if facts.outside else None
    result = base64.b64encode(answer.response).decode() if isinstance(answer, Revocation) else None
    if result is not None and len(result) > MAX_OCSP_RESULT.get(cp.version, MAX_OCSP_RESULT_21):
        result = None
    if result is None:
        return Outcome(state=cp, reply=response_to(request, status="Failed"))
    return Outcome(state=cp, reply=response_to(request, status="Accepted", ocsp_result=result))


def chain_status_needs_v21(cp: ChargePoint, request: v21.GetCertificateChainStatus) -> Needs | None:
    """One question for each certificate that can be asked about by OCSP (2.1 M07.FR.01)."""
    asked = (revocation_asked(info.certificate_hash_data, tuple(info.urls)) for info in _askable(request))
    questions = tuple(question for question in asked if question is not None)
    return Needs(outside=questions) if questions else None


def get_certificate_chain_status_v21(
    cp: ChargePoint, request: v21.GetCertificateChainStatus, facts: Facts, now: datetime
) -> Outcome:
    """Every certificate's status (2.1 M07.FR.08); revocation lists are not read here: Failed (M07.FR.05)."""
    answers = iter(facts.outside)
    askable = [info for info in _askable(request) if revocation_asked(info.certificate_hash_data, ())]
    found = {id(info): next(answers, None) for info in askable}
    return Outcome(
        state=cp,
        reply=v21.GetCertificateChainStatusResponse(
            certificate_status=[
                _status(info, found.get(id(info)), now) for info in request.certificate_status_requests
            ]
        ),
    )


def _askable(request: v21.GetCertificateChainStatus) -> list[v21.CertificateStatusRequestInfo]:
    return [info for info in request.certificate_status_requests if info.source == "OCSP"]


def _status(info: v21.CertificateStatusRequestInfo, answer: object, now: datetime) -> v21.CertificateStatus:
    known = answer if isinstance(answer, Revocation) and answer.verified else None  # it is our word
    return v21.CertificateStatus(
        certificate_hash_data=info.certificate_hash_data,
        source=info.source,
        status=known.status if known is not None else "Failed",  # M07.FR.03, FR.02
        next_update=(known.next_update if known is not None else None) or now + RECHECK,
    )


def revocation_asked(
    data: v201.OCSPRequestData | v21.OCSPRequestData | v21.CertificateHashData, responders: tuple[str, ...]
) -> RevocationAsked | None:
    """None where hashes and serial number are not hex of the right length: no responder could know them."""
    length = HASH_HEX[data.hash_algorithm]
    hashes = (data.issuer_name_hash, data.issuer_key_hash)
    serial = data.serial_number.removeprefix("0x")
    if any(len(text) != length or not _is_hex(text) for text in hashes) or not _is_hex(serial):
        return None
    return RevocationAsked(
        hash_algorithm=data.hash_algorithm,
        issuer_name_hash=data.issuer_name_hash.lower(),
        issuer_key_hash=data.issuer_key_hash.lower(),
        serial_number=serial.lower(),
        responders=responders,
    )


def _is_hex(text: str) -> bool:
    return bool(text) and all(digit in "0123456789abcdefABCDEF" for digit in text)
