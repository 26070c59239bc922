"""Reads for the living side: state after a crash, look-ups, caches and batches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from bench.samples import filled
from engine.domain.access import StationRecord
from engine.domain.changes import (
    ChargePointBooted,
    ChargingPeriodOpened,
    ChargingProfileChanged,
    HardwareStatusChanged,
    LocalListVersionRead,
    OrphanKept,
    OrphanResolved,
    ReservationMade,
    SessionReviewed,
)
from engine.domain.lookups import NewIds, SamplesSince, SessionOfStart, SessionOfTransaction, TokensOf
from engine.domain.state import ChargePoint, Metering, Registration, StationSettings
from engine.errors import NotFound, StoreError
from engine.metrics import Metrics
from engine.ocpp.step import Facts
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.batching import Batcher, Cache
from engine.store.loading import ORPHANS_LOADED
from engine.store.loading_sessions import identities
from engine.store.repositories.stations import StationPatch
from tests.patience import PATIENCE
from tests.plans import EVERYBODY, put_tag

from .conftest import NOW, SAMPLES, at, closed, measured, opened, shown

ENERGY = "Energy.Active.Import.Register||Outlet|Sample.Periodic|Raw"
POWER = "Power.Active.Import||Outlet|Sample.Periodic|Raw"


@pytest.fixture
async def state(store: Store, station: StationRecord) -> ChargePoint:
    return await store.reader.load(station, "ocpp1.6")


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """Of another node on the same database."""
    return msgspec.structs.replace(settings, data=str(tmp_path / "elsewhere"))


@pytest.fixture
async def other_store(elsewhere: Settings) -> AsyncIterator[Store]:
    """Another node on the same database."""
    async with open_store(elsewhere, Metrics()) as opened_too:
        yield opened_too


def orphan(station: int, number: int) -> OrphanKept:
    return OrphanKept(
        id=number, charge_point_id=station, key=str(number), action="StopTransaction", transaction_id="77",
        connector_number=None, id_tag="TAG", meter_wh=5, timestamp=at(number), reason=None,
        payload=b'{"a":1}',
        received_at=NOW,
    )  # fmt: skip


async def test_a_fresh_station_has_the_defaults_of_the_node(state: ChargePoint) -> None:
    assert (state.identity, state.version, state.registration, state.booted) == (
        "CP1", "ocpp1.6", Registration.ACCEPTED, False,
    )  # fmt: skip
    assert state.settings == StationSettings()
    assert (state.sessions, state.orphans, state.reservations, state.connectors) == ({}, (), {}, {})


async def test_all_that_was_handed_in_is_loaded(store: Store, station: StationRecord) -> None:
    """Without a flush in between: what the last connection left in the queue counts."""
    cp = station.id
    reservation = ReservationMade(
        id=5, charge_point_id=cp, operator_id=station.operator_id, connector_number=1, id_tag="TAG",
        parent_id_tag=None, expiry_date=at(10**9), at=NOW,
    )  # fmt: skip
    status = HardwareStatusChanged(
        charge_point_id=cp, evse_number=1, connector_number=1, status="charging", error_code="NoError",
        info="i",
        vendor_id="v", vendor_error_code="e", at=at(5), received_at=at(6),
    )  # fmt: skip
    store.journal.commit_then(
        [
            filled(ChargePointBooted, charge_point_id=cp, booted_at=NOW, vendor="Vendor", model="Model"),
            LocalListVersionRead(charge_point_id=cp, local_list_version=7, local_list_version_at=NOW),
            status,
            msgspec.structs.replace(status, evse_number=0, connector_number=0, status="available"),
            ChargingProfileChanged(
                charge_point_id=cp, evse_number=1, profile_id=3, purpose="TxProfile", stack_level=1,
                profile=b'{"transactionId":1}', active=True, at=NOW,
            ),
            reservation,
            opened(cp, reservation_id=5),
            SessionReviewed(id=1, review=("clock_drift",), last_updated_at=NOW),
            shown(second=60),
            shown(energy_wh=400, register_wh=1_400, resets=1, soc_percent=None, register_at=at(110),
                  sampled_at=at(120)),
            ChargingPeriodOpened(session_id=1, started_at=at(60), charging_state="charging", energy_wh=0),
            orphan(cp, 50), orphan(cp, 51), OrphanResolved(id=50, session_id=1, resolved_at=NOW),
        ],
        lambda error: None,
    )  # fmt: skip
    state = await store.reader.load(station, "ocpp1.6")
    assert (state.vendor, state.model, state.booted, state.local_list_version) == ("Vendor", "Model", True, 7)
    assert {key: connector.status for key, connector in state.connectors.items()} == {
        (0, 0): "available",
        (1, 1): "charging",
    }
    assert (state.connectors[1, 1].vendor_error_code, state.connectors[1, 1].at) == ("e", at(5))
    session = state.sessions["1"]
    assert (session.id, session.id_tag, session.meter_start_wh, session.charging) == (1, "TAG", 1_000, True)
    assert (session.reservation_id, session.review) == (5, ("clock_drift",))
    assert session.metering == Metering(
        energy_wh=400, register_wh=1_400, register_at=at(110), series=1, resets=1, power_w=7_400.0,
        current_a=32.0, voltage_v=231.5, soc_percent=None, last_sample_at=at(120),
    )  # fmt: skip
    assert [(o.id, o.payload) for o in state.orphans] == [(51, b'{"a":1}')]
    assert state.reservations[5].id_tag == "TAG"
    assert [(p.profile_id, p.transaction_id) for p in state.charging_profiles] == [(3, "1")]


async def test_the_totals_are_those_that_were_written_last(store: Store, station: StationRecord) -> None:
    await store.journal.commit([opened(station.id), shown(second=120, energy_wh=400)])
    await store.journal.commit(
        [shown(energy_wh=410), shown(energy_wh=460, register_at=None, sampled_at=at(120))]
    )
    metering = (await store.reader.load(station, "ocpp1.6")).sessions["1"].metering
    assert (metering.energy_wh, metering.register_at, metering.last_sample_at) == (460, None, at(120))


async def test_a_start_of_a_wrong_clock_says_no_time(store: Store, station: StationRecord) -> None:
    await store.journal.commit([opened(station.id, started_at=at(10**9))])
    metering = (await store.reader.load(station, "ocpp1.6")).sessions["1"].metering
    assert metering == Metering(register_wh=1_000, register_at=None)


async def test_a_session_without_samples_goes_on_from_its_start(store: Store, station: StationRecord) -> None:
    await store.journal.commit([opened(station.id)])
    metering = (await store.reader.load(station, "ocpp1.6")).sessions["1"].metering
    assert metering == Metering(register_wh=1_000, register_at=NOW)


async def test_closed_sessions_are_not_loaded_and_orphans_are_bounded(
    store: Store, station: StationRecord
) -> None:
    orphans = [orphan(station.id, 1_000 + number) for number in range(ORPHANS_LOADED + 5)]
    await store.journal.commit([opened(station.id), closed(), *orphans])
    state = await store.reader.load(station, "ocpp1.6")
    assert state.sessions == {}
    assert [kept.id for kept in state.orphans] == list(range(1_000, 1_000 + ORPHANS_LOADED))


async def test_a_removed_station_cannot_be_loaded(store: Store, station: StationRecord) -> None:
    gone = msgspec.structs.replace(station, id=999)
    with pytest.raises(NotFound):
        await store.reader.load(gone, "ocpp1.6")


async def test_station_settings_stand_over_the_node_s(store: Store, station: StationRecord) -> None:
    await store.stations.update(EVERYBODY, "CP1", StationPatch(settings={"heartbeat_interval": 7}))
    state = await store.reader.load(station, "ocpp1.6")
    assert state.settings == StationSettings(heartbeat_interval=7)


async def test_who_may_take_payments_is_the_node_s_to_say_and_the_station_s(
    elsewhere: Settings, store: Store, station: StationRecord
) -> None:
    async with open_store(msgspec.structs.replace(elsewhere, takes_payments=True), Metrics()) as other:
        assert (await other.reader.load(station, "ocpp2.1")).settings.takes_payments
        await store.stations.update(EVERYBODY, "CP1", StationPatch(settings={"takes_payments": False}))
        assert not (await other.reader.load(station, "ocpp2.1")).settings.takes_payments


# --- look-ups ----------------------------------------------------------------------------------------------


async def test_nothing_needed_is_nothing_found(store: Store, state: ChargePoint) -> None:
    assert await store.reader.resolve(state, ()) == Facts()


async def test_id_tags_are_found_whatever_their_case(store: Store, state: ChargePoint) -> None:
    await put_tag(store, "AbC", group_id="FAMILY", max_active_sessions=2)
    await store.journal.commit(
        [opened(state.id, 1, id_tag_id=1), opened(state.id, 2, id_tag_id=1), closed(2)]
    )
    tokens = await store.reader.answer(state, TokensOf(("aBc", "unknown", "NUL\0")))
    assert list(tokens) == ["aBc"]
    token = tokens["aBc"]
    assert (token.uid, token.group_id, token.active_sessions, token.user_enabled) == (
        "AbC",
        "FAMILY",
        1,
        True,
    )


async def test_active_sessions_are_counted_anew_each_time(store: Store, state: ChargePoint) -> None:
    await put_tag(store, "TAG", max_active_sessions=1)
    counts = []
    for change in (opened(state.id, id_tag_id=1), closed()):
        await store.journal.commit([change])
        tokens = await store.reader.answer(state, TokensOf(("TAG",)))
        counts.append(tokens["TAG"].active_sessions)
    assert counts == [1, 0]


async def test_sessions_are_found_open_or_closed_and_only_own_ones(store: Store, state: ChargePoint) -> None:
    other = (await store.stations.add(EVERYBODY, "CP2", StationPatch())).id
    await store.journal.commit([opened(state.id, 1), opened(state.id, 2), closed(2), opened(other, 3)])

    async def found(lookup: SessionOfStart | SessionOfTransaction) -> int | None:
        session = await store.reader.answer(state, lookup)
        return None if session is None else session.id

    assert await found(SessionOfStart("1|TAG|0|1")) == 1
    assert await found(SessionOfTransaction("2")) == 2
    assert await found(SessionOfTransaction("3")) is None
    assert await found(SessionOfStart("1|TAG|0|3")) is None
    closed_one = await store.reader.answer(state, SessionOfTransaction("2"))
    assert closed_one is not None
    assert (closed_one.meter_stop_wh, closed_one.stopped_at, closed_one.metering.energy_wh) == (
        11_000, at(3_600), 10_000,
    )  # fmt: skip


async def test_samples_since_a_moment(store: Store, state: ChargePoint) -> None:
    await store.journal.commit([opened(state.id), *(measured(state.id, second=n) for n in (10, 20, 30))])
    samples = await store.reader.answer(state, SamplesSince(1, at(20)))
    assert samples == {(at(20), ENERGY), (at(20), POWER), (at(30), ENERGY), (at(30), POWER)}


def test_identities_fill_in_the_defaults() -> None:
    assert identities(SAMPLES) == [ENERGY, POWER]
    assert identities(
        '[{"value":"1","phase":"L1","location":"EV","context":"Transaction.End","format":"SignedData"}]'
    ) == ["Energy.Active.Import.Register|L1|EV|Transaction.End|SignedData"]


async def test_only_sessions_take_numbers_of_32_bits(store: Store, state: ChargePoint) -> None:
    ask = store.reader.answer
    first = await ask(state, NewIds(1, session=True))
    await ask(state, NewIds(5))
    second = await ask(state, NewIds(0, session=True))
    assert second[0] == first[0] + 1 < 2**31
    assert first[1] >= 2**31


async def test_new_ids_never_repeat(store: Store, state: ChargePoint) -> None:
    numbers: list[int] = []

    async def ask(count: int) -> None:
        numbers.extend(await store.reader.answer(state, NewIds(count)))

    async with trio.open_nursery() as nursery:
        for count in range(10):
            nursery.start_soon(ask, count)
    assert len(numbers) == len(set(numbers)) == sum(range(10))
    assert min(numbers) > 0


# --- caches and batches ------------------------------------------------------------------------------------


async def test_unknown_stations_are_none(store: Store) -> None:
    assert await store.reader.station("nobody") is None
    assert await store.reader.station("NUL\0") is None


async def test_a_station_is_remembered_once_it_was_looked_up(store: Store, station: StationRecord) -> None:
    with trio.fail_after(PATIENCE):
        while store.reader.remembered("CP1") is None:  # caches are on as soon as changes are heard of
            assert await store.reader.look_up("CP1") == station
    assert store.reader.remembered("CP1") == station
    assert await store.reader.look_up("nobody") is None
    assert store.reader.remembered("nobody") is None


async def test_a_changed_station_is_read_anew(store: Store, station: StationRecord) -> None:
    assert (await store.reader.station("CP1")) == station
    await store.stations.update(EVERYBODY, "CP1", StationPatch(security_profile=2))
    changed = await store.reader.station("CP1")
    assert changed is not None
    assert changed.security_profile == 2


async def test_changes_made_by_another_node_are_heard_of(
    store: Store, other_store: Store, state: ChargePoint
) -> None:
    await put_tag(store, "TAG")
    tag = TokensOf(("TAG",))
    with trio.fail_after(PATIENCE):
        assert (await store.reader.answer(state, tag))["TAG"].status == "enabled"
        await put_tag(other_store, "TAG", status="disabled")
        await other_store.stations.update(EVERYBODY, "CP1", StationPatch(security_profile=3))
        while (await store.reader.answer(state, tag))["TAG"].status != "disabled":
            await trio.lowlevel.checkpoint()
        while (record := await store.reader.station("CP1")) is None or record.security_profile != 3:
            await trio.lowlevel.checkpoint()


def test_a_cache_is_bounded_and_keeps_nothing_that_is_outdated() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.keep("a", 1, cache.generation)
    assert len(cache) == 0  # not listening yet
    cache.switch(True)
    for number, key in enumerate("abc"):
        cache.keep(key, number, cache.generation)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 1, 2)
    before = cache.generation
    cache.forget("b")
    cache.keep("b", 1, before)  # read before it was forgotten
    assert cache.get("b") is None
    cache.switch(False)
    assert len(cache) == 0


async def test_questions_that_come_together_are_one_query(store: Store) -> None:
    batches: list[list[int]] = []

    async def double(_: object, numbers: Any) -> list[int]:
        batches.append(list(numbers))
        return [2 * number for number in numbers]

    batcher = Batcher(store._database, double)
    answers: dict[int, int] = {}

    async def ask(number: int) -> None:
        answers[number] = await batcher.ask(number)

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(ask, number)
        nursery.start_soon(batcher.run)
        while len(answers) < 50:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert answers == {number: 2 * number for number in range(50)}
    assert len(batches) <= 2


async def test_what_is_wrong_with_one_question_is_its_askers_trouble(store: Store) -> None:
    queries: list[int] = []

    async def halve(_: object, numbers: Any) -> list[float]:
        queries.append(len(numbers))
        return [1 / number for number in numbers]  # no error of a database

    batcher = Batcher(store._database, halve)
    answers: dict[int, object] = {}

    async def ask(number: int) -> None:
        try:
            answers[number] = await batcher.ask(number)
        except StoreError as error:
            answers[number] = str(error)

    async with trio.open_nursery() as nursery:
        for number in range(64):
            nursery.start_soon(ask, number)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(batcher.run)
        while len(answers) < 64:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert "division by zero" in str(answers.pop(0))
    assert answers == {number: 1 / number for number in range(1, 64)}
    assert len(queries) == 13  # of 64, 32, 32, 16, 16 … 1, 1
