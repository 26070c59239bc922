"""Rules of commands that no schema can say, and that have no matter of their own here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.ocpp.messages import v21
from engine.ocpp.versions import PROTOCOLS


@pytest.fixture
def errors(now: datetime) -> Callable[[ChargePoint, Any], list[str]]:
    """What the station's version has against a request."""

    def check(station: ChargePoint, request: Any) -> list[str]:
        rule = PROTOCOLS[station.version].outbound[type(request).__name__].check
        assert rule
        return rule(request, station, now)

    return check


@pytest.fixture
def charging(cp: ChargePoint, now: datetime) -> ChargePoint:
    """A station of 2.1 with the transaction "tx"."""
    session = Session(
        id=7,
        transaction_id="tx",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
    )
    return replace(cp, version="ocpp2.1", sessions={"tx": session})


@pytest.mark.proves("2.x", "CertificateSigned")
def test_a_signed_certificate_comes_with_its_chain(
    station: ChargePoint, words: Any, now: datetime, certificate: Any, errors: Any
) -> None:
    chain = certificate(now) + certificate(now)
    assert errors(station, words.CertificateSigned(certificate_chain=chain)) == []
    assert errors(station, words.CertificateSigned(certificate_chain="no PEM"))


@pytest.mark.proves("2.x", "DeleteCertificate")
@pytest.mark.parametrize("empty", ["issuer_name_hash", "issuer_key_hash", "serial_number"])
def test_a_certificate_is_deleted_by_what_was_reported(
    station: ChargePoint, words: Any, errors: Any, empty: str
) -> None:
    given = {"issuer_name_hash": "AB", "issuer_key_hash": "cd", "serial_number": "1"}

    def delete(**hashes: str) -> Any:
        data = words.CertificateHashData(hash_algorithm="SHA256", **hashes)
        return words.DeleteCertificate(certificate_hash_data=data)

    assert errors(station, delete(**given)) == []
    assert len(errors(station, delete(**given | {empty: ""}))) == 1


@pytest.mark.proves("2.1", "AdjustPeriodicEventStream")
def test_something_of_a_stream_is_adjusted(charging: ChargePoint, errors: Any) -> None:
    def adjust(**members: int) -> Any:
        return v21.AdjustPeriodicEventStream(id=1, params=v21.PeriodicEventStreamParams(**members))

    assert errors(charging, adjust(interval=5)) == errors(charging, adjust(values=2)) == []
    assert errors(charging, adjust()) == ["params must hold interval or values"]


@pytest.mark.proves("2.1", "NotifyAllowedEnergyTransfer", "UsePriorityCharging")
def test_a_running_transaction_is_named(charging: ChargePoint, errors: Any) -> None:
    for transaction, count in (("tx", 0), ("gone", 1)):
        allowed = v21.NotifyAllowedEnergyTransfer(
            transaction_id=transaction, allowed_energy_transfer=["AC_BPT"]
        )
        assert len(errors(charging, allowed)) == count
        priority = v21.UsePriorityCharging(transaction_id=transaction, activate=True)
        assert len(errors(charging, priority)) == count
