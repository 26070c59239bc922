"""Open sessions as a new connection finds them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bench.samples import filled
from engine.domain.access import StationRecord
from engine.domain.changes import (
    BatteryMoved,
    ChargePointBooted,
    ChargePointConnected,
    ChargingPeriodOpened,
    ReportStored,
    SessionStopAsked,
)
from engine.domain.lookups import LooseSince, NeighboursOf, PriceNow, StoredEvents
from engine.domain.session.close import station_removed
from engine.domain.session.facts import EventKey, Neighbour
from engine.domain.state import Price, VehicleNeeds
from engine.domain.vocabulary import Waiver
from engine.store import Store
from engine.store.invariants import violations
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

from .conftest import SAMPLES, at, closed, measured, opened, shown


@pytest.fixture
async def station(store: Store) -> StationRecord:
    await store.stations.add(EVERYBODY, "CP1", StationPatch())
    record = await store.reader.station("CP1")
    assert record is not None
    return record


@pytest.mark.parametrize(("second", "marked"), [(50, True), (70, False)])
async def test_a_boot_is_remembered_of_sessions_that_told_nothing_since(
    store: Store, station: StationRecord, second: int, marked: bool
) -> None:
    booted = filled(ChargePointBooted, charge_point_id=station.id, booted_at=at(60))
    await store.journal.commit([booted, opened(station.id), shown(second=second)])
    session = (await store.reader.load(station, "ocpp1.6")).sessions["1"]
    assert session.rebooted_at == (at(60) if marked else None)


def needs(station: int, evse: int, second: float, *parameters: str) -> ReportStored:
    said = {"v2xChargingParameters": dict.fromkeys(parameters, 1.0)} if parameters else {}
    payload = {"evseId": evse, "chargingNeeds": {"requestedEnergyTransfer": "DC", **said}}
    return ReportStored(
        charge_point_id=station,
        action="NotifyEVChargingNeeds",
        request_id=None,
        payload=json.dumps(payload).encode(),
        at=at(second),
    )


async def test_what_the_vehicle_of_a_session_said_is_found_again(
    store: Store, station: StationRecord
) -> None:
    said = [
        needs(station.id, 1, -700, "maxChargePower_L3"),  # of an earlier vehicle
        needs(station.id, 1, -60, "maxChargePower"),
        needs(station.id, 1, 5, "maxChargePower", "maxChargePower_L2"),
        needs(station.id, 2, 6),
    ]
    await store.journal.commit([opened(station.id), *said])
    state = await store.reader.load(station, "ocpp2.1")
    assert state.vehicles == {
        1: VehicleNeeds(at=at(5), parameters=frozenset({"maxChargePower", "maxChargePower_L2"})),
        2: VehicleNeeds(at=at(6)),
    }
    assert (await store.reader.load(station, "ocpp1.6")).vehicles == {}


async def test_without_a_session_there_is_no_vehicle(store: Store, station: StationRecord) -> None:
    await store.journal.commit([needs(station.id, 1, 5)])
    assert (await store.reader.load(station, "ocpp2.1")).vehicles == {}


async def test_the_version_that_was_spoken_last(store: Store, station: StationRecord) -> None:
    assert (await store.reader.load(station, "")).version == ""
    connected = ChargePointConnected(
        charge_point_id=station.id,
        connected_at=at(0),
        network_protocol="ocpp2.1",
        current_security_profile=1,
        network_ip="127.0.0.1",
    )
    await store.journal.commit([connected])
    assert (await store.reader.load(station, "")).version == "ocpp2.1"
    assert (await store.reader.load(station, "ocpp1.6")).version == "ocpp1.6"


async def test_a_session_has_the_price_of_its_begin(store: Store, station: StationRecord) -> None:
    price = Price(currency="EUR", per_session=Decimal("0.3"), per_kwh=Decimal("0.45678"))
    await store.operators.set_price(EVERYBODY, price)
    await store.journal.commit([opened(station.id)])
    await store.operators.set_price(EVERYBODY, replace(price, per_kwh=Decimal(9)))
    state = await store.reader.load(station, "ocpp2.0.1")
    assert state.sessions["1"].price == price


async def test_the_price_of_what_begins_now(store: Store, station: StationRecord) -> None:
    state = await store.reader.load(station, "ocpp2.0.1")
    assert await store.reader.answer(state, PriceNow()) is None
    price = Price(currency="EUR", per_minute=Decimal("0.1"))
    await store.operators.set_price(EVERYBODY, price)
    assert await store.reader.answer(state, PriceNow()) == price


async def test_what_runs_at_a_station_that_is_deleted_ends_and_is_held(
    store: Store, station: StationRecord
) -> None:
    period = ChargingPeriodOpened(session_id=1, started_at=at(0), charging_state="charging", energy_wh=0)
    await store.journal.commit([opened(station.id), shown(second=60), period])
    await store.journal.commit([opened(station.id, 2, evse_number=2), closed(2)])
    state = await store.reader.load(station, "ocpp1.6")
    _, changes = station_removed(state, at(90))
    await store.journal.commit(changes)
    assert await store.reader.look_up("CP1") is None
    over = await store.sessions.get(EVERYBODY, 1)
    assert (over.status, over.reason, over.review) == ("finished", "other", ["station_removed"])
    assert (over.stopped_at, over.energy_wh) == (at(60), 200)
    assert not (await store.sessions.get(EVERYBODY, 2)).review
    assert await violations(store) == []


async def test_a_start_finds_what_its_connector_measured_since(store: Store, station: StationRecord) -> None:
    rows = [
        measured(station.id, None, second=second, evse_number=evse, sample_key=second, energy_wh=None)
        for second, evse in ((30, 1), (60, 1), (70, 2), (90, 1))
    ]
    await store.journal.commit([*rows, opened(station.id), measured(station.id, second=80)])
    cp = await store.reader.load(station, "ocpp1.6")
    assert await store.reader.answer(cp, LooseSince(1, at(30))) == [(at(60), SAMPLES), (at(90), SAMPLES)]


async def test_an_end_finds_what_was_billed_before_and_after_it_on_its_evse(
    store: Store, station: StationRecord
) -> None:
    rows = [
        (1, 1, 0, 2_000),
        (2, 1, 10, 3_000),
        (3, 1, 20, None),  # the one that ends
        (4, 2, 25, 9_000),  # on another EVSE
        (5, 1, 30, None),  # its stop is missing
        (6, 1, 40, 5_000),
        (7, 1, 50, 6_000),
    ]
    for number, evse, second, stop in rows:
        changes = [
            opened(station.id, number, evse_number=evse, started_at=at(second), start_received_at=at(0))
        ]
        if number != 3:
            changes.append(closed(number, meter_stop_wh=stop, review=("late_stop",) if number == 6 else ()))
        await store.journal.commit(changes)
    wanted = [
        Neighbour(id=2, earlier=True, meter_start_wh=1_000, meter_stop_wh=3_000),
        Neighbour(id=6, earlier=False, meter_start_wh=1_000, meter_stop_wh=5_000, review=("late_stop",)),
    ]
    cp = await store.reader.load(station, "ocpp1.6")
    assert await store.reader.answer(cp, NeighboursOf(3)) == wanted
    assert await store.reader.answer(cp, NeighboursOf(99)) == ()
    key = EventKey(transaction_id="3", seq_no=1, at=at(25), kind="Ended", content=1, session_id=3)
    assert (await store.reader.answer(cp, StoredEvents(key))).neighbours == {3: wanted}


async def test_batteries_of_a_swap_station_are_found_again(store: Store, station: StationRecord) -> None:
    moved = [
        BatteryMoved(charge_point_id=station.id, evse_number=evse, holds_battery=inside, at=at(evse))
        for evse, inside in ((1, True), (2, True), (2, False), (3, False))
    ]
    for one in moved:
        await store.journal.commit([one])
    assert (await store.reader.load(station, "ocpp2.1")).batteries == {1}


@pytest.mark.parametrize(
    ("changed", "amount"),
    [
        ({}, "5.00"),
        ({"waived": "refused"}, "0.00"),
        ({"waived": "battery_swap"}, "0.00"),
        ({"energy_wh": 0}, "0.00"),
    ],
)
async def test_what_nobody_pays_for(
    store: Store, station: StationRecord, changed: dict[str, Any], amount: str
) -> None:
    await store.operators.set_price(
        EVERYBODY, Price(currency="EUR", per_session=Decimal(3), per_kwh=Decimal("0.2"))
    )
    waived = {name: value for name, value in changed.items() if name == "waived"}
    energy = {name: value for name, value in changed.items() if name != "waived"}
    await store.journal.commit([opened(station.id, charging_state="charging", **waived)])
    assert (await store.sessions.get(EVERYBODY, 1)).charging_state == "charging"
    await store.journal.commit([closed(**energy)])
    row = await store.sessions.get(EVERYBODY, 1)
    assert (str(row.amount), row.charging_state, row.waived) == (amount, None, changed.get("waived"))


async def test_who_asked_for_a_session_and_that_it_was_asked_to_end_is_found_again(
    store: Store, station: StationRecord
) -> None:
    await store.journal.commit(
        [
            opened(station.id, asked_id_tag="TAG1", waived="refused"),
            SessionStopAsked(id=1, stop_asked_at=at(5)),
        ]
    )
    session = (await store.reader.load(station, "ocpp2.0.1")).sessions["1"]
    assert (session.asked_id_tag, session.waived, session.stop_asked_at) == ("TAG1", Waiver.REFUSED, at(5))
