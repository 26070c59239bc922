"""May an OCSP response be believed (RFC 6960 §3.2)? Who signed it, for whom, and about what time.

Whoever asks names the responder, so its word counts by its signature alone: that of the issuer of the
certificate in question, or of one whom the issuer lets sign for it. Pure: bytes and a time in, a verdict out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.certificates import BROKEN, holds_at, is_issued_by, may_sign
from engine.errors import OutsideError

SKEW: Final = timedelta(minutes=5)  # by which a responder's clock may be ahead
UNDATED: Final = timedelta(days=1)  # that a word without a next update is believed
LONGEST_CHAIN: Final = 5  # certificates between an issuer and one that is trusted
DIGESTS: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def check_dates(single: ocsp.OCSPSingleResponse, now: datetime) -> None:
    """Raises OutsideError for a word of the future or of the past (§4.2.2.1)."""
    if single.this_update_utc > now + SKEW:
        raise OutsideError("the answer is of the future")
    until = single.next_update_utc or single.this_update_utc + UNDATED
    if until <= now:
        raise OutsideError("the answer is out of date")


def hashes_of(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """The issuer's name and key as a CertID has them (§4.1.1)."""
    return _hash(issuer.subject.public_bytes(), algorithm), _hash(_bits(issuer.public_key()), algorithm)


def _hash(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _bits(key: object) -> bytes:
    """What stands in the bit string of a SubjectPublicKeyInfo; nothing for keys that sign no responses."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b""


def issuer_among(
    candidates: Iterable[x509.Certificate], algorithm: hashes.HashAlgorithm, hashed: tuple[bytes, bytes]
) -> x509.Certificate | None:
    """The certificate that the hashes are of: they prove it, wherever it comes from."""
    return next((one for one in candidates if hashes_of(one, algorithm) == hashed), None)


def is_verified(
    answer: ocsp.OCSPResponse,
    issuer: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    now: datetime,
    above: Sequence[x509.Certificate] = (),
) -> bool:
    """Whether one who is trusted stands behind it; raises OutsideError where its own signature is wrong.

    `above`: further certificates that may stand between the issuer and an anchor.
    """
    signer = _signer(answer, issuer, now)
    try:
        _verify(signer, answer)
    except InvalidSignature:
        raise OutsideError("the answer's signature is wrong") from None
    return _is_anchored(issuer, anchors, [*above, *answer.certificates], now)


def _signer(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """The issuer itself, or one that it lets answer for it (§4.2.2.2)."""
    if _is_responder(answer, issuer):
        return issuer
    for one in answer.certificates:
        if _is_responder(answer, one) and _is_delegate(one, issuer, now):
            return one
    raise OutsideError("the answer is signed by somebody who may not")


def _is_responder(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == certificate.subject
    return answer.responder_key_hash == hashes_of(certificate, hashes.SHA1())[1]  # noqa: S303 - §4.2.1: KeyHash


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except BROKEN:
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in usage
        and holds_at(certificate, now)
        and is_issued_by(certificate, issuer)
    )


def _verify(signer: x509.Certificate, answer: ocsp.OCSPResponse) -> None:
    """Raises InvalidSignature, OutsideError."""
    key, digest = signer.public_key(), answer.signature_hash_algorithm
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes)
        return
    if not isinstance(digest, DIGESTS):
        raise OutsideError("the answer is signed with an outdated digest")
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), digest)
    else:
        raise OutsideError("the answer is signed with a key of another kind")


def _is_anchored(
    issuer: x509.Certificate,
    anchors: Sequence[x509.Certificate],
    others: Sequence[x509.Certificate],
    now: datetime,
) -> bool:
    """Whether the issuer is trusted, or leads to one that is."""
    for _ in range(LONGEST_CHAIN):
        if not holds_at(issuer, now):
            return False
        if issuer in anchors:
            return True
        above = (one for one in (*anchors, *others) if one != issuer and may_sign(one))
        found = next((one for one in above if is_issued_by(issuer, one)), None)
        if found is None:
            return False
        issuer = found
    return False
