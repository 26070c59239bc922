"""Certificates inside a charger (security whitepaper for OCPP 1.6): store, hashes, signing request."""

from __future__ import annotations

from random import Random
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from engine.ocpp.messages.v16 import CertificateHashData

MOST_CERTIFICATES: Final = 20


class CertificateStore:
    """Root certificates by type, and the key pair of the charger's own certificate."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._roots: dict[str, list[CertificateHashData]] = {}
        self._key: ec.EllipticCurvePrivateKey | None = None

    def install(self, kind: str, pem: str) -> Literal["Accepted", "Rejected", "Failed"]:
        """Rejected is what is no certificate; Failed, where there is no room."""
        if sum(map(len, self._roots.values())) >= MOST_CERTIFICATES:
            return "Failed"
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return "Rejected"
        digest = _hash_data(certificate)
        installed = self._roots.setdefault(kind, [])
        if digest not in installed:
            installed.append(digest)
        return "Accepted"

    def installed(self, kind: str) -> list[CertificateHashData]:
        return list(self._roots.get(kind, ()))

    def delete(self, digest: CertificateHashData) -> bool:
        """Whether there was such a certificate; its other hash algorithms are not tried."""
        for installed in self._roots.values():
            if digest in installed:
                installed.remove(digest)
                return True
        return False

    def signing_request(self, organisation: str, identity: str) -> str:
        """A new key pair and a request for it, PEM."""
        self._key = ec.derive_private_key(self._dice.getrandbits(255) | 1, ec.SECP256R1())
        names = [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation or "Simulated"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, identity),
        ]
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
        request = builder.sign(self._key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def take_signed(self, chain: str) -> bool:
        """Whether the first certificate of the chain is one for our key."""
        try:
            leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        except ValueError:
            return False
        return self._key is not None and leaf.public_key() == self._key.public_key()


def is_certificate(pem: str) -> bool:
    """Whether this is a PEM certificate at all."""
    try:
        x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    return True


def _hash_data(certificate: x509.Certificate) -> CertificateHashData:
    # A root certificate is its own issuer; the hashes are those of an OCSP request (RFC 6960 §4.1.1).
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, certificate, hashes.SHA256()).build()
    return CertificateHashData(
        hash_algorithm="SHA256",
        issuer_name_hash=request.issuer_name_hash.hex(),
        issuer_key_hash=request.issuer_key_hash.hex(),
        serial_number=f"{certificate.serial_number:x}",
    )
