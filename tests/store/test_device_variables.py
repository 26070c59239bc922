"""What the store keeps of an OCPP 2.x station: its device model, its monitors, its limits."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from engine.domain import device
from engine.domain.access import StationRecord
from engine.domain.changes import (
    DeviceModelReported,
    DeviceVariableRead,
    DisplayMessageSet,
    DisplayMessagesReported,
    MonitoringBaseSet,
    MonitorsReported,
    ReservationEnded,
    ReservationMade,
    VariableMonitorCleared,
    VariableMonitorSet,
)
from engine.store import Store
from engine.store.readings import RESERVATIONS
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, whole

from .conftest import NOW, at

VARIABLE = DeviceVariableRead(
    charge_point_id=0,
    component="EVSE",
    component_instance="",
    evse_number=1,
    connector_number=0,
    variable="Power",
    variable_instance="",
    attribute="Actual",
    value="11000",
    at=NOW,
    mutability="ReadOnly",
    unit="W",
    max_limit=22_000.0,
)
MONITOR = VariableMonitorSet(
    charge_point_id=0,
    monitor_id=1,
    component="EVSE",
    component_instance="",
    evse_number=1,
    connector_number=0,
    variable="Temperature",
    variable_instance="",
    type="UpperThreshold",
    value=60.0,
    severity=4,
    transaction=False,
    kind="CustomMonitor",
    at=NOW,
)


async def rows(store: Store, dsn: str, query: str) -> list[Any]:
    connection = await store._database.run(asyncpg.connect(dsn))
    try:
        return list(await store._database.run(connection.fetch(query)))
    finally:
        connection.terminate()


async def test_a_value_read_leaves_what_a_report_said(store: Store, station: StationRecord, dsn: str) -> None:
    reported = replace(VARIABLE, charge_point_id=station.id)
    await store.journal.commit([reported])
    await store.journal.commit(
        [replace(reported, value="7400", at=at(1), mutability=None, unit=None, max_limit=None)]
    )
    (row,) = await rows(store, dsn, "select value, mutability, unit, max_limit from device_variables")
    assert tuple(row) == ("7400", "ReadOnly", "W", 22_000.0)


async def test_what_may_only_be_written_has_no_value(store: Store, station: StationRecord, dsn: str) -> None:
    secret = replace(VARIABLE, charge_point_id=station.id, value=None, mutability="WriteOnly")
    await store.journal.commit([secret])
    await store.journal.commit([replace(secret, value="hunter2", mutability=None, at=at(1))])
    ((value,),) = await rows(store, dsn, "select value from device_variables")
    assert value is None


async def test_a_full_inventory_ends_older_variables_of_its_station_only(
    store: Store, station: StationRecord, dsn: str
) -> None:
    old = replace(VARIABLE, charge_point_id=station.id, variable="Gone")
    new = replace(VARIABLE, charge_point_id=station.id, at=at(10))
    await store.journal.commit([old])
    await store.journal.commit([new, DeviceModelReported(charge_point_id=station.id, since=at(5), at=at(10))])
    assert [row[0] for row in await rows(store, dsn, "select variable from device_variables")] == ["Power"]
    ((reported_at,),) = await rows(store, dsn, "select device_model_at from charge_point_status")
    assert reported_at == at(10)


async def test_limits_of_messages_are_loaded_with_the_station(store: Store, station: StationRecord) -> None:
    limit = replace(
        VARIABLE,
        charge_point_id=station.id,
        component="DeviceDataCtrlr",
        evse_number=0,
        variable="ItemsPerMessage",
        variable_instance="SetVariables",
        value="4",
    )
    size = replace(limit, variable="BytesPerMessage", value="900")
    await store.journal.commit([limit, replace(limit, attribute="MaxSet", value="9"), size])
    state = await store.reader.load(station, "ocpp2.0.1")
    assert state.items_per_message == {"SetVariables": 4}
    assert state.bytes_per_message == {"SetVariables": 900}


async def test_variables_that_rules_look_at_are_loaded_with_the_station(
    store: Store, station: StationRecord
) -> None:
    highest = replace(
        VARIABLE,
        charge_point_id=station.id,
        component="SmartChargingCtrlr",
        evse_number=0,
        variable="MaxExternalConstraintsId",
        value="99",
    )
    switching = replace(highest, variable="ACPhaseSwitchingSupported", evse_number=2, value="true")
    never_told = replace(switching, evse_number=3, value=None)
    other = replace(highest, variable="Enabled", value="true")
    await store.journal.commit([highest, switching, never_told, other])
    state = await store.reader.load(station, "ocpp2.1")
    assert state.variables == {
        (device.MAX_EXTERNAL_ID, 0): "99",
        (device.PHASE_SWITCHING, 2): "true",
    }


async def test_the_most_power_of_each_evse_is_loaded(store: Store, station: StationRecord) -> None:
    first = replace(VARIABLE, charge_point_id=station.id)
    second = replace(first, evse_number=2, attribute="MaxSet", unit="kW", max_limit=7.4)
    other = replace(first, variable="ItemsPerMessage")
    await store.journal.commit([first, second, other])
    assert (await store.reader.load(station, "ocpp2.1")).max_power_w == {1: 22_000, 2: 7_400}


@pytest.mark.parametrize(
    ("base", "left"), [("All", [1, 2, 3]), ("FactoryDefault", [2, 3]), ("HardWiredOnly", [3])]
)
async def test_a_monitoring_base_ends_the_monitors_it_excludes(
    store: Store, station: StationRecord, dsn: str, base: str, left: list[int]
) -> None:
    mine = replace(MONITOR, charge_point_id=station.id)
    kinds = ("CustomMonitor", "PreconfiguredMonitor", "HardWiredMonitor")
    await store.journal.commit(
        [replace(mine, monitor_id=number, kind=kind) for number, kind in enumerate(kinds, start=1)]
    )
    await store.journal.commit([MonitoringBaseSet(id=station.id, monitoring_base=base, at=at(1))])
    active = await rows(store, dsn, "select monitor_id from variable_monitors where active order by 1")
    assert [row[0] for row in active] == left


async def test_a_monitor_set_again_counts_after_it_was_cleared(
    store: Store, station: StationRecord, dsn: str
) -> None:
    mine = replace(MONITOR, charge_point_id=station.id)
    cleared = VariableMonitorCleared(charge_point_id=station.id, monitor_id=1, at=at(1))
    await store.journal.commit([mine, cleared, replace(mine, value=70.0, at=at(2))])
    assert [tuple(row) for row in await rows(store, dsn, "select active, value from variable_monitors")] == [
        (True, 70.0)
    ]


async def test_a_report_of_all_ends_older_monitors_and_messages_of_its_station_only(
    store: Store, station: StationRecord, dsn: str
) -> None:
    await store.stations.add(EVERYBODY, "CP2", StationPatch())
    other = await store.reader.station("CP2")
    assert other is not None
    for number in (station.id, other.id):
        mine = replace(MONITOR, charge_point_id=number)
        shown = DisplayMessageSet(charge_point_id=number, message_id=1, message=b"{}", at=NOW)
        await store.journal.commit([mine, shown])
    await store.journal.commit(
        [
            replace(MONITOR, charge_point_id=station.id, monitor_id=2, at=at(9)),
            MonitorsReported(charge_point_id=station.id, since=at(5), at=at(9)),
            DisplayMessageSet(charge_point_id=station.id, message_id=2, message=b"{}", at=at(9)),
            DisplayMessagesReported(charge_point_id=station.id, since=at(5), at=at(9)),
        ]
    )
    for table, column in (("variable_monitors", "monitor_id"), ("display_messages", "message_id")):
        query = f"select charge_point_id, {column} from {table} where active order by 1"  # noqa: S608 - names
        assert [tuple(row) for row in await rows(store, dsn, query)] == [(station.id, 2), (other.id, 1)]


async def test_a_station_ends_an_open_reservation_of_its_own_once(
    store: Store, station: StationRecord
) -> None:
    await store.stations.add(EVERYBODY, "CP2", StationPatch())
    other = await store.reader.station("CP2")
    assert other is not None
    made = ReservationMade(
        id=7, charge_point_id=station.id, operator_id=station.operator_id, connector_number=1, id_tag="TAG",
        parent_id_tag=None, expiry_date=at(9), at=NOW,
    )  # fmt: skip
    ended = ReservationEnded(
        id=7, charge_point_id=station.id, status="expired", session_id=None, news_type="told", news=b"{}",
        at=NOW,
    )  # fmt: skip
    await store.journal.commit([made, replace(made, charge_point_id=other.id), replace(made, id=8)])
    for _ in range(2):
        await store.journal.commit([ended, replace(ended, id=9)])
    rows = "select charge_point_id, id, status from reservations order by 1, 2"
    assert [tuple(row) for row in await store.query(rows)] == [
        (station.id, 7, "expired"),
        (station.id, 8, "active"),
        (other.id, 7, "active"),
    ]
    events = await store.query("select subject, operator_id from events where type = 'told'")
    assert [tuple(row) for row in events] == [("reservation:7", station.operator_id)]


async def test_a_reservation_of_a_known_number_is_replaced(store: Store, station: StationRecord) -> None:
    made = ReservationMade(
        id=7, charge_point_id=station.id, operator_id=station.operator_id, connector_number=1, id_tag="TAG",
        parent_id_tag=None, expiry_date=at(10**9), at=NOW,
    )  # fmt: skip
    used = ReservationEnded(
        id=7, charge_point_id=station.id, status="done", session_id=3, news_type="told", news=b"{}", at=NOW
    )
    await store.journal.commit([made, used, replace(made, connector_number=2, id_tag="NEXT")])
    [row] = await store.rows(whole(RESERVATIONS))
    shown = [row[name] for name in ("status", "connector_number", "id_tag", "session_id")]
    assert shown == ["active", 2, "NEXT", None]
