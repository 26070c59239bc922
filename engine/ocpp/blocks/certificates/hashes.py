"""Certificates named by hashes, as OCSP does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.ocpp.operation import Document


class CertificateHash(Document, frozen=True):
    """Names a certificate as OCSP does; hexadecimal."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


def hash_document(digest: CertificateHash) -> Mapping[str, str]:
    """CertificateHashDataType, the same in every version."""
    return {
        "hashAlgorithm": digest.hash_algorithm,
        "issuerNameHash": digest.issuer_name_hash,
        "issuerKeyHash": digest.issuer_key_hash,
        "serialNumber": digest.serial_number,
    }


def hash_of(data: Any) -> CertificateHash:
    """CertificateHashDataType of any version as ours."""
    return CertificateHash(
        hash_algorithm=data.hash_algorithm,
        issuer_name_hash=data.issuer_name_hash,
        issuer_key_hash=data.issuer_key_hash,
        serial_number=data.serial_number,
    )
