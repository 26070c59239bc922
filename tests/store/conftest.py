"""What the store's tests need beyond an open store: a station, and changes about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.samples import filled
from engine.domain.access import StationRecord
from engine.domain.changes import Json, MeterValueAdded, SessionClosed, SessionMeasured, SessionOpened
from engine.store import Store
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SAMPLES = (
    '[{"value":"1200","context":"Sample.Periodic"},'
    '{"value":"7.4","measurand":"Power.Active.Import","unit":"kW"}]'
)


def at(seconds: float) -> datetime:
    """A moment of the tests' day."""
    return NOW + timedelta(seconds=seconds)


def opened(station: int, number: int = 1, **other: Any) -> SessionOpened:
    values: dict[str, Any] = {
        "id": number, "operator_id": 1, "charge_point_id": station, "evse_number": 1, "connector_number": 1,
        "transaction_id": str(number), "start_key": f"1|TAG|0|{number}", "status": "active", "id_tag": "TAG",
        "meter_start_wh": 1_000, "started_at": NOW, "start_received_at": NOW, "protocol": "ocpp1.6",
    }  # fmt: skip
    return filled(SessionOpened, **{**values, **other})


def closed(number: int = 1, **other: Any) -> SessionClosed:
    values: dict[str, Any] = {
        "id": number, "status": "finished", "reason": "local", "stopped_at": at(3_600),
        "meter_stop_wh": 11_000, "energy_wh": 10_000, "stop_received_at": at(3_600),
    }  # fmt: skip
    return filled(SessionClosed, **{**values, **other})


def measured(station: int, session: int | None = 1, second: float = 60, **other: Any) -> MeterValueAdded:
    values: dict[str, Any] = {
        "charge_point_id": station, "session_id": session, "evse_number": 1, "timestamp": at(second),
        "received_at": at(second), "sample_key": -5, "energy_wh": 200, "register_wh": 1_200,
        "power_w": 7_400.0, "current_a": 32.0, "voltage_v": 231.5, "soc_percent": 41.0,
        "samples": Json(SAMPLES.encode()),
    }  # fmt: skip
    return filled(MeterValueAdded, **{**values, **other})


def shown(session: int = 1, second: float = 60, **other: Any) -> SessionMeasured:
    """The totals of a session after that second."""
    values: dict[str, Any] = {
        "session_id": session, "energy_wh": 200, "register_wh": 1_200, "register_at": at(second),
        "register_series": 1, "resets": 0, "power_w": 7_400.0, "current_a": 32.0, "voltage_v": 231.5,
        "soc_percent": 41.0, "sampled_at": at(second),
    }  # fmt: skip
    return filled(SessionMeasured, **{**values, **other})


@pytest.fixture
async def station(store: Store) -> StationRecord:
    """A registered charge point."""
    await store.stations.add(EVERYBODY, "CP1", StationPatch(password_sha256=bytes(32)))
    record = await store.reader.station("CP1")
    assert record is not None
    return record


@pytest.fixture
def count(store: Store) -> Callable[[str], Any]:
    """`await count("sessions where id = 1")`: how many rows. Of events, those of chargers."""

    async def ask(what: str) -> int:
        what = "events where not by_people" if what == "events" else what
        ((number,),) = await store.query(f"select count(*) from {what}")  # noqa: S608 - a test's own words
        return int(number)

    return ask
