"""The management API's words and ours."""

import base64
import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kernel.identities import identity
from api.manage import rules
from engine.errors import Invalid


@pytest.mark.parametrize(("reference", "ocpp"), [(0, 1), (1, 2), (2, 3)])
def test_security_profiles_count_from_zero(reference: int, ocpp: int) -> None:
    assert rules.profile_in(reference) == ocpp
    assert rules.profile_out(ocpp) == reference


def test_a_station_without_password_appears_as_profile_0() -> None:
    assert rules.profile_out(0) == 0


@given(st.binary())
def test_hashes_come_in_either_alphabet_with_or_without_padding(data: bytes) -> None:
    digest = hashlib.sha256(data).digest()
    for text in (base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()):
        assert rules.certificate_hash(text) == digest
        assert rules.password_hash_in(text.rstrip("=")) == digest
    assert rules.password_hash_in(rules.password_hash_out(digest)) == digest


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é" * 44, "A" * 44 + "A"])
def test_other_texts_are_no_hashes(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.password_hash_in(text)
    assert list(refused.value.fields) == ["base64SHA256Password"]


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("GB-TWK-012345678-V", "GBTWK012345678V"),
        ("gbtwk012345678", "GBTWK012345678"),
        ("DE8AA001234567", "DE8AA001234567"),
        ("contract 7", "contract 7"),
    ],
)
def test_contract_ids(given_: str, stored: str) -> None:
    assert rules.contract_id(given_) == stored


@given(st.text(alphabet=string.printable + "é/€", max_size=300))
def test_identities_fit_into_a_path(text: str) -> None:
    fits = 1 <= len(text) <= 255 and "/" not in text and text.isprintable()
    try:
        assert identity(text) == text
        assert fits
    except Invalid:
        assert not fits


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "x"])
def test_broken_certificates(pem: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.certificate(pem)
    assert refused.value.fields == {"certificate": ["must be a PEM certificate"]}


def test_certificates_with_escaped_newlines(client_certificate: str) -> None:
    plain = rules.pem_and_hash(rules.certificate(client_certificate))
    escaped = rules.pem_and_hash(rules.certificate(client_certificate.replace("\n", "\\n")))
    assert plain == escaped
    assert plain[0] == client_certificate
