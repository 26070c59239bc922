"""Contract certificates: to a root that is trusted, in time, of the token, and none of them revoked (C07)."""

from __future__ import annotations

import base64
import warnings
from datetime import timedelta
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.outside import Revocation
from engine.ocpp.blocks.authorization.contract_chains import CertificateStatus, ContractCheck
from engine.ocpp.messages import v21
from tests.pki import NOW, Holder, made, pem, question

DAY = timedelta(days=1)
EMAID = "DE8AA1A2B3C4D5"
ROOT = made("root", length=1)
SUB = made("sub", ROOT, length=0, responder="http://sub.example/")
LEAF = made(EMAID, SUB, ca=False, responder="http://leaf.example/")
CHECK = ContractCheck([ROOT.certificate])


def presented(*chain: Holder, token: str = EMAID, hashes: Any = (), text: str | None = None) -> v21.Authorize:
    more: dict[str, Any] = {"iso15118_certificate_hash_data": list(hashes)} if hashes else {}
    if chain or text is not None:
        more["certificate"] = pem(*chain) if text is None else text
    return v21.Authorize(id_token=v21.IdToken(id_token=token, type="eMAID"), **more)


def hashed(
    leaf: Holder, issuer: Holder, url: str = "http://told.example/", **other: Any
) -> v21.OCSPRequestData:
    asked = question(leaf, issuer)
    values: dict[str, Any] = {
        "hash_algorithm": "SHA256", "issuer_name_hash": asked.issuer_name_hash,
        "issuer_key_hash": asked.issuer_key_hash, "serial_number": asked.serial_number,
    }  # fmt: skip
    return v21.OCSPRequestData(**{**values, "responder_url": url, **other})


def word(status: Any, *, verified: bool = True) -> Revocation:
    return Revocation(status=status, response=b"", next_update=None, verified=verified)


GOOD = [word("Good")] * 9


def judged(request: v21.Authorize, answers: Any = GOOD, check: ContractCheck = CHECK) -> str | None:
    return check.judge(request, answers, NOW)


def test_a_chain_leads_to_a_root_that_is_trusted() -> None:
    assert judged(presented(LEAF, SUB)) == "Accepted"
    assert judged(presented(LEAF, SUB, ROOT)) == "Accepted"
    assert judged(presented(LEAF)) == "CertChainError"  # a link is missing
    assert judged(presented(SUB, LEAF)) == "CertChainError"
    assert judged(presented(text="text")) == "CertChainError"
    assert judged(presented(LEAF, SUB, ROOT), check=ContractCheck()) == "CertChainError"
    impostor = made("root", length=1)
    assert judged(presented(LEAF, SUB), check=ContractCheck([impostor.certificate])) == "CertChainError"
    both = ContractCheck([impostor.certificate, ROOT.certificate])  # a root and the one before it
    assert judged(presented(LEAF, SUB), check=both) == "Accepted"


def test_without_a_certificate_there_is_nothing_to_judge() -> None:
    assert judged(presented()) is None
    assert CHECK.questions(presented()) == ()


@pytest.mark.parametrize("moment", [-11, 10])
def test_every_certificate_is_in_time(moment: int) -> None:
    assert CHECK.judge(presented(LEAF, SUB), GOOD, NOW + moment * DAY) == "CertificateExpired"


def test_only_a_ca_signs_and_only_as_far_as_it_may() -> None:
    root = made("root", length=0)
    holder = made(EMAID, root, ca=False)
    check = ContractCheck([root.certificate])
    assert judged(presented(holder), check=check) == "Accepted"
    assert judged(presented(made(EMAID, holder, ca=False), holder), check=check) == "CertChainError"
    sub = made("sub", root)
    assert judged(presented(made(EMAID, sub, ca=False), sub), check=check) == "CertChainError"


def test_a_signature_by_another_key_is_seen() -> None:
    forged = made(EMAID, SUB, ca=False, signer=made("other").key)
    assert judged(presented(forged, SUB)) == "CertChainError"


def test_a_chain_is_not_longer_than_any_has_to_be() -> None:
    root = made("root")
    chain = [root]
    for number in range(5):
        chain.insert(0, made(f"sub {number}", chain[0]))
    leaf = made(EMAID, chain[0], ca=False)
    check = ContractCheck([root.certificate])
    assert judged(presented(leaf, *chain[:-2]), check=check) == "CertChainError"  # a link is missing
    assert judged(presented(leaf, *chain[:-1]), check=check) == "CertChainError"
    short = made(EMAID, chain[1], ca=False)
    assert judged(presented(short, *chain[1:-1]), check=check) == "Accepted"


@pytest.mark.parametrize(
    ("subject", "token", "same"),
    [
        (EMAID, EMAID, True),
        (EMAID, "de-8aa-1a2b3c4d5", True),
        ("DE-8AA-1A2B3C4D5-9", EMAID, True),  # with its check digit
        (EMAID, EMAID + "9", True),
        (EMAID, "DE8AA1A2B3C4D6", False),
        (EMAID, EMAID[:-1], False),
        (EMAID, "", False),
        (EMAID + "X", EMAID + "Y", False),
    ],
)
def test_its_subject_is_the_token(subject: str, token: str, same: bool) -> None:
    leaf = made(subject, SUB, ca=False)
    assert judged(presented(leaf, SUB, token=token)) == ("Accepted" if same else "CertChainError")


def test_each_certificate_but_the_root_is_asked_about_where_it_says() -> None:
    [of_leaf, of_sub] = CHECK.questions(presented(LEAF, SUB))
    assert (of_leaf.serial_number, of_leaf.responders) == (
        f"{LEAF.certificate.serial_number:x}",
        ("http://leaf.example/",),
    )
    assert (of_sub.serial_number, of_sub.responders) == (
        f"{SUB.certificate.serial_number:x}",
        ("http://sub.example/",),
    )
    assert len(of_leaf.issuers) == 2  # so that an answer signed by the sub-CA leads to the root
    assert CHECK.questions(presented(LEAF, SUB, ROOT)) == (of_leaf, of_sub)


def test_nobody_is_asked_about_a_chain_that_is_refused_anyway() -> None:
    """Whoever makes chains of his own would have us call anybody."""
    other = made("other", length=1)
    sub = made("sub", other, responder="http://victim.example/")
    leaf = made(EMAID, sub, ca=False, responder="http://victim.example/")
    for request in (presented(leaf, sub), presented(leaf, sub, other), presented(text="text")):
        assert CHECK.questions(request) == ()
    wrong = hashed(LEAF, SUB, issuer_key_hash="xyz")
    assert CHECK.questions(presented(LEAF, SUB, hashes=[wrong])) == ()
    assert judged(presented(LEAF, SUB, hashes=[wrong])) == "CertChainError"
    assert ContractCheck().questions(presented(hashes=[hashed(LEAF, SUB)])) == ()


def test_a_certificate_that_comes_both_ways_is_asked_about_once() -> None:
    both = presented(LEAF, SUB, hashes=[hashed(LEAF, SUB), hashed(SUB, ROOT)])
    [of_leaf, of_sub] = CHECK.questions(both)
    assert of_leaf.responders == ("http://told.example/", "http://leaf.example/")
    assert of_sub.responders == ("http://told.example/", "http://sub.example/")


def test_a_hash_of_another_certificate_is_asked_about_too() -> None:
    other = made("another", SUB, ca=False)
    request = presented(LEAF, SUB, hashes=[hashed(other, SUB)])
    assert len(CHECK.questions(request)) == 3
    assert judged(request, [*GOOD[:2], word("Revoked")]) == "CertificateRevoked"


@pytest.mark.parametrize("way", ["chain", "hashes", "both"])
@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (["Good", "Good"], "Accepted"),
        (["Revoked", "Good"], "CertificateRevoked"),
        (["Good", "Revoked"], "CertificateRevoked"),
        (["Good", "Unknown"], "CertChainError"),
        (["Good", None], "CertChainError"),  # nobody can be asked: not a yes
        (["Good"], "CertChainError"),
        ([], "CertChainError"),
        (["Good", "anybody's"], "CertChainError"),
    ],
)
def test_it_is_one_check_whichever_way_it_comes(way: str, answers: list[Any], status: str) -> None:
    chain = () if way == "hashes" else (LEAF, SUB)
    hashes = () if way == "chain" else (hashed(LEAF, SUB), hashed(SUB, ROOT))
    told = [word("Good", verified=False) if one == "anybody's" else one and word(one) for one in answers]
    assert judged(presented(*chain, hashes=hashes), told) == status


@pytest.mark.parametrize("way", ["chain", "hashes"])
def test_a_setting_lets_contracts_in_that_nobody_can_be_asked_about(way: str) -> None:
    check = ContractCheck([ROOT.certificate], without_answer=True)
    request = presented(LEAF, SUB) if way == "chain" else presented(hashes=[hashed(LEAF, SUB)])
    assert judged(request, [], check) == "Accepted"
    assert judged(request, [word("Good", verified=False)], check) == "Accepted"
    for status in ("Revoked", "Unknown"):
        assert judged(request, [word(status)], check) != "Accepted"
    assert judged(request, [word("Revoked", verified=False)], check) == "CertificateRevoked"
    assert judged(request, [], ContractCheck(without_answer=True)) == "CertChainError"


def damaged(holder: Holder, damage: dict[int, int]) -> str:
    """Its PEM, with other bytes at these places."""
    der = bytearray(holder.certificate.public_bytes(Encoding.DER))
    for place, byte in damage.items():
        der[place % len(der)] = byte
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE-----\n"


@settings(max_examples=400)
@given(st.dictionaries(st.integers(0, 800), st.integers(0, 255), max_size=4), st.booleans())
def test_whatever_stands_in_a_certificate_it_gets_its_verdict(damage: dict[int, int], leaf: bool) -> None:
    first = damaged(LEAF, damage) if leaf else pem(LEAF)
    above = pem(SUB) if leaf else damaged(SUB, damage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of certificates that break a rule of theirs
        assert judged(presented(text=first + above)) in get_args(CertificateStatus)
