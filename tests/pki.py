"""Real keys, certificates and OCSP answers, made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from engine.domain.outside import RevocationAsked

NOW: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS: Final = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


class Holder(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any


def digest(key: Any) -> Any:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def made(
    name: str,
    issuer: Holder | None = None,
    *,
    kind: str = "ec",
    usage: Any = None,
    ca: bool = True,
    days: int = 9,
    length: int | None = None,
    responder: str | None = None,
    signer: Any = None,
) -> Holder:
    """A certificate of that name, signed by its issuer's key or its own; `responder` is the URL it names."""
    key = KEYS[kind]()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=10))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
    )
    if usage is not None:
        built = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if responder is not None:
        location = x509.UniformResourceIdentifier(responder)
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)
        built = built.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    signing = signer or (key if issuer is None else issuer.key)
    return Holder(built.sign(signing, digest(signing)), key)


def pem(*holders: Holder) -> str:
    encoded = (one.certificate.public_bytes(serialization.Encoding.PEM) for one in holders)
    return b"".join(encoded).decode()


def question(leaf: Holder, issuer: Holder, *responders: str) -> RevocationAsked:
    """Is `leaf` revoked?"""
    asked = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(leaf.certificate, issuer.certificate, hashes.SHA256())
        .build()
    )
    return RevocationAsked(
        hash_algorithm="SHA256",
        issuer_name_hash=asked.issuer_name_hash.hex(),
        issuer_key_hash=asked.issuer_key_hash.hex(),
        serial_number=f"{asked.serial_number:x}",
        responders=responders,
    )


def response(leaf: Holder, issuer: Holder, signer: Holder, *sent: Holder, **other: Any) -> bytes:
    """What a responder says of `leaf`, signed by `signer`, with the certificates that it sends along."""
    told = {
        "algorithm": hashes.SHA256(), "this": NOW - timedelta(hours=1), "next": NOW + timedelta(hours=1),
        "by": ocsp.OCSPResponderEncoding.NAME, "status": ocsp.OCSPCertStatus.GOOD, **other,
    }  # fmt: skip
    revoked = told["status"] is ocsp.OCSPCertStatus.REVOKED
    built = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            leaf.certificate, issuer.certificate, told["algorithm"], told["status"], told["this"],
            told["next"], told["this"] if revoked else None, None,
        )
        .responder_id(told["by"], signer.certificate)
    )  # fmt: skip
    if sent:
        built = built.certificates([one.certificate for one in sent])
    return built.sign(signer.key, digest(signer.key)).public_bytes(serialization.Encoding.DER)
