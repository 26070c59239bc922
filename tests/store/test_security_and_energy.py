"""Profiles with their source, limits from outside, and kept messages, as the store gives them back."""

from __future__ import annotations

from typing import Any

from engine.domain.access import StationRecord
from engine.domain.changes import ChargingLimitChanged, ChargingProfileChanged, ReportStored
from engine.store import Store

from .conftest import at


def profile(station: int, number: int, **other: Any) -> ChargingProfileChanged:
    values: dict[str, Any] = {
        "charge_point_id": station, "evse_number": 1, "profile_id": number, "purpose": "TxProfile",
        "stack_level": 0, "profile": b'{"transactionId": "tx"}', "active": True, "at": at(0),
    }  # fmt: skip
    return ChargingProfileChanged(**{**values, **other})


def limit(station: int, second: float, active: bool) -> ChargingLimitChanged:
    return ChargingLimitChanged(
        charge_point_id=station,
        evse_number=0,
        source="SO",
        grid_critical=active,
        schedules=b"[]",
        active=active,
        at=at(second),
    )


async def test_profiles_come_back_with_their_source(store: Store, station: StationRecord) -> None:
    await store.journal.commit([profile(station.id, 1), profile(station.id, 2, source="EMS")])
    await store.journal.commit([profile(station.id, 1, active=False)])
    state = await store.reader.load(station, "ocpp2.0.1")
    assert [(one.profile_id, one.source, one.transaction_id) for one in state.charging_profiles] == [
        (2, "EMS", "tx")
    ]


async def test_the_last_word_on_a_limit_counts(store: Store, station: StationRecord) -> None:
    await store.journal.commit([limit(station.id, 0, True), limit(station.id, 1, False)])
    rows = await store._database.fetch("select source, active, grid_critical, at from charging_limits")
    assert [tuple(row) for row in rows] == [("SO", False, False, at(1))]


async def test_a_message_is_kept_as_it_came(store: Store, station: StationRecord) -> None:
    payload = b'{"b":1.50,"a":"\\u00e4"}'
    await store.journal.commit([
        ReportStored(
            charge_point_id=station.id, action="NotifySettlement", request_id=None, payload=payload, at=at(0)
        )
    ])  # fmt: skip
    [row] = await store._database.fetch(
        "select action, request_id, payload::text as payload from ocpp_reports"
    )
    assert tuple(row) == ("NotifySettlement", None, payload.decode())
