"""Transaction ids that are used again, events that share a number, transactions that overlap on an EVSE."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.session import assign
from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v16, v201
from tests.domain.simulated_store import Store, station

DAY = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
EVENT = v201_protocol.PROTOCOL.inbound["TransactionEvent"]
START = v16_protocol.PROTOCOL.inbound["StartTransaction"]
STOP = v16_protocol.PROTOCOL.inbound["StopTransaction"]


@pytest.fixture
def store() -> Store:
    return Store(station("ocpp2.0.1"))


def event(seq: int, kind: Any, minute: float, register: float | None = None, **more: Any) -> Any:
    at = more.pop("since", DAY) + timedelta(minutes=minute)
    values: Any = UNSET
    if register is not None:
        sample = v201.SampledValue(value=register)
        values = [v201.MeterValue(timestamp=at, sampled_value=[sample])]
    return v201.TransactionEvent(
        event_type=kind,
        timestamp=at,
        trigger_reason=more.pop("trigger", "MeterValuePeriodic"),
        seq_no=seq,
        transaction_info=v201.Transaction(transaction_id=more.pop("tx", "1")),
        evse=v201.EVSE(id=more.pop("evse", 1), connector_id=1),
        meter_value=values,
        **more,
    )


def tell(store: Store, *events: Any, late: timedelta = timedelta(0), reconnect: bool = False) -> None:
    for one in events:
        if reconnect:
            store.reconnect()
        store.handle(EVENT, one, one.timestamp + late)


def transaction(since: datetime = DAY, register: float = 0, tx: str = "1") -> list[Any]:
    return [
        event(0, "Started", 0, register, since=since, tx=tx),
        event(1, "Updated", 30, register + 1_000, since=since, tx=tx),
        event(2, "Ended", 60, register + 2_000, since=since, tx=tx),
    ]


def rows(store: Store) -> list[tuple[Any, ...]]:
    return [(s["started_at"], s["status"], s["energy_wh"], s["review"]) for s in store.sessions.values()]


# --- used again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reconnect", [False, True])
@pytest.mark.parametrize("gap", [YEAR, timedelta(minutes=61)], ids=["a year later", "after a reset"])
def test_an_id_that_begins_again_is_another_session(store: Store, gap: timedelta, reconnect: bool) -> None:
    tell(store, *transaction(), reconnect=reconnect)
    [billed] = rows(store)
    tell(store, *transaction(DAY + gap, 500_000), reconnect=reconnect)
    first, second = rows(store)
    assert first == billed == (DAY, "finished", 2_000, ())
    assert second == (DAY + gap, "finished", 2_000, ())


def test_what_is_told_again_of_either_changes_neither(store: Store) -> None:
    both = [*transaction(), *transaction(DAY + YEAR, 500_000)]
    tell(store, *both)
    before = rows(store)
    tell(store, *both, late=timedelta(hours=1), reconnect=True)
    assert rows(store) == before
    assert len(store.events) == 6


def test_a_late_event_goes_to_the_session_of_its_time(store: Store) -> None:
    tell(store, *transaction(), *transaction(DAY + YEAR, 500_000))
    tell(store, event(1, "Updated", 45, 1_500), late=2 * YEAR)
    told = [e.session_id for e in store.events.values() if e.timestamp == DAY + timedelta(minutes=45)]
    assert told == [min(store.sessions)]
    assert [energy for _, _, energy, _ in rows(store)] == [2_000, 2_000]


def test_what_is_told_late_of_the_one_before_does_not_touch_the_one_that_goes_on(store: Store) -> None:
    started, updated, _ = transaction()
    told = event(2, "Updated", 40)  # without a value, whose time would say that it is late
    second = transaction(DAY + timedelta(hours=2), 500_000)
    tell(store, started, updated, told, second[0])
    before = rows(store)
    store.handle(EVENT, told, DAY + timedelta(hours=3))
    assert rows(store) == before
    store.handle(EVENT, event(3, "Ended", 60), DAY + timedelta(hours=3))
    assert [status for _, status, _, _ in rows(store)] == ["finished", "active"]
    assert [session.id for session in store.cp.sessions.values()] == [max(store.sessions)]
    tell(store, *second[1:])
    assert [energy for _, _, energy, _ in rows(store)] == [1_000, 2_000]


def test_one_that_we_closed_never_ends_before_the_start_that_is_told_of_it_later(store: Store) -> None:
    tell(store, event(0, "Started", 1, tx="2"))
    store.handle(EVENT, event(1, "Updated", 0), DAY + timedelta(minutes=5))
    store.handle(EVENT, event(0, "Started", 2), DAY + timedelta(minutes=6))
    late = store.sessions[max(store.sessions)]
    assert (late["status"], late["started_at"]) == ("finished", DAY + timedelta(minutes=2))
    assert late["stopped_at"] >= late["started_at"]


def test_an_id_that_begins_again_before_its_end_came_shows_that_it_is_over(store: Store) -> None:
    tell(store, *transaction()[:2], *transaction(DAY + timedelta(hours=2), 5_000))
    assert rows(store) == [
        (DAY, "finished", 1_000, ("missing_stop",)),
        (DAY + timedelta(hours=2), "finished", 2_000, ()),
    ]


def test_one_whose_start_comes_late_is_one_session(store: Store) -> None:
    started, updated, ended = transaction(DAY + YEAR, 9_000)
    tell(store, *transaction(), updated, ended, started)
    assert [energy for _, _, energy, _ in rows(store)] == [2_000, 2_000]
    assert rows(store)[1][0] == DAY + YEAR


def test_a_station_without_any_ids_has_a_session_for_each(store: Store) -> None:
    for n in range(3):
        tell(store, *transaction(DAY + timedelta(hours=2 * n), 10_000.0 * n, tx=""))
    assert [energy for _, _, energy, _ in rows(store)] == [2_000, 2_000, 2_000]


def test_a_straggler_behind_the_end_is_no_transaction_of_its_own(store: Store) -> None:
    tell(store, *transaction(), event(3, "Updated", 62))
    assert len(store.sessions) == 1


# --- the numbers of OCPP 1.6 -------------------------------------------------------------------------------


def start(store: Store) -> int:
    """Of a station that speaks OCPP 1.6 until its next connection."""
    store.cp = replace(store.cp, version="ocpp1.6")
    request = v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=1, timestamp=DAY)
    reply = store.handle(START, request, DAY)
    assert isinstance(reply, v16.StartTransactionResponse)
    return reply.transaction_id


def test_the_number_of_a_finished_session_of_ocpp_16_is_another_transaction(store: Store) -> None:
    number = start(store)
    stop = v16.StopTransaction(
        transaction_id=number, meter_stop=5_001, timestamp=DAY + timedelta(hours=1), id_tag="TAG"
    )
    store.handle(STOP, stop, DAY + timedelta(hours=1))
    before = dict(store.sessions[number])
    store.reconnect()
    tell(store, *transaction(DAY + timedelta(hours=3), 7_000, tx=str(number)))
    assert store.sessions[number] == before
    assert rows(store)[1] == (DAY + timedelta(hours=3), "finished", 2_000, ())


def test_the_number_of_a_running_session_of_ocpp_16_is_another_transaction(store: Store) -> None:
    number = start(store)
    store.reconnect()
    tell(store, event(5, "Ended", 60, 5_001, tx=str(number)))
    old, new = store.sessions.values()
    assert (old["id_tag"], old["meter_start_wh"], old["review"]) == ("TAG", 1, ("missing_stop",))
    assert (new["started_at"], new["id_tag"]) == (DAY + timedelta(hours=1), None)
    # And a stop of OCPP 1.6 never means the other one.
    store.reconnect()
    stop = v16.StopTransaction(transaction_id=number, meter_stop=3_001, timestamp=DAY + timedelta(minutes=59))
    store.handle(STOP, stop, DAY + timedelta(hours=2))
    assert old["energy_wh"] == 3_000
    assert new["meter_stop_wh"] == 5_001


# --- one number, two events --------------------------------------------------------------------------------


@pytest.mark.parametrize("reconnect", [False, True])
def test_events_of_one_number_second_and_type_are_both_kept(store: Store, reconnect: bool) -> None:
    started, updated, ended = transaction()
    state = event(1, "Updated", 30, trigger="ChargingStateChanged")
    state = replace(state, transaction_info=replace(state.transaction_info, charging_state="SuspendedEV"))
    more = event(2, "Ended", 60, 2_500)
    told = [started, updated, state, ended, more]
    tell(store, *told, reconnect=reconnect)
    tell(store, *told, late=timedelta(hours=1), reconnect=reconnect)
    assert len(store.events) == 5
    assert [s["charging_state"] for s in store.sessions.values()] == ["suspendedEV"]


def test_what_is_told_again_from_a_queue_is_the_same_event(store: Store) -> None:
    tell(store, *transaction())
    tell(store, *(replace(one, offline=True) for one in transaction()), late=timedelta(hours=1))
    assert len(store.events) == 3
    assert rows(store) == [(DAY, "finished", 2_000, ())]


# --- overlaps ----------------------------------------------------------------------------------------------


OVERLAPPING = [
    event(0, "Started", 70, 20_000, tx="p"),
    event(0, "Started", 75, 21_000, tx="q"),
    event(1, "Updated", 76, 21_100, tx="p"),
    event(2, "Ended", 78, 21_100, tx="p"),
    event(1, "Ended", 90, 22_000, tx="q"),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (0, 2, 3, 1, 4), (1, 4, 0, 2, 3), (3, 4, 2, 1, 0)])
def test_of_two_transactions_at_once_on_an_evse_the_first_is_held(store: Store, order: Any) -> None:
    at = DAY + timedelta(hours=3)
    for n in order:
        store.handle(EVENT, OVERLAPPING[n], at)
    held = {s["transaction_id"]: s["review"] for s in store.sessions.values()}
    assert held == {"p": ("late_stop",), "q": ()}
    assert all(s["status"] == "finished" for s in store.sessions.values())


def test_one_after_the_other_is_no_overlap_however_late_the_end_is_told(store: Store) -> None:
    first, second = transaction(tx="a"), transaction(DAY + timedelta(hours=1), 2_000, tx="b")
    at = DAY + timedelta(hours=3)
    for one in (*first[:2], *second, first[2]):
        store.handle(EVENT, one, at)
    assert [review for *_, review in rows(store)] == [(), ()]


# --- long histories ----------------------------------------------------------------------------------------


def test_what_is_put_off_while_a_long_transaction_runs_is_folded_at_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assign, "MAX_RUNNING", 3)
    clean = Store(store.empty)
    idle = replace(event(2, "Updated", 20, 200), transaction_info=info("SuspendedEV"))
    charging = replace(event(4, "Updated", 40, 400), transaction_info=info("Charging"))
    told = [event(0, "Started", 0, 0), event(1, "Updated", 10, 100), idle, event(3, "Updated", 30, 300)]
    told += [charging, event(5, "Updated", 50, 500)]
    end = event(6, "Ended", 60, 600)
    tell(clean, *told, end)
    tell(store, told[0], *told[3:], told[1], idle, reconnect=True)
    [running] = store.cp.sessions.values()
    assert (running.metering.energy_wh, running.charging_state, running.review) == (500, "charging", ())
    tell(store, end)
    assert rows(store) == rows(clean) == [(DAY, "finished", 600, ())]
    assert store.periods == clean.periods


def test_what_comes_long_after_a_long_transaction_is_kept_and_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assign, "MAX_AFTER_END", 2)
    tell(store, *transaction(), event(1, "Updated", 40, 1_500))
    assert rows(store) == [(DAY, "finished", 2_000, ("late_event",))]
    assert len(store.events) == len(store.rows) == 4


def test_what_is_told_of_a_session_that_was_corrected_holds_it_and_changes_nothing(
    store: Store,
) -> None:
    tell(store, *transaction()[::2])
    [row] = store.sessions.values()
    row |= {"energy_wh": 700, "corrected": True}
    tell(store, transaction()[1], event(4, "Ended", 70, 9_000))
    assert rows(store) == [(DAY, "finished", 700, ("late_event",))]
    assert len(store.events) == 4


def info(state: Any) -> v201.Transaction:
    return v201.Transaction(transaction_id="1", charging_state=state)


def test_what_retention_has_left_of_a_transaction_is_not_taken_for_all_of_it(store: Store) -> None:
    tell(store, *transaction())
    before = rows(store)
    store.events.clear()
    tell(store, *transaction(DAY + YEAR, 500_000), reconnect=True)
    assert rows(store) == [*before, (DAY + YEAR, "finished", 2_000, ())]
    tell(store, event(1, "Updated", 45, 1_500), late=2 * YEAR)
    assert rows(store)[0] == (DAY, "finished", 2_000, ("late_event",))
