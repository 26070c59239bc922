"""What can be said of X.509 certificates, whatever stands in them: somebody outside has written them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

# What reading a certificate raises that is no good one.
BROKEN: Final = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def holds_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it is in time."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """By name and signature; whether the issuer may is another question."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except BROKEN:
        return False
    return True


def may_sign(certificate: x509.Certificate, below: int = 0) -> bool:
    """Whether it is a CA's, and one that may have so many sub-CAs below it (RFC 5280 §4.2.1.9)."""
    try:
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except BROKEN:
        return False
    return limits.ca and (limits.path_length is None or below <= limits.path_length)
