"""Whose word about a certificate counts (RFC 6960 §3.2), with real keys, certificates and responses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.domain.outside import Revocation, RevocationAsked
from engine.errors import OutsideError
from engine.security.ocsp import _read

from .conftest import NOW

KEYS = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
SHA1 = hashes.SHA1()  # noqa: S303 - responders still write it into CertIDs
SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING
AUTH = ExtendedKeyUsageOID.CLIENT_AUTH


class Holder(NamedTuple):
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
) -> Holder:
    """A certificate of that name, signed by its issuer's key or its own."""
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
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage is not None:
        built = built.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    signer = key if issuer is None else issuer.key
    return Holder(built.sign(signer, digest(signer)), key)


def question(leaf: Holder, issuer: Holder) -> RevocationAsked:
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
        responders=(),
    )


def response(leaf: Holder, issuer: Holder, signer: Holder, *sent: Holder, **other: Any) -> bytes:
    told = {
        "algorithm": hashes.SHA256(), "this": NOW - timedelta(hours=1), "next": NOW + timedelta(hours=1),
        "by": ocsp.OCSPResponderEncoding.NAME, **other,
    }  # fmt: skip
    built = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            leaf.certificate, issuer.certificate, told["algorithm"], ocsp.OCSPCertStatus.GOOD, told["this"],
            told["next"], None, None,
        )
        .responder_id(told["by"], signer.certificate)
    )  # fmt: skip
    if sent:
        built = built.certificates([one.certificate for one in sent])
    return built.sign(signer.key, digest(signer.key)).public_bytes(serialization.Encoding.DER)


ROOT, OTHER = made("root"), made("other")
SUB = made("sub", ROOT)
LEAF = made("leaf", SUB, ca=False)
RESPONDER = made("responder", SUB, usage=SIGNING, ca=False)


def read(body: bytes, *anchors: Holder) -> Revocation:
    return _read(body, question(LEAF, SUB), [anchor.certificate for anchor in anchors], NOW)


@pytest.mark.parametrize("by", ocsp.OCSPResponderEncoding)
@pytest.mark.parametrize(
    ("signer", "sent", "anchors", "verified"),
    [
        (SUB, (), (SUB,), True),
        (SUB, (SUB,), (ROOT,), True),
        (SUB, (), (ROOT,), False),  # the issuer is not known
        (SUB, (SUB,), (OTHER,), False),  # it is, and is nobody's
        (SUB, (SUB,), (), False),
        (RESPONDER, (RESPONDER,), (SUB,), True),
        (RESPONDER, (RESPONDER, SUB), (ROOT,), True),
        (RESPONDER, (RESPONDER,), (ROOT,), False),
        (RESPONDER, (RESPONDER, SUB), (OTHER,), False),
    ],
)
def test_whose_word_is_believed(by: Any, signer: Holder, sent: Any, anchors: Any, verified: bool) -> None:
    answer = read(response(LEAF, SUB, signer, *sent, by=by), *anchors)
    assert (answer.status, answer.verified) == ("Good", verified)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_with_keys_of_every_kind(kind: str) -> None:
    signer = made(f"{kind} responder", SUB, kind=kind, usage=SIGNING, ca=False)
    assert read(response(LEAF, SUB, signer, signer), SUB).verified


@pytest.mark.parametrize(
    ("signer", "sent"),
    [
        (OTHER, (OTHER,)),
        (RESPONDER, ()),
        (made("client", SUB, usage=AUTH, ca=False), "itself"),
        (made("plain", SUB, ca=False), "itself"),
        (made("expired", SUB, usage=SIGNING, ca=False, days=-1), "itself"),
        (made("of the root", ROOT, usage=SIGNING, ca=False), "itself"),
        (made("of nobody", OTHER, usage=SIGNING, ca=False), "itself"),
    ],
)
def test_nobody_else_may_sign(signer: Holder, sent: Any) -> None:
    with pytest.raises(OutsideError, match="may not"):
        read(response(LEAF, SUB, signer, *([signer] if sent == "itself" else sent)), SUB)


def test_a_name_is_no_signature() -> None:
    with pytest.raises(OutsideError, match="signature is wrong"):
        read(response(LEAF, SUB, made("sub")), SUB)


def test_an_issuer_out_of_date_is_not_trusted() -> None:
    old = made("old", days=-1)
    leaf = made("leaf", old, ca=False)
    body = response(leaf, old, old)
    assert not _read(body, question(leaf, old), [old.certificate], NOW).verified


@pytest.mark.parametrize(
    ("this", "until", "why"),
    [
        (timedelta(minutes=6), timedelta(hours=1), "future"),
        (timedelta(hours=-2), timedelta(hours=-1), "out of date"),
        (timedelta(hours=-2), timedelta(0), "out of date"),
        (timedelta(hours=-25), None, "out of date"),
    ],
)
def test_a_word_has_its_time(this: timedelta, until: timedelta | None, why: str) -> None:
    dates = {"this": NOW + this, "next": None if until is None else NOW + until}
    with pytest.raises(OutsideError, match=why):
        read(response(LEAF, SUB, SUB, **dates), SUB)


def test_a_clock_may_be_a_little_ahead_and_a_word_without_end_counts_for_a_day() -> None:
    body = response(LEAF, SUB, SUB, this=NOW + timedelta(minutes=4), next=NOW + timedelta(hours=1))
    assert read(body, SUB).verified
    assert read(response(LEAF, SUB, SUB, this=NOW - timedelta(hours=23), next=None), SUB).verified


def test_another_digest_of_the_same_certificate() -> None:
    body = response(LEAF, SUB, SUB, algorithm=SHA1)
    assert read(body, SUB).verified
    with pytest.raises(OutsideError, match="another certificate"):
        read(body)  # whose the hashes are is not known


def test_a_serial_number_of_another_issuer_is_another_certificate() -> None:
    for algorithm in (hashes.SHA256(), SHA1):
        with pytest.raises(OutsideError, match="another certificate"):
            read(response(LEAF, OTHER, OTHER, OTHER, algorithm=algorithm), SUB, OTHER)
