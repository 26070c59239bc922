"""Certificates of 2.x: what is signed, what is asked outside, what a station is told (A02, M01 to M07)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.changes import CertificateWanted, EventPublished
from engine.domain.outside import Contract, ContractAsked, Revocation, RevocationAsked
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.certificates.contracts import contract_needs_v2x, get_15118_ev_certificate_v2x
from engine.ocpp.blocks.certificates.install_certificate import check_install_certificate_v2x
from engine.ocpp.blocks.certificates.revocation import (
    certificate_status_needs_v2x,
    chain_status_needs_v21,
    get_certificate_chain_status_v21,
    get_certificate_status_v2x,
)
from engine.ocpp.blocks.certificates.sign_certificate import sign_certificate_v2x
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts
from tests.answers import facts_of

HASH, SERIAL = "ab" * 32, "0A0b"


@pytest.mark.proves("2.x", "SignCertificate")
@pytest.mark.parametrize(("told", "kept"), [(None, "Combined"), ("V2GCertificate", "V2GCertificate")])
def test_a_good_request_is_written_down_for_the_ca(
    station: ChargePoint, words: Any, csr: str, told: Any, kept: str
) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    members = {} if told is None else {"certificate_type": told}
    outcome = sign_certificate_v2x(station, words.SignCertificate(csr=csr, **members), Facts(), now)
    assert outcome.reply == words.SignCertificateResponse(status="Accepted")
    assert outcome.durable
    wanted, event = outcome.changes
    assert wanted == CertificateWanted(
        charge_point_id=12, certificate_type=kept, csr=csr, request_id=None, requested_at=now
    )
    assert isinstance(event, EventPublished)


@pytest.mark.proves("2.1", "SignCertificate")
def test_the_request_id_of_2_1_comes_back_later(cp: ChargePoint, now: datetime, csr: str) -> None:
    station = replace(cp, version="ocpp2.1")
    outcome = sign_certificate_v2x(station, v21.SignCertificate(csr=csr, request_id=77), Facts(), now)
    assert isinstance(outcome.changes[0], CertificateWanted)
    assert outcome.changes[0].request_id == 77


@pytest.mark.proves("2.x", "SignCertificate")
@pytest.mark.parametrize("csr_text", ["", "no PEM", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_what_no_ca_could_sign_is_rejected_at_once(
    station: ChargePoint, words: Any, now: datetime, csr_text: str
) -> None:
    outcome = sign_certificate_v2x(station, words.SignCertificate(csr=csr_text), Facts(), now)
    assert outcome.reply == words.SignCertificateResponse(status="Rejected")
    assert outcome.changes == ()


@pytest.mark.proves("2.0.1", "SignCertificate")
def test_a_refused_station_gets_no_certificate(
    station: ChargePoint, words: Any, now: datetime, csr: str
) -> None:
    refused = replace(station, registration=Registration.REJECTED)
    outcome = sign_certificate_v2x(refused, words.SignCertificate(csr=csr), Facts(), now)
    assert outcome.reply == words.SignCertificateResponse(status="Rejected")


@pytest.mark.proves("2.x", "InstallCertificate")
def test_only_a_valid_certificate_is_installed(
    station: ChargePoint, words: Any, now: datetime, certificate: Callable[[datetime], str]
) -> None:
    def reasons(pem: str) -> list[str]:
        request = words.InstallCertificate(certificate_type="V2GRootCertificate", certificate=pem)
        return check_install_certificate_v2x(request, station, now)

    good = certificate(now - timedelta(days=1))
    assert reasons(good) == []
    assert reasons(good + good) == ["certificate must hold exactly one certificate"]
    assert reasons(certificate(now - timedelta(days=400))) == ["certificate has expired"]
    assert reasons("text") == ["certificate is not a PEM certificate"]


def status_request(words: Any, **more: Any) -> Any:
    members = {
        "hash_algorithm": "SHA256",
        "issuer_name_hash": HASH.upper(),
        "issuer_key_hash": HASH,
        "serial_number": SERIAL,
        "responder_url": "http://ocsp.example/",
        **more,
    }
    return words.GetCertificateStatus(ocsp_request_data=words.OCSPRequestData(**members))


def test_the_named_responder_is_asked(station: ChargePoint, words: Any) -> None:
    needs = certificate_status_needs_v2x(station, status_request(words))
    assert needs == (
        RevocationAsked(
            hash_algorithm="SHA256",
            issuer_name_hash=HASH,
            issuer_key_hash=HASH,
            serial_number="0a0b",
            responders=("http://ocsp.example/",),
        ),
    )


@pytest.mark.proves("2.x", "GetCertificateStatus")
@pytest.mark.parametrize(
    "bad", [{"issuer_name_hash": "ab"}, {"issuer_key_hash": "x" * 64}, {"serial_number": "12g"}]
)
def test_hashes_that_are_none_are_asked_of_nobody(
    station: ChargePoint, words: Any, now: datetime, bad: Any
) -> None:
    request = status_request(words, **bad)
    assert not certificate_status_needs_v2x(station, request)
    outcome = get_certificate_status_v2x(station, request, Facts(), now)
    assert outcome.reply == words.GetCertificateStatusResponse(status="Failed")


@pytest.mark.proves("2.x", "GetCertificateStatus")
@pytest.mark.parametrize("status", ["Good", "Revoked", "Unknown"])
def test_the_responders_word_goes_on_untouched(
    station: ChargePoint, words: Any, now: datetime, status: Any
) -> None:
    word = Revocation(status=status, response=b"DER", next_update=None, verified=True)
    outcome = get_certificate_status_v2x(station, status_request(words), facts_of(outside=(word,)), now)
    assert outcome.reply == words.GetCertificateStatusResponse(
        status="Accepted", ocsp_result=base64.b64encode(b"DER").decode()
    )


@pytest.mark.proves("2.x", "GetCertificateStatus")
def test_an_answer_that_does_not_fit_the_message_is_none(
    station: ChargePoint, words: Any, now: datetime
) -> None:
    word = Revocation(status="Good", response=bytes(20_000), next_update=None)
    outcome = get_certificate_status_v2x(station, status_request(words), facts_of(outside=(word,)), now)
    assert outcome.reply == words.GetCertificateStatusResponse(status="Failed")


@pytest.mark.proves("2.1", "GetCertificateChainStatus")
def test_a_chain_is_answered_certificate_by_certificate(cp: ChargePoint, now: datetime) -> None:
    def info(serial: str, source: Any = "OCSP") -> v21.CertificateStatusRequestInfo:
        data = v21.CertificateHashData(
            hash_algorithm="SHA256", issuer_name_hash=HASH, issuer_key_hash=HASH, serial_number=serial
        )
        return v21.CertificateStatusRequestInfo(
            certificate_hash_data=data, source=source, urls=["http://a.example/", "http://b.example/"]
        )

    request = v21.GetCertificateChainStatus(
        certificate_status_requests=[info("1"), info("2", "CRL"), info("xyz"), info("3")]
    )
    needs = chain_status_needs_v21(cp, request)
    assert [getattr(question, "serial_number", "") for question in needs] == ["1", "3"]
    later = now + timedelta(days=3)
    answers = (None, Revocation(status="Revoked", response=b"", next_update=later, verified=True))
    outcome = get_certificate_chain_status_v21(cp, request, facts_of(outside=answers), now)
    assert isinstance(outcome.reply, v21.GetCertificateChainStatusResponse)
    told = [(one.certificate_hash_data.serial_number, one.status) for one in outcome.reply.certificate_status]
    assert told == [("1", "Failed"), ("2", "Failed"), ("xyz", "Failed"), ("3", "Revoked")]
    anybodys = (None, Revocation(status="Good", response=b"", next_update=later))
    reply: Any = get_certificate_chain_status_v21(cp, request, facts_of(outside=anybodys), now).reply
    assert [one.status for one in reply.certificate_status] == ["Failed"] * 4
    assert outcome.reply.certificate_status[3].next_update == later


def contract_request(words: Any) -> Any:
    return words.Get15118EVCertificate(
        iso15118_schema_version="urn:iso:15118:2:2013:MsgDef", action="Install", exi_request="AAAA"
    )


@pytest.mark.proves("2.x", "Get15118EVCertificate")
def test_the_contract_provider_answers_for_us(station: ChargePoint, words: Any, now: datetime) -> None:
    needs = contract_needs_v2x(station, contract_request(words))
    assert isinstance(needs[0], ContractAsked)
    answer = Contract(accepted=True, exi_response="QUJD", remaining=2)
    outcome = get_15118_ev_certificate_v2x(station, contract_request(words), facts_of(outside=(answer,)), now)
    more = {"remaining_contracts": 2} if words is v21 else {}
    assert outcome.reply == words.Get15118EVCertificateResponse(
        status="Accepted", exi_response="QUJD", **more
    )


@pytest.mark.proves("2.x", "Get15118EVCertificate")
@pytest.mark.parametrize(
    "answer",
    [None, Contract(accepted=False, exi_response=""), Contract(accepted=True, exi_response="A" * 20_000)],
)
def test_no_contract_is_failed(station: ChargePoint, words: Any, now: datetime, answer: Any) -> None:
    outcome = get_15118_ev_certificate_v2x(station, contract_request(words), facts_of(outside=(answer,)), now)
    assert outcome.reply == words.Get15118EVCertificateResponse(status="Failed", exi_response="")
