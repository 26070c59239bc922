"""Security events and certificates (security whitepaper A02–A04, M04, M05)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from engine.domain.changes import CertificateWanted, EventPublished, SecurityEventReported
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.certificates.delete_certificate import check_delete_certificate_v16
from engine.ocpp.blocks.certificates.install_certificate import check_install_certificate_v16
from engine.ocpp.blocks.certificates.sign_certificate import (
    check_certificate_signed_v16,
    sign_certificate_v16,
)
from engine.ocpp.blocks.security.security_event import SECURITY_EVENTS, security_event_notification_v16
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Outcome


def signing_request(key: Any, algorithm: hashes.SHA256 | None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP-12")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def csr() -> str:
    return signing_request(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).decode()


@pytest.fixture(scope="session")
def weak_csr() -> str:
    return signing_request(ec.generate_private_key(ec.SECP192R1()), hashes.SHA256()).decode()


@pytest.fixture(scope="session")
def odd_csr() -> str:
    return signing_request(ed25519.Ed25519PrivateKey.generate(), None).decode()


def sign(cp: ChargePoint, now: datetime, csr: str) -> Outcome:
    return sign_certificate_v16(cp, v16.SignCertificate(csr=csr), Facts(), now)


def test_seven_of_eighteen_types_are_critical() -> None:
    assert len(SECURITY_EVENTS) == 18
    assert {name for name, critical in SECURITY_EVENTS.items() if critical} == {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }


@pytest.mark.proves("1.6", "SecurityEventNotification")
@pytest.mark.parametrize(
    ("kind", "critical"), [*SECURITY_EVENTS.items(), ("com.acme.DoorOpened", False)], ids=str
)
def test_every_event_is_stored_and_published(
    cp: ChargePoint, now: datetime, kind: str, critical: bool
) -> None:
    when = now - timedelta(hours=1)
    request = v16.SecurityEventNotification(type=kind, timestamp=when, tech_info="why")
    outcome = security_event_notification_v16(cp, request, Facts(), now)
    assert outcome.reply == v16.SecurityEventNotificationResponse()
    assert outcome.durable
    stored, event = outcome.changes
    assert stored == SecurityEventReported(
        charge_point_id=12,
        operator_id=1,
        type=kind,
        timestamp=when,
        tech_info="why",
        critical=critical,
        received_at=now,
    )
    assert isinstance(event, EventPublished)
    assert msgspec.json.decode(event.payload) == {
        "notification": "SecurityEventNotification",
        "chargePointId": 12,
        "type": kind,
        "timestamp": "2026-03-01T11:00:00Z",
        "techInfo": "why",
        "critical": critical,
    }


@pytest.mark.proves("1.6", "SignCertificate")
def test_a_good_signing_request_waits_for_the_ca(cp: ChargePoint, now: datetime, csr: str) -> None:
    outcome = sign(cp, now, csr)
    assert outcome.reply == v16.SignCertificateResponse(status="Accepted")
    wanted, event = outcome.changes
    assert wanted == CertificateWanted(
        charge_point_id=12,
        certificate_type="ChargingStationCertificate",
        csr=csr,
        request_id=None,
        requested_at=now,
    )
    assert isinstance(event, EventPublished)
    assert event.type == "chargePoint.certificateRequested"
    assert msgspec.json.decode(event.payload)["csr"] == csr


@pytest.mark.proves("1.6", "SignCertificate")
@pytest.mark.parametrize(
    ("registration", "status"),
    [
        (Registration.ACCEPTED, "Accepted"),
        (Registration.PENDING, "Accepted"),
        (Registration.REJECTED, "Rejected"),
    ],
)
def test_a_refused_charge_point_gets_no_certificate(
    cp: ChargePoint, now: datetime, csr: str, registration: Registration, status: Any
) -> None:
    outcome = sign(replace(cp, registration=registration), now, csr)
    assert outcome.reply == v16.SignCertificateResponse(status=status)
    assert bool(outcome.changes) == (status == "Accepted")


@pytest.mark.proves("1.6", "SignCertificate")
def test_a_tampered_signing_request_is_rejected(cp: ChargePoint, now: datetime, csr: str) -> None:
    der = bytearray(x509.load_pem_x509_csr(csr.encode()).public_bytes(serialization.Encoding.DER))
    at = der.index(b"CP-12")
    der[at : at + 5] = b"CP-13"
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    assert sign(cp, now, forged).reply == v16.SignCertificateResponse(status="Rejected")


def test_weak_and_unusual_keys_are_rejected(
    cp: ChargePoint, now: datetime, weak_csr: str, odd_csr: str
) -> None:
    for csr in (weak_csr, odd_csr):
        outcome = sign(cp, now, csr)
        assert outcome.reply == v16.SignCertificateResponse(status="Rejected")
        assert not outcome.changes


@pytest.mark.parametrize(
    "csr",
    [
        "",
        "nonsense",
        "\x00",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----\n",
    ],
)
def test_a_malformed_signing_request_is_rejected(cp: ChargePoint, now: datetime, csr: str) -> None:
    outcome = sign(cp, now, csr)
    assert outcome.reply == v16.SignCertificateResponse(status="Rejected")
    assert not outcome.changes


@pytest.mark.proves("1.6", "InstallCertificate")
def test_only_one_certificate_that_still_holds_is_installed(
    cp: ChargePoint, now: datetime, certificate: Callable[..., str]
) -> None:
    def errors(pem: str) -> list[str]:
        request = v16.InstallCertificate(certificate_type="CentralSystemRootCertificate", certificate=pem)
        return check_install_certificate_v16(request, cp, now)

    good = certificate(now)
    assert errors(good) == []
    assert len(errors(good + good)) == 1
    assert len(errors(certificate(now - timedelta(days=400)))) == 1
    assert len(errors("")) == 1


@pytest.mark.proves("1.6", "CertificateSigned")
def test_a_signed_certificate_comes_with_its_chain(
    cp: ChargePoint, now: datetime, certificate: Callable[..., str]
) -> None:
    chain = certificate(now) + certificate(now)
    assert check_certificate_signed_v16(v16.CertificateSigned(certificate_chain=chain), cp, now) == []
    assert check_certificate_signed_v16(v16.CertificateSigned(certificate_chain="x"), cp, now) != []


@pytest.mark.proves("1.6", "DeleteCertificate")
def test_a_certificate_is_deleted_by_what_was_reported(cp: ChargePoint, now: datetime) -> None:
    def errors(**more: str) -> list[str]:
        given = {"issuer_name_hash": "ab", "issuer_key_hash": "cd", "serial_number": "1"} | more
        data = v16.CertificateHashData(hash_algorithm="SHA256", **given)
        return check_delete_certificate_v16(v16.DeleteCertificate(certificate_hash_data=data), cp, now)

    assert errors() == []
    assert len(errors(serial_number="")) == 1
    assert len(errors(issuer_name_hash="", issuer_key_hash="")) == 2
