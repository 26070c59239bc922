"""Contract certificates that stations pass on whole (2.0.1 C07.FR.06): do they lead to a root that we trust?

Whether a certificate is revoked is asked elsewhere; here only dates, signatures and who may sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from engine.ocpp.blocks.authorization_v2x import CertificateStatus, ChainHook


def trusting(roots: Sequence[x509.Certificate]) -> ChainHook:
    """The hook of `authorize_v2x` that trusts these roots; a chain may bring its root along or not.

    What cannot be verified is a CertChainError, whatever the reason (C07.FR.17).
    """

    def judge(chain: str, now: datetime) -> CertificateStatus:
        try:
            certificates = x509.load_pem_x509_certificates(chain.encode())
        except (ValueError, UnsupportedAlgorithm):
            return "CertChainError"
        last = certificates[-1]
        if last not in roots:
            root = next((root for root in roots if root.subject == last.issuer), None)
            if root is None:
                return "CertChainError"
            certificates.append(root)
        if any(not one.not_valid_before_utc <= now < one.not_valid_after_utc for one in certificates):
            return "CertificateExpired"
        if not all(_may_sign(issuer, below) for below, issuer in enumerate(certificates[1:])):
            return "CertChainError"
        return _linked(certificates)

    return judge


def _linked(certificates: Sequence[x509.Certificate]) -> CertificateStatus:
    for certificate, issuer in pairwise(certificates):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):  # or names that do not match, a key of another kind
            return "CertChainError"
    return "Accepted"


def _may_sign(certificate: x509.Certificate, below: int) -> bool:
    """A CA, and one that may have so many sub-CAs below it (RFC 5280 §4.2.1.9)."""
    try:
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return limits.ca and (limits.path_length is None or below <= limits.path_length)
