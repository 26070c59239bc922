"""Whether certificates were revoked: GetCertificateStatus (2.x M06), GetCertificateChainStatus (2.1 M07)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from engine.domain.outside import Revocation, RevocationAsked
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Needs, Outcome

MAX_OCSP_RESULT: Final = {"ocpp2.0.1": 5_500}  # characters; later versions take more
MAX_OCSP_RESULT_21: Final = 18_000
RECHECK: Final = timedelta(hours=1)  # when a responder names no next update, or did not answer
HASH_HEX: Final[Mapping[str, int]] = {"SHA256": 64, "SHA384": 96, "SHA512": 128}


def certificate_status_needs_v2x(
    cp: ChargePoint, request: v201.GetCertificateStatus | v21.GetCertificateStatus
) -> Needs:
    """M06: the responder that the certificate names is asked, if the hashes can be those of a certificate."""
    data = request.ocsp_request_data
    question = revocation_asked(data, (data.responder_url,))
    return () if question is None else (question,)


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


def chain_status_needs_v21(cp: ChargePoint, request: v21.GetCertificateChainStatus) -> Needs:
    """One question for each certificate that can be asked about by OCSP (2.1 M07.FR.01)."""
    asked = (revocation_asked(info.certificate_hash_data, tuple(info.urls)) for info in _askable(request))
    return tuple(question for question in asked if question is not None)


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
    if any(len(text) != length or not is_hex(text) for text in hashes) or not is_hex(serial):
        return None
    return RevocationAsked(
        hash_algorithm=data.hash_algorithm,
        issuer_name_hash=data.issuer_name_hash.lower(),
        issuer_key_hash=data.issuer_key_hash.lower(),
        serial_number=serial.lower(),
        responders=responders,
    )


def is_hex(text: str) -> bool:
    """Whether there are hexadecimal digits and nothing else."""
    return bool(text) and all(digit in "0123456789abcdefABCDEF" for digit in text)


HANDLERS: Final = (
    handler(v201.GetCertificateStatus, get_certificate_status_v2x, needs=certificate_status_needs_v2x),
    handler(v21.GetCertificateChainStatus, get_certificate_chain_status_v21, needs=chain_status_needs_v21),
)
