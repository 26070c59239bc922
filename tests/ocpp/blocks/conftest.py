"""A charge point in the middle of its life, and the moment at which things happen to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from engine.domain.state import ChargePoint, Registration, StationSettings
from engine.ocpp.blocks.payloads_2x import MODULES


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def cp() -> ChargePoint:
    return ChargePoint(
        id=12,
        identity="CP-12",
        operator_id=1,
        version="ocpp1.6",
        settings=StationSettings(),
        registration=Registration.ACCEPTED,
        booted=True,
    )


@pytest.fixture(params=sorted(MODULES))
def station(request: pytest.FixtureRequest, cp: ChargePoint) -> ChargePoint:
    """The same, once as a station of each 2.x version."""
    return replace(cp, version=request.param)


@pytest.fixture
def words(station: ChargePoint) -> Any:
    """The messages of the station's version."""
    return MODULES[station.version]


@pytest.fixture(scope="session")
def csr() -> str:
    """A signing request (PEM) of a good key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP-12")])
    built = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return built.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def certificate() -> Callable[[datetime], str]:
    """Makes a self-signed PEM certificate that holds for a year from the given moment."""

    def make(since: datetime) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(since)
            .not_valid_after(since + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM).decode()

    return make
