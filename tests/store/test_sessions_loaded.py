"""Open sessions as a new connection finds them."""

from __future__ import annotations

import pytest

from engine.domain.access import StationRecord
from engine.domain.changes import ChargePointBooted
from engine.store import Store
from engine.store.repositories.stations import StationPatch

from .conftest import at, measured, opened


@pytest.fixture
async def station(store: Store) -> StationRecord:
    await store.stations.add("CP1", StationPatch(), actor="test")
    record = await store.reader.station("CP1")
    assert record is not None
    return record


@pytest.mark.parametrize(("second", "marked"), [(50, True), (70, False)])
async def test_a_boot_is_remembered_of_sessions_that_told_nothing_since(
    store: Store, station: StationRecord, second: int, marked: bool
) -> None:
    booted = ChargePointBooted(
        id=station.id, at=at(60), registration_status="Accepted", vendor="V", model="M"
    )
    await store.journal.commit([booted, opened(station.id), measured(station.id, second=second)])
    session = (await store.reader.load(station, "ocpp1.6")).sessions["1"]
    assert session.rebooted_at == (at(60) if marked else None)
