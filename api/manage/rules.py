"""Conversions between the management API's words and ours. Pure; what cannot be converted is Invalid."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from api.kernel.problems import INVALID_DATA
from engine.errors import Invalid

EMAID: Final = re.compile(
    r"(?P<country>[A-Z]{2})-?(?P<provider>[A-Z0-9]{3})-?(?P<instance>[A-Z0-9]{9})(?:-?(?P<check>[A-Z0-9]))?",
    re.IGNORECASE,
)


def profile_in(zero_based: int) -> int:
    """OCPP's number of a security profile."""
    return zero_based + 1


def profile_out(profile: int) -> int:
    """The zero-based number. OCPP's profile 0 (no password) has none and appears as 0, without a password."""
    return max(profile - 1, 0)


def password_hash_in(text: str) -> bytes:
    """The SHA-256 of a password from base64."""
    return _digest(text, "base64SHA256Password", "must be the base64 of a SHA-256 hash (32 bytes)")


def password_hash_out(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def certificate_hash(text: str) -> bytes:
    """The SHA-256 of a certificate from its address: base64 in either alphabet, padding optional."""
    return _digest(
        text, "certificateHash", "must be the base64 of the SHA-256 of the certificate's DER bytes"
    )


def _digest(text: str, field: str, rule: str) -> bytes:
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        digest = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashes.SHA256.digest_size:
        raise Invalid(INVALID_DATA, {field: [rule]})
    return digest


def certificate(pem: str, field: str = "certificate") -> x509.Certificate:
    """The first certificate of a PEM text, whose newlines may be written as backslash and n."""
    try:
        return x509.load_pem_x509_certificate(unescaped(pem).encode())
    except ValueError:
        raise Invalid(INVALID_DATA, {field: ["must be a PEM certificate"]}) from None


def unescaped(pem: str) -> str:
    """Some clients send the two characters that the reference names instead of a newline."""
    return pem.replace("\\n", "\n").strip() + "\n"


def pem_and_hash(parsed: x509.Certificate) -> tuple[str, bytes]:
    """The certificate alone as PEM, and the SHA-256 of its DER bytes."""
    return parsed.public_bytes(Encoding.PEM).decode(), parsed.fingerprint(hashes.SHA256())


def contract_id(text: str) -> str:
    """An eMAID in capitals without separators; other contract ids stay as they are."""
    found = EMAID.fullmatch(text)
    return "".join(part for part in found.groups() if part).upper() if found else text
