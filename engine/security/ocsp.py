"""Is a certificate revoked? Asks the responder that the certificate names (OCSP, RFC 6960) and remembers.

An answer is passed on as it came, and whether it may be believed (`engine.security.responses`); one that is
about another certificate, out of date or wrongly signed is none. No nonce is sent, because few responders
repeat it: an answer is as good as its dates. It is kept until there is a newer one, failures shortly.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import structlog
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from msgspec.structs import replace

from engine.certificates import BROKEN
from engine.domain.outside import Revocation, RevocationAsked
from engine.errors import OutsideError
from engine.security.http import Post
from engine.security.responses import check_dates, hashes_of, is_verified, issuer_among

log = structlog.get_logger(__name__)

ALGORITHMS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
STATUS: Final[Mapping[ocsp.OCSPCertStatus, Literal["Good", "Revoked", "Unknown"]]] = {
    ocsp.OCSPCertStatus.GOOD: "Good",
    ocsp.OCSPCertStatus.REVOKED: "Revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "Unknown",
}
KEPT: Final = 10_000  # answers
MAX_RESPONSE: Final = 32_768  # bytes
LONGEST: Final = timedelta(days=7)  # that an answer is kept, whatever its responder says
UNDATED: Final = timedelta(hours=1)  # that one without a next update is
FAILURE: Final = timedelta(minutes=1)  # between two questions to responders that do not answer
AT_ONCE: Final = 16  # questions under way


class Responders:
    """All OCSP responders; `anchors` are the CAs whose word, and that of CAs below them, is believed."""

    def __init__(
        self, post: Post, now: Callable[[], datetime], anchors: Sequence[x509.Certificate] = ()
    ) -> None:
        self._anchors = anchors
        self._post = post
        self._now = now
        self._known: OrderedDict[RevocationAsked, tuple[Revocation | None, datetime]] = OrderedDict()
        self._slots = trio.CapacityLimiter(AT_ONCE)

    def knows(self, question: RevocationAsked) -> bool:
        """Whether it is answered from memory."""
        return self._remembered(question) is not None

    async def ask(self, question: RevocationAsked) -> Revocation | None:
        """The first responder's word; None when none gives one."""
        remembered = self._remembered(question)
        if remembered is not None:
            return remembered[0]
        async with self._slots:
            answer = await self._asked(question)
        self._keep(question, answer)
        return answer

    async def _asked(self, question: RevocationAsked) -> Revocation | None:
        body = _request(question)
        for url in question.responders:
            try:
                response = await self._post.public(url, body, "application/ocsp-request", limit=MAX_RESPONSE)
                return _read(response, question, self._anchors, self._now())
            except OutsideError as error:
                log.info("OCSP responder did not help", responder=url[:200], error=str(error))
        return None

    def _remembered(self, question: RevocationAsked) -> tuple[Revocation | None] | None:
        for key in (_certificate(question), question):
            known = self._known.get(key)
            if known is not None and self._now() < known[1]:
                self._known.move_to_end(key)
                return (known[0],)
        return None

    def _keep(self, question: RevocationAsked, answer: Revocation | None) -> None:
        now = self._now()
        if answer is None:
            until = now + FAILURE
        elif answer.next_update is None:
            until = now + UNDATED
        else:
            until = min(answer.next_update, now + LONGEST)
        # A word that is believed is believed whoever was asked; any other stands for those who were.
        key = _certificate(question) if answer is not None and answer.verified else question
        self._known[key] = (answer, until)
        self._known.move_to_end(key)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)


def _certificate(question: RevocationAsked) -> RevocationAsked:
    """The question without how it is to be answered."""
    return replace(question, responders=(), issuers=())


def _request(question: RevocationAsked) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        bytes.fromhex(question.issuer_name_hash),
        bytes.fromhex(question.issuer_key_hash),
        int(question.serial_number, 16),
        ALGORITHMS[question.hash_algorithm],
    )
    return builder.build().public_bytes(serialization.Encoding.DER)


def _read(
    response: bytes, question: RevocationAsked, anchors: Sequence[x509.Certificate], now: datetime
) -> Revocation:
    """What a responder says of the certificate in question; raises OutsideError when it says nothing."""
    try:
        answer = ocsp.load_der_ocsp_response(response)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise OutsideError(f"the responder said {answer.response_status.name.lower()}")
        above = [x509.load_der_x509_certificate(one) for one in question.issuers]
        candidates = (*anchors, *above, *answer.certificates)
        issuer = issuer_among(candidates, ALGORITHMS[question.hash_algorithm], _hashed(question))
        for single in answer.responses:
            if _is_about(single, question, issuer):
                check_dates(single, now)
                return Revocation(
                    status=STATUS[single.certificate_status],
                    response=response,
                    next_update=single.next_update_utc,
                    verified=issuer is not None and is_verified(answer, issuer, anchors, now, above),
                )
    except BROKEN as error:
        raise OutsideError(f"not an OCSP response: {error}") from None
    raise OutsideError("the answer is about another certificate")


def _hashed(question: RevocationAsked) -> tuple[bytes, bytes]:
    return bytes.fromhex(question.issuer_name_hash), bytes.fromhex(question.issuer_key_hash)


def _is_about(
    single: ocsp.OCSPSingleResponse, question: RevocationAsked, issuer: x509.Certificate | None
) -> bool:
    """By serial number and hashes; of another algorithm than asked with only where the issuer is known."""
    if single.serial_number != int(question.serial_number, 16):
        return False
    hashed = _hashed(question)
    if single.hash_algorithm.name != ALGORITHMS[question.hash_algorithm].name:
        if issuer is None:
            return False
        hashed = hashes_of(issuer, single.hash_algorithm)
    return (single.issuer_name_hash, single.issuer_key_hash) == hashed
