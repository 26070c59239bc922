"""StartTransaction and StopTransaction of OCPP 1.6: always acknowledged, once by meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import changes as c
from engine.domain.lookups import NeighboursOf
from engine.domain.session.assign import ORPHANS_KEPT
from engine.domain.state import ChargePoint, StationSettings, Token
from engine.ocpp import v16 as v16_protocol
from engine.ocpp.blocks.transactions import stop_transaction
from engine.ocpp.messages import v16
from tests.domain.simulated_store import Store

pytestmark = pytest.mark.proves("1.6", "StartTransaction", "StopTransaction")

START = v16_protocol.PROTOCOL.inbound["StartTransaction"]
STOP = v16_protocol.PROTOCOL.inbound["StopTransaction"]
VALUES = v16_protocol.PROTOCOL.inbound["MeterValues"]
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def token(uid: str, **fields: object) -> Token:
    whole = Token(
        id=3,
        uid=uid,
        group_id=None,
        status="enabled",
        valid=True,
        expires_at=None,
        user_id=9,
        user_enabled=True,
        max_active_sessions=1,
        active_sessions=0,
    )
    return replace(whole, **fields)


@pytest.fixture
def store(cp: ChargePoint) -> Store:
    return Store(cp, {"TAG": token("TAG"), "OLD": token("OLD", valid=False)})


def start(
    store: Store, tag: str = "TAG", meter: int = 1_000, at: datetime = NOON, connector: int = 1
) -> v16.StartTransactionResponse:
    request = v16.StartTransaction(connector_id=connector, id_tag=tag, meter_start=meter, timestamp=at)
    reply = store.handle(START, request, NOON + HOUR)
    assert isinstance(reply, v16.StartTransactionResponse)
    return reply


def stop(
    store: Store,
    number: int,
    *,
    tag: str | None = None,
    meter: int = 2_000,
    at: datetime = NOON + HOUR,
    data: list[v16.MeterValue] | None = None,
) -> v16.StopTransactionResponse:
    request = v16.StopTransaction(
        transaction_id=number,
        id_tag=tag or UNSET,
        meter_stop=meter,
        timestamp=at,
        transaction_data=data or UNSET,
    )
    reply = store.handle(STOP, request, NOON + HOUR)
    assert isinstance(reply, v16.StopTransactionResponse)
    return reply


def value(minutes: int, register: int, *, context: Any = "Sample.Periodic") -> v16.MeterValue:
    return v16.MeterValue(
        timestamp=NOON + timedelta(minutes=minutes),
        sampled_value=[v16.SampledValue(value=str(register), context=context)],
    )


def only(store: Store) -> dict[str, object]:
    [session] = store.sessions.values()
    return session


# --- start -------------------------------------------------------------------------------------------------


def test_a_start_gets_the_sessions_number_as_transaction_id(store: Store) -> None:
    reply = start(store)
    assert store.cp.sessions[str(reply.transaction_id)].id == reply.transaction_id
    assert reply.id_tag_info.status == "Accepted"
    row = only(store)
    assert (row["evse_number"], row["connector_number"], row["user_id"]) == (1, 1, 9)
    [authorization] = [x for x in store.log if isinstance(x, c.AuthorizationMade)]
    assert row["authorization_id"] == authorization.id


def test_a_start_told_again_is_the_same_transaction_and_does_not_count_itself(store: Store) -> None:
    first = start(store)
    written = len(store.log)
    assert start(store) == first
    store.reconnect()
    assert start(store, tag="tag") == first
    assert len(store.log) == written


def test_a_start_told_again_after_its_stop_is_the_same_transaction(store: Store) -> None:
    first = start(store)
    stop(store, first.transaction_id)
    assert start(store) == first
    assert not store.cp.sessions


@pytest.mark.parametrize(("tag", "status"), [("OLD", "Invalid"), ("NOBODY", "Invalid")])
def test_what_happened_is_recorded_whatever_the_tag(store: Store, tag: str, status: str) -> None:
    reply = start(store, tag=tag)
    assert reply.id_tag_info.status == status
    assert str(reply.transaction_id) in store.cp.sessions


def test_a_second_transaction_of_a_tag_is_concurrent(store: Store) -> None:
    assert start(store).id_tag_info.status == "Accepted"
    assert start(store, connector=2).id_tag_info.status == "ConcurrentTx"
    assert len(store.cp.sessions) == 2


def test_the_session_that_a_start_ends_does_not_count_against_it(store: Store) -> None:
    start(store)
    assert start(store, meter=1_500, at=NOON + HOUR).id_tag_info.status == "Accepted"
    assert len(store.cp.sessions) == 1


def test_a_station_open_to_all_starts_unknown_tags(cp: ChargePoint) -> None:
    store = Store(replace(cp, settings=StationSettings(auto_start_without_authorization=True)))
    assert start(store, tag="NOBODY").id_tag_info.status == "Accepted"


# --- stop --------------------------------------------------------------------------------------------------


def test_a_stop_ends_its_transaction(store: Store) -> None:
    reply = stop(store, start(store).transaction_id)
    assert reply == v16.StopTransactionResponse()  # no tag was asked about
    row = only(store)
    assert (row["status"], row["reason"], row["energy_wh"]) == ("finished", "local", 1_000)


def test_the_reason_is_kept_in_our_word(store: Store) -> None:
    request = v16.StopTransaction(
        transaction_id=start(store).transaction_id,
        meter_stop=2_000,
        timestamp=NOON + HOUR,
        reason="EVDisconnected",
    )
    store.handle(STOP, request, NOON + HOUR)
    assert only(store)["reason"] == "ev_disconnected"


def test_the_stops_tag_is_judged_without_a_limit(store: Store) -> None:
    number = start(store).transaction_id
    info = stop(store, number, tag="TAG").id_tag_info
    assert info == v16.IdTagInfo(status="Accepted")
    assert stop(store, number, tag="NOBODY").id_tag_info == v16.IdTagInfo(status="Invalid")


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_stop_without_a_register_ends_with_the_last_one_that_was_shown(
    store: Store, *, reconnects: bool
) -> None:
    number = start(store).transaction_id
    request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=[value(30, 1_700)])
    store.handle(VALUES, request, NOON + HOUR)
    if reconnects:
        store.reconnect()
    stop(store, number, meter=-1)
    row = only(store)
    assert (row["meter_stop_wh"], row["energy_wh"], row["review"]) == (1_700, 700, ("missing_register",))
    written = len(store.log)
    stop(store, number, meter=-1)  # told again
    assert len(store.log) == written


def test_a_stop_without_a_time_ends_when_it_is_told(store: Store) -> None:
    number = start(store).transaction_id
    stop(store, number, at=datetime(1, 1, 2, tzinfo=UTC))
    row = only(store)
    assert (row["status"], row["energy_wh"], row["review"]) == ("finished", 1_000, ("clock_drift",))
    assert row["stop_received_at"] == NOON + HOUR


def test_a_stop_told_again_writes_nothing(store: Store) -> None:
    number = start(store).transaction_id
    stop(store, number, data=[value(10, 1_200)])
    written = len(store.log)
    stop(store, number, data=[value(10, 1_200)])
    store.reconnect()
    stop(store, number, data=[value(10, 1_200)])
    assert len(store.log) == written


def test_a_second_stop_that_says_something_else_is_kept_for_a_person(store: Store) -> None:
    number = start(store).transaction_id
    stop(store, number)
    before = only(store)
    stop(store, number, meter=9_999)
    after = only(store)
    assert after == {**before, "review": ("other_stop",)}
    [orphan] = store.orphans.values()
    assert (orphan.meter_wh, store.resolved[orphan.id]) == (9_999, number)
    stop(store, number, meter=9_999)
    assert len(store.orphans) == 1


def test_transaction_data_is_merged_without_doubles(store: Store) -> None:
    number = start(store).transaction_id
    request = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=[value(10, 1_200)])
    store.handle(VALUES, request, NOON + HOUR)
    data = [value(10, 1_200), value(20, 1_400), value(0, 1_000, context="Transaction.Begin")]
    stop(store, number, data=data)
    assert len(store.samples()) == len(set(store.samples())) == 3
    assert only(store)["energy_wh"] == 1_000


def test_data_of_a_stop_that_corrects_us_does_not_reopen_the_session(store: Store) -> None:
    first = start(store).transaction_id
    second = start(store, meter=1_900, at=NOON + HOUR).transaction_id
    stop(store, first, meter=1_800, at=NOON + timedelta(minutes=30), data=[value(20, 1_500)])
    assert list(store.cp.sessions) == [str(second)]
    row = store.sessions[first]
    assert (row["status"], row["energy_wh"], row["meter_stop_wh"]) == ("finished", 800, 1_800)
    assert row["review"] == ("late_stop",)
    written = len(store.log)
    stop(store, first, meter=1_800, at=NOON + timedelta(minutes=30))
    assert len(store.log) == written


def test_the_stop_of_a_session_that_a_person_released_without_it_is_kept_aside(store: Store) -> None:
    first = start(store).transaction_id
    start(store, meter=1_900, at=NOON + HOUR)
    store.commit([c.SessionReviewed(id=first, review=(), last_updated_at=NOON)])
    stop(store, first, meter=1_800)
    assert store.sessions[first]["meter_stop_wh"] is None
    [orphan] = store.orphans.values()
    assert orphan.transaction_id == str(first)


def test_an_implausible_sample_in_the_data_stays_with_the_final_review(store: Store) -> None:
    number = start(store).transaction_id
    stop(store, number, data=[value(1, 99_000_000)])
    assert only(store)["review"] == ("implausible_energy",)


# --- stops whose transaction is unknown --------------------------------------------------------------------


@pytest.mark.parametrize("number", [-1, 0, 4_711])
def test_an_unknown_stop_is_acknowledged_and_kept_once(store: Store, number: int) -> None:
    reply = stop(store, number, tag="TAG")
    assert reply.id_tag_info == v16.IdTagInfo(status="Accepted")
    stop(store, number, tag="TAG")
    store.reconnect()
    stop(store, number, tag="TAG")
    [orphan] = store.orphans.values()
    assert (orphan.transaction_id, orphan.meter_wh) == (str(number), 2_000)
    assert len(store.cp.orphans) == 1
    assert not store.sessions


@pytest.mark.parametrize("number", [-1, 4_711])
def test_an_unknown_stop_ends_the_one_session_it_fits(store: Store, number: int) -> None:
    start(store)
    for _ in range(2):
        stop(store, number, tag="tag")
    row = only(store)
    assert (row["status"], row["energy_wh"], row["review"]) == ("finished", 1_000, ("reconciled",))
    [orphan] = store.orphans.values()
    assert store.resolved == {orphan.id: row["id"]}
    store.reconnect()
    assert store.cp.orphans == ()


def test_another_chargers_number_ends_nothing_here(store: Store) -> None:
    start(store)
    stop(store, 4_711)  # no tag: nothing says it is ours
    stop(store, 4_711, tag="ELSE")
    assert only(store)["status"] == "active"
    assert len(store.orphans) == 2


def test_a_start_adopts_the_stop_told_before_it(store: Store) -> None:
    stop(store, -1, tag="TAG", data=[value(10, 1_200)])
    store.reconnect()
    reply = start(store)
    row = only(store)
    assert (row["status"], row["energy_wh"], row["review"]) == ("finished", 1_000, ("reconciled",))
    assert row["stopped_at"] == NOON + HOUR
    assert [number for number, _, _ in store.samples()] == [reply.transaction_id]
    assert list(store.resolved.values()) == [reply.transaction_id]
    assert (store.cp.orphans, store.cp.sessions) == ((), {})


@pytest.mark.parametrize("number", [-1, 4_711])
def test_a_start_takes_over_what_its_connector_measured_before_it_was_told(store: Store, number: int) -> None:
    for minutes, register in ((10, 1_200), (20, 1_400)):
        told = v16.MeterValues(connector_id=1, transaction_id=number, meter_value=[value(minutes, register)])
        store.handle(VALUES, told, NOON + HOUR)
    other = v16.MeterValues(connector_id=2, meter_value=[value(15, 70_000)])
    store.handle(VALUES, other, NOON + HOUR)
    before = v16.MeterValues(connector_id=1, meter_value=[value(-15, 900)])
    store.handle(VALUES, before, NOON + HOUR)
    reply = start(store)
    session = store.cp.sessions[str(reply.transaction_id)]
    assert session.metering.energy_wh == 400
    assert sum(number == reply.transaction_id for number, _, _ in store.samples()) == 2
    stop(store, reply.transaction_id, meter=1_500)
    assert only(store)["energy_wh"] == 500


def test_orphans_in_memory_are_bounded(store: Store) -> None:
    for meter in range(ORPHANS_KEPT + 5):
        stop(store, -1, tag="TAG", meter=meter)
    assert len(store.cp.orphans) == ORPHANS_KEPT
    assert len(store.orphans) == ORPHANS_KEPT + 5


# --- what is read ------------------------------------------------------------------------------------------


def test_a_plain_stop_of_a_running_transaction_reads_what_was_beside_it(store: Store) -> None:
    number = start(store).transaction_id
    request = v16.StopTransaction(
        transaction_id=number, meter_stop=1, timestamp=NOON, transaction_data=[value(10, 1_200)]
    )
    assert stop_transaction.stop_transaction_needs_v16(store.cp, request) == [NeighboursOf(number)]
