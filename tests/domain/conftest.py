"""A charge point in the middle of its life, and the moment at which things happen to it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.domain.state import ChargePoint, Metering, Registration, Session, SessionStatus, StationSettings


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def session(now: datetime) -> Session:
    """Open on EVSE 1 since `now`, from 1000 Wh; nothing was sampled yet."""
    return Session(
        id=7,
        transaction_id="7",
        evse_number=1,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=now,
        id_tag="TAG",
        meter_start_wh=1_000,
        metering=Metering(register_wh=1_000, register_at=now),
    )


@pytest.fixture
def cp(session: Session) -> ChargePoint:
    """With that session; at most 11 kW."""
    return ChargePoint(
        id=12,
        identity="CP-12",
        operator_id=1,
        version="ocpp1.6",
        registration=Registration.ACCEPTED,
        booted=True,
        settings=StationSettings(max_power_w=11_000),
        sessions={"7": session},
    )
