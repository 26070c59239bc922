"""Whose word about a certificate counts (RFC 6960 §3.2), with real keys, certificates and responses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.domain.outside import Revocation
from engine.errors import OutsideError
from engine.security.ocsp import _read
from tests.pki import NOW, Holder, made, question, response

SHA1 = hashes.SHA1()  # noqa: S303 - responders still write it into CertIDs
SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING
AUTH = ExtendedKeyUsageOID.CLIENT_AUTH


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
