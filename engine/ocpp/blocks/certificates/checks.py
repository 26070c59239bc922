"""What certificates and signing requests must be, in every version."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from engine.certificates import BROKEN

MIN_RSA_BITS: Final = 2048  # whitepaper and 2.0.1 A00.FR.501 to FR.503: at least 112 bits of security
MIN_EC_BITS: Final = 224


def certificate_errors(pem: str, member: str, *, one: bool = False, now: datetime | None = None) -> list[str]:
    """What is wrong with PEM certificates; with `now`, also whether they have expired."""
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        expired = [c for c in certificates if now is not None and c.not_valid_after_utc <= now]
    except BROKEN:
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
    except BROKEN:
        return False
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= MIN_EC_BITS
    )
    return signed and strong
