"""Who signs the certificates of stations: the built-in CA, or one outside behind the same port.

The built-in CA is a root and a sub-CA in `<data>/pki`, made at the first start; the root signs nothing else.
What a station asks for beyond its key is not granted: subject, uses and dates are the CA's decision, so no
station gets a certificate under another's name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.certificates import BROKEN
from engine.domain.state import Frozen
from engine.errors import Invalid, OutsideError, SettingsError
from engine.ocpp.blocks.certificates.sign_certificate import COMBINED
from engine.security.http import HttpPost, Post
from engine.settings import Settings

ROOT_YEARS: Final = 25
SUB_YEARS: Final = 15
BACKDATED: Final = timedelta(
    hours=1
)  # clocks of stations drift, and a certificate must be valid at once (A02)
MAX_NAME: Final = 64  # characters of a common name (RFC 5280, ub-common-name)
MAX_CHAIN: Final = 65_536  # bytes of an answer of a CA outside
V2G_USES: Final = frozenset({"V2GCertificate", "V2G20Certificate"})


class Applicant(Frozen, frozen=True):
    """Whose key is signed, and for which use (CertificateSigningUseEnumType, or Combined)."""

    identity: str
    use: str


class Authority(Protocol):
    """A CA. `sign` gives a PEM chain: the station's certificate, then sub-CAs, no root.

    Raises Invalid when the request is refused for good, OutsideError when nobody decided about it.
    """

    async def sign(self, csr: str, applicant: Applicant) -> str: ...


class BuiltInAuthority:
    """Signs with the sub-CA's key, which never leaves this object."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        chain: Sequence[x509.Certificate],
        *,
        organisation: str,
        days: int,
        now: Callable[[], datetime],
    ) -> None:
        self._key = key
        self._issuer = chain[0]
        self._organisation = organisation
        self._life = timedelta(days=days)
        self._now = now

    async def sign(self, csr: str, applicant: Applicant) -> str:
        """A certificate in the applicant's name for the key in the request."""
        try:
            request = x509.load_pem_x509_csr(csr.encode())
            key = request.public_key()
            proven = request.is_signature_valid
        except BROKEN as error:
            raise Invalid(f"the signing request cannot be read: {error}") from None
        if not proven or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise Invalid("the signing request does not prove possession of an RSA or EC key")
        if len(applicant.identity) > MAX_NAME:
            raise Invalid(f"the identity is longer than a common name can be ({MAX_NAME})")
        now = self._now()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_subject(applicant, self._organisation))
            .issuer_name(self._issuer.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(min(now + self._life, self._issuer.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(key), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_uses(applicant.use)), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_authority_key(self._issuer), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _pem(certificate) + _pem(self._issuer)


class OutsideAuthority:
    """A CA behind a URL: it is posted `{"identity", "use", "csr"}` as JSON and answers with a PEM chain."""

    def __init__(self, url: str, post: Post) -> None:
        self._url = url
        self._post = post

    async def sign(self, csr: str, applicant: Applicant) -> str:
        """The CA's chain, if its first certificate is of the key that was asked for."""
        body = {"identity": applicant.identity, "use": applicant.use, "csr": csr}
        answer = await self._post.json(self._url, body, limit=MAX_CHAIN)
        try:
            chain = x509.load_pem_x509_certificates(answer)
            asked = x509.load_pem_x509_csr(csr.encode()).public_key()
        except BROKEN as error:
            raise OutsideError(f"the CA's answer is no PEM chain: {error}") from None
        if chain[0].public_key() != asked:
            raise OutsideError("the CA signed another key than the one in the request")
        return answer.decode()


def open_authority(settings: Settings, now: Callable[[], datetime], post: Post | None = None) -> Authority:
    """The CA that the settings name. Raises SettingsError, OSError."""
    if settings.certificate_authority is not None:
        return OutsideAuthority(settings.certificate_authority, post or HttpPost())
    folder, name, days = Path(settings.data, "pki"), settings.organisation, settings.certificate_days
    return built_in(folder, organisation=name, days=days, now=now)


def built_in(folder: Path, *, organisation: str, days: int, now: Callable[[], datetime]) -> BuiltInAuthority:
    """The CA whose keys are in `folder`, which is made if it is not there. Raises SettingsError, OSError."""
    if not folder.is_dir():
        _make(folder, organisation, now())
    try:
        key = serialization.load_pem_private_key((folder / "stations.key").read_bytes(), None)
        chain = [
            x509.load_pem_x509_certificate((folder / name).read_bytes())
            for name in ("stations.pem", "root.pem")
        ]
    except (OSError, *BROKEN) as error:
        raise SettingsError(f"{folder} does not hold the CA that was made there: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != chain[0].public_key():
        raise SettingsError(f"{folder}: stations.key is not the key of stations.pem")
    return BuiltInAuthority(key, chain, organisation=organisation, days=days, now=now)


def _make(folder: Path, organisation: str, now: datetime) -> None:
    """Root and sub-CA, whole or not at all: the folder gets its name last, and whoever is first wins."""
    root_key, sub_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    root = _ca("Root CA", organisation, root_key, None, root_key, now, ROOT_YEARS)
    sub = _ca("Charging Station CA", organisation, sub_key, root, root_key, now, SUB_YEARS)
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    draft.mkdir(mode=0o700, parents=True)
    try:
        for name, key in (("root.key", root_key), ("stations.key", sub_key)):
            _write(draft / name, _private(key), 0o600)
        for name, certificate in (("root.pem", root), ("stations.pem", sub)):
            _write(draft / name, _pem(certificate).encode(), 0o644)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Never readable by others, not even before it is written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _ca(  # noqa: PLR0917 - the parts of a certificate, in their order
    name: str,
    organisation: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    years: int,
) -> x509.Certificate:
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} {name}"[:MAX_NAME]),
    ])  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1 if issuer is None else 0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(_authority_key(issuer), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _subject(applicant: Applicant, organisation: str) -> x509.Name:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, applicant.identity),
    ]
    if applicant.use in V2G_USES:  # ISO 15118-2, profile of the SECC's certificate
        names.append(x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "CPO"))
    return x509.Name(names)


def _uses(use: str) -> list[x509.ObjectIdentifier]:
    """A station is a TLS client to us, and a TLS server to vehicles (ISO 15118)."""
    if use == COMBINED:
        return [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    return [ExtendedKeyUsageOID.SERVER_AUTH if use in V2G_USES else ExtendedKeyUsageOID.CLIENT_AUTH]


def _key_usage(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> x509.KeyUsage:
    is_rsa = isinstance(key, rsa.RSAPublicKey)
    return _usage(digital_signature=True, key_encipherment=is_rsa, key_agreement=not is_rsa)


def _usage(**uses: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: uses.get(name, False) for name in every})


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    held = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(held)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
