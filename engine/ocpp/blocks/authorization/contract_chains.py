"""Contract certificates that vehicles present (2.0.1 C07): one check for chains, for hashes and for both.

A contract is good where its chain leads to a root that we trust, all of it is in time, its subject is the
token, and a responder that is trusted calls each of its certificates good. Of hashes alone only the last can
be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from engine.certificates import BROKEN, holds_at, is_issued_by, may_sign
from engine.domain.outside import Answer, Revocation, RevocationAsked
from engine.ocpp.blocks.certificates.revocation import revocation_asked
from engine.ocpp.messages import v21, v201

CertificateStatus: TypeAlias = Literal[
    "Accepted",
    "SignatureError",
    "CertificateExpired",
    "CertificateRevoked",
    "NoCertificateAvailable",
    "CertChainError",
    "ContractCancelled",
]
Authorize: TypeAlias = v201.Authorize | v21.Authorize
Path: TypeAlias = Sequence[x509.Certificate]  # the contract first, each signed by the next one

LONGEST: Final = 5  # certificates of a chain; ISO 15118 has three and a root
MAX_RESPONDERS: Final = 2  # that are asked about one certificate
ALGORITHMS: Final = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
EMAID_LENGTHS: Final = {14, 15}  # without and with its check digit (ISO 15118-2 annex H)
# What a responder says of a certificate → what the vehicle is told (C07.FR.05).
_REVOCATION: Final[dict[str, CertificateStatus]] = {
    "Good": "Accepted",
    "Revoked": "CertificateRevoked",  # FR.16
    "Unknown": "CertChainError",  # FR.17: it cannot be verified
}


class ContractCheck:
    """Which contracts count: those below `roots`.

    `without_answer`: also those of which no responder says anything that could be believed.
    """

    def __init__(self, roots: Sequence[x509.Certificate] = (), *, without_answer: bool = False) -> None:
        self._roots = tuple(roots)
        self._without_answer = without_answer

    def questions(self, request: Authorize) -> Sequence[RevocationAsked]:
        """One for each certificate that the message brings or names, but for a root.

        Nobody is asked about what is refused anyway: what leads to no root of ours may name any responder.
        """
        path = self._path(request)
        named = _named(request)
        if not self._roots or path is None or None in named:
            return ()
        hashed = [one for one in named if one is not None]
        asked: list[RevocationAsked] = []
        for position, (certificate, issuer) in enumerate(pairwise(path)):
            same = [one for one in hashed if _is_of(one, certificate, issuer)]
            hashed = [one for one in hashed if one not in same]
            told = [url for one in same for url in one.responders]
            asked.append(_asked(certificate, path[position + 1 :], told))
        return (*asked, *hashed)

    def judge(
        self, request: Authorize, answers: Sequence[Answer | None], now: datetime
    ) -> CertificateStatus | None:
        """None where the message brings no certificate; else what is wrong, given what responders said."""
        if not request.certificate and not request.iso15118_certificate_hash_data:
            return None
        path, questions = self._path(request), self.questions(request)
        if path is None or not questions:
            return "CertChainError"
        if path and not _is_of_token(path[0], request.id_token.id_token):
            return "CertChainError"
        if not all(holds_at(one, now) for one in path):
            return "CertificateExpired"  # C07.FR.15
        found = (self._answered(answer) for answer in (*answers, *[None] * len(questions))[: len(questions)])
        return next((status for status in found if status != "Accepted"), "Accepted")

    def _answered(self, answer: Answer | None) -> CertificateStatus:
        """Anybody may say that a certificate is good, if he may choose whom we ask: his word is none."""
        if isinstance(answer, Revocation) and (answer.verified or answer.status == "Revoked"):
            return _REVOCATION[answer.status]
        return "Accepted" if self._without_answer else "CertChainError"

    def _path(self, request: Authorize) -> Path | None:
        """From the contract to the highest certificate known; empty: none came; None: it is broken."""
        if not request.certificate:
            return ()
        try:
            path = x509.load_pem_x509_certificates(request.certificate.encode())
        except BROKEN:
            return None
        if len(path) > LONGEST or not all(is_issued_by(one, issuer) for one, issuer in pairwise(path)):
            return None
        while (above := self._above(path)) is not None:
            path.append(above)
        trusted = any(one in self._roots for one in path)
        signable = all(may_sign(issuer, below) for below, issuer in enumerate(path[1:]))
        return path if trusted and signable else None

    def _above(self, path: Path) -> x509.Certificate | None:
        others = (root for root in self._roots if root not in path)
        return next((root for root in others if is_issued_by(path[-1], root)), None)


def _named(request: Authorize) -> Sequence[RevocationAsked | None]:
    """The certificates that the message names by hashes; None for hashes that no certificate has."""
    listed = request.iso15118_certificate_hash_data or ()
    return [revocation_asked(data, (data.responder_url,)) for data in listed]


def _asked(certificate: x509.Certificate, above: Path, told: Sequence[str]) -> RevocationAsked:
    """`told`: responders that the message names; those that the certificate names follow."""
    request = _request(certificate, above[0], "SHA256")
    responders = dict.fromkeys((*told, *_responders(certificate)))
    return RevocationAsked(
        hash_algorithm="SHA256",
        issuer_name_hash=request.issuer_name_hash.hex(),
        issuer_key_hash=request.issuer_key_hash.hex(),
        serial_number=f"{certificate.serial_number:x}",
        responders=tuple(responders)[:MAX_RESPONDERS],
        issuers=tuple(one.public_bytes(Encoding.DER) for one in above),
    )


def _is_of(hashed: RevocationAsked, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    request = _request(certificate, issuer, hashed.hash_algorithm)
    return (
        int(hashed.serial_number, 16) == certificate.serial_number
        and hashed.issuer_name_hash == request.issuer_name_hash.hex()
        and hashed.issuer_key_hash == request.issuer_key_hash.hex()
    )


def _request(certificate: x509.Certificate, issuer: x509.Certificate, algorithm: str) -> ocsp.OCSPRequest:
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, ALGORITHMS[algorithm]).build()


def _responders(certificate: x509.Certificate) -> Sequence[str]:
    """Where the certificate says that it can be asked about (RFC 5280 §4.2.2.1)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except BROKEN:
        return ()
    return [
        one.access_location.value
        for one in access
        if one.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    ]


def _is_of_token(certificate: x509.Certificate, token: str) -> bool:
    """Whether the contract's subject is the eMAID presented; hyphens and a check digit may be left out."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return any(_is_same(_bare(str(name.value)), _bare(token)) for name in names)


def _bare(emaid: str) -> str:
    return emaid.replace("-", "").casefold()


def _is_same(one: str, other: str) -> bool:
    if {len(one), len(other)} == EMAID_LENGTHS:
        return one[: min(EMAID_LENGTHS)] == other[: min(EMAID_LENGTHS)]
    return one == other
