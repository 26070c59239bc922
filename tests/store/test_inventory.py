"""What a station told of its inside, read back: in order, page by page, narrowed."""

from __future__ import annotations

import json
from typing import Any

from bench.samples import filled
from engine.domain.access import StationRecord
from engine.domain.changes import (
    ChargingLimitChanged,
    ChargingProfileChanged,
    DeviceVariableRead,
    DisplayMessageCleared,
    DisplayMessageSet,
    HardwareStatusChanged,
    MessageLogged,
    NetworkStatusChanged,
    ReservationMade,
    VariableMonitorCleared,
    VariableMonitorSet,
)
from engine.store import Store
from engine.store.plan import Row
from engine.store.readings import (
    CHARGING_LIMITS,
    CHARGING_PROFILES,
    DISPLAY_MESSAGES,
    MESSAGES,
    MONITORS,
    RESERVATIONS,
    STATUSES,
    VARIABLES,
)
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, whole

from .conftest import NOW, at


def variable(station: int, component: str, name: str, **other: Any) -> DeviceVariableRead:
    values: dict[str, Any] = {
        "charge_point_id": station, "component": component, "variable": name, "attribute": "Actual",
        "value": "1", "mutability": "ReadOnly", "data_type": "integer", "at": NOW,
    }  # fmt: skip
    return filled(DeviceVariableRead, **{**values, **other})


async def test_variables_by_name_page_by_page(store: Store, station: StationRecord) -> None:
    names = [("EVSE", 2), ("EVSE", 1), ("evse", 1), ("ChargingStation", 0), ("OCPPCommCtrlr", 0)]
    await store.journal.commit(
        [variable(station.id, name, "Available", evse_number=number) for name, number in names]
        + [variable(station.id, "EVSE", "Power", attribute="MaxSet", evse_number=1)]
    )
    everything = await store.rows(whole(VARIABLES, charge_point_id=station.id))
    assert [(row["component"], row["evse_number"], row["variable"]) for row in everything] == [
        ("ChargingStation", 0, "Available"),
        ("EVSE", 1, "Available"),
        ("EVSE", 1, "Power"),
        ("EVSE", 2, "Available"),
        ("OCPPCommCtrlr", 0, "Available"),
        ("evse", 1, "Available"),
    ]
    paged: list[Row] = []
    after = None
    while rows := await store.rows(whole(VARIABLES, charge_point_id=station.id, after=after, limit=2)):
        paged += rows
        after = [rows[-1][one.field] for one in VARIABLES.order]
    assert paged == everything
    assert await store.rows(whole(VARIABLES, charge_point_id=station.id + 1)) == []


async def test_monitors_and_displays_in_force_and_before(store: Store, station: StationRecord) -> None:
    def monitor(number: int) -> VariableMonitorSet:
        return VariableMonitorSet(
            charge_point_id=station.id, monitor_id=number, component="EVSE", component_instance="",
            evse_number=1, connector_number=0, variable="Power", variable_instance="",
            type="UpperThreshold", value=1.5, severity=3, transaction=False, kind=None, at=NOW,
        )  # fmt: skip

    await store.journal.commit([
        *map(monitor, (0, 1, 2)),
        VariableMonitorCleared(charge_point_id=station.id, monitor_id=1, at=at(1)),
        DisplayMessageSet(charge_point_id=station.id, message_id=0, message=b'{"id":0}', at=NOW),
        DisplayMessageSet(charge_point_id=station.id, message_id=7, message=b'{"id":7}', at=NOW),
        DisplayMessageCleared(charge_point_id=station.id, message_id=0, at=at(1)),
    ])  # fmt: skip
    assert [row["monitor_id"] for row in await store.rows(whole(MONITORS))] == [0, 1, 2]
    assert [row["monitor_id"] for row in await store.rows(whole(MONITORS, active=True))] == [0, 2]
    assert [row["monitor_id"] for row in await store.rows(whole(MONITORS, after=[0], limit=1))] == [1]
    assert [row["message_id"] for row in await store.rows(whole(DISPLAY_MESSAGES, active=False))] == [0]
    (shown,) = await store.rows(whole(DISPLAY_MESSAGES, active=True))
    assert json.loads(shown["message"]) == {"id": 7}


async def test_profiles_and_limits(store: Store, station: StationRecord) -> None:
    def profile(evse: int, number: int, *, active: bool = True) -> ChargingProfileChanged:
        return ChargingProfileChanged(
            charge_point_id=station.id, evse_number=evse, profile_id=number, purpose="TxDefaultProfile",
            stack_level=0, profile=b'{"id":1}', active=active, at=NOW,
        )  # fmt: skip

    limit = ChargingLimitChanged(
        charge_point_id=station.id, evse_number=0, source="EMS", grid_critical=False, schedules=b"[]",
        active=True, at=NOW,
    )  # fmt: skip
    await store.journal.commit([profile(1, 5), profile(0, 9, active=False), profile(1, 4), limit])
    rows = await store.rows(whole(CHARGING_PROFILES))
    assert [(row["evse_number"], row["profile_id"]) for row in rows] == [(0, 9), (1, 4), (1, 5)]
    rows = await store.rows(whole(CHARGING_PROFILES, after=[0, 9], limit=1))
    assert [row["profile_id"] for row in rows] == [4]
    rows = await store.rows(whole(CHARGING_PROFILES, active=False))
    assert [row["profile_id"] for row in rows] == [9]
    assert [row["source"] for row in await store.rows(whole(CHARGING_LIMITS))] == ["EMS"]


async def test_statuses_newest_first(store: Store, station: StationRecord) -> None:
    hardware = HardwareStatusChanged(
        charge_point_id=station.id, evse_number=1, connector_number=1, status="Available",
        error_code="NoError", info=None, vendor_id=None, vendor_error_code=None, at=at(5), received_at=at(5),
    )  # fmt: skip
    await store.journal.commit([
        NetworkStatusChanged(id=station.id, network_status="available", at=at(1)),
        hardware,
        NetworkStatusChanged(id=station.id, network_status="temporarily_unavailable", at=at(9)),
    ])  # fmt: skip
    rows = await store.rows(whole(STATUSES))
    assert [row["scope"] for row in rows] == ["network", "hardware", "network"]
    gone, came = await store.rows(whole(STATUSES, scope="network"))
    assert (gone["status"], came["status"]) == ("temporarily_unavailable", "available")
    assert await store.rows(whole(STATUSES, after=[came["at"], came["id"]])) == []


async def test_reservations_newest_first(store: Store, station: StationRecord) -> None:
    numbers = [1, 2, 3]
    await store.journal.commit([
        ReservationMade(
            id=number, charge_point_id=station.id, operator_id=station.operator_id, connector_number=number,
            id_tag="TAG", parent_id_tag=None, expiry_date=at(10**9), at=NOW,
        )
        for number in numbers
    ])  # fmt: skip
    rows = await store.rows(whole(RESERVATIONS, limit=2))
    assert [row["id"] for row in rows] == numbers[:0:-1]
    assert [row["id"] for row in await store.rows(whole(RESERVATIONS, after=[numbers[1]]))] == numbers[:1]
    assert await store.rows(whole(RESERVATIONS, status="done")) == []
    assert {row["status"] for row in rows} == {"active"}


async def test_a_reservation_that_has_run_out_is_expired(store: Store, station: StationRecord) -> None:
    made = ReservationMade(
        id=1, charge_point_id=station.id, operator_id=station.operator_id, connector_number=1, id_tag="TAG",
        parent_id_tag=None, expiry_date=at(-(10**9)), at=NOW,
    )  # fmt: skip
    await store.journal.commit([made])
    assert [row["status"] for row in await store.rows(whole(RESERVATIONS))] == ["expired"]
    assert await store.rows(whole(RESERVATIONS, status="active")) == []
    assert len(await store.rows(whole(RESERVATIONS, status="expired"))) == 1


async def test_messages_of_all_stations_are_the_newest_of_all(store: Store, station: StationRecord) -> None:
    others = [await store.stations.add(EVERYBODY, f"CP{n}", StationPatch()) for n in (2, 3)]
    ids = [station.id, *(other.id for other in others)]

    def message(n: int) -> MessageLogged:
        return MessageLogged(
            charge_point_id=ids[n * n % 3], operator_id=1, at=at(n), direction="in", kind="call",
            action="AB"[n % 2], message_id=str(n), payload="{}", correlation_id="c",
        )  # fmt: skip

    await store.journal.commit([message(n) for n in range(12)])
    newest = await store.rows(whole(MESSAGES, limit=5))
    assert [row["message_id"] for row in newest] == ["11", "10", "9", "8", "7"]
    assert {row["station"] for row in newest} == {"CP1", "CP2"}
    older = await store.rows(whole(MESSAGES, after=[newest[-1]["at"], newest[-1]["id"]]))
    assert [row["message_id"] for row in older] == ["6", "5", "4", "3", "2", "1", "0"]
    only = await store.rows(whole(MESSAGES, action="A", limit=2))
    assert [row["message_id"] for row in only] == ["10", "8"]
