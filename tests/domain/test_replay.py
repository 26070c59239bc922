"""Whatever the order, however often: the same transactions leave the same sessions and the same samples."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ocpp import v16 as v16_protocol
from engine.ocpp.messages import v16
from engine.ocpp.step import Message
from tests.domain.simulated_store import Store, station

VOLTAGE = v16.SampledValue(value="230", measurand="Voltage")  # what only the stop's data tells
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
RECEIVED = BEGINNING + timedelta(days=30)

START = v16_protocol.PROTOCOL.inbound["StartTransaction"]
STOP = v16_protocol.PROTOCOL.inbound["StopTransaction"]
VALUES = v16_protocol.PROTOCOL.inbound["MeterValues"]


@dataclass(frozen=True)
class Transaction:
    """What a charger knows about one of its transactions."""

    connector: int
    tag: str
    start: tuple[datetime, int]
    values: tuple[tuple[datetime, int], ...]
    stop: tuple[datetime, int] | None
    data: bool  # the stop repeats the samples


@dataclass(frozen=True)
class Sent:
    """One message of a transaction: its start (-1), its n-th meter values, or its stop (None)."""

    transaction: int
    part: int | None


def meter_value(at: datetime, register: int, *more: v16.SampledValue) -> v16.MeterValue:
    return v16.MeterValue(
        timestamp=at,
        sampled_value=[
            v16.SampledValue(value=str(register)),
            v16.SampledValue(value="7.4", unit="kW", measurand="Power.Active.Import"),
            *more,
        ],
    )


def tell(store: Store, all_: list[Transaction], told: Sent, numbers: dict[int, int]) -> None:
    one = all_[told.transaction]
    request: Message
    if told.part == -1:
        start = v16.StartTransaction(
            connector_id=one.connector, id_tag=one.tag, meter_start=one.start[1], timestamp=one.start[0]
        )
        reply = store.handle(START, start, RECEIVED)
        assert isinstance(reply, v16.StartTransactionResponse)
        assert numbers.setdefault(told.transaction, reply.transaction_id) == reply.transaction_id
        return
    number = numbers[told.transaction]
    if told.part is not None:
        request = v16.MeterValues(
            connector_id=one.connector,
            transaction_id=number,
            meter_value=[meter_value(*one.values[told.part])],
        )
        store.handle(VALUES, request, RECEIVED)
        return
    assert one.stop is not None
    request = v16.StopTransaction(transaction_id=number, timestamp=one.stop[0], meter_stop=one.stop[1])
    if one.data:
        request = v16.StopTransaction(
            transaction_id=number,
            timestamp=one.stop[0],
            meter_stop=one.stop[1],
            transaction_data=[meter_value(*v, VOLTAGE) for v in one.values],
        )
    store.handle(STOP, request, RECEIVED)


def messages(all_: list[Transaction]) -> list[Sent]:
    """In the order of time; transactions are listed in it."""
    told = []
    for n, one in enumerate(all_):
        told += [Sent(n, -1), *(Sent(n, i) for i in range(len(one.values)))]
        if one.stop is not None:
            told.append(Sent(n, None))
    return told


def outcome(store: Store) -> tuple[dict[str, Any], list[Any]]:
    kept = ("status", "reason", "started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh")
    sessions = {s["start_key"]: {k: s[k] for k in kept} for s in store.sessions.values()}
    samples = sorted(
        (store.sessions[number]["start_key"], at, identity)
        for number, at, identity in store.samples()
        if number is not None
    )
    return sessions, samples


def fresh_store() -> Store:
    return Store(station("ocpp1.6"))


@st.composite
def days(draw: st.DrawFn) -> list[Transaction]:
    """Transactions on two connectors, in the order of time, each connector's meter only growing."""
    register = {1: draw(st.integers(0, 10**7)), 2: 0}
    clock = BEGINNING
    all_ = []
    last: dict[int, int] = {}
    for n in range(draw(st.integers(1, 4))):
        connector = draw(st.sampled_from((1, 2)))
        points = []
        for _ in range(draw(st.integers(2, 5))):
            clock += timedelta(minutes=draw(st.integers(1, 30)))
            points.append((clock, register[connector]))
            register[connector] += draw(st.integers(0, 3_000))
        *inner, end = points[1:]
        # A stop that never comes shows only through the next start; without samples its time is that start's.
        missing = bool(inner) and draw(st.booleans())
        all_.append(
            Transaction(
                connector,
                draw(st.sampled_from(("TAG", "OTHER"))),
                points[0],
                tuple(inner),
                None if missing else end,
                draw(st.booleans()),
            )
        )
        last[connector] = n
    # One more start on each connector shows every missing stop.
    for connector in (1, 2):
        clock += timedelta(minutes=10)
        all_.append(Transaction(connector, "LAST", (clock, register[connector]), (), None, False))
    return all_


@settings(max_examples=150, deadline=None)
@given(days(), st.data())
def test_any_order_and_repetition_folds_to_the_same(all_: list[Transaction], data: st.DataObject) -> None:
    clean, numbers = fresh_store(), dict[int, int]()
    for told in messages(all_):
        tell(clean, all_, told, numbers)

    *body, _, _ = range(len(all_))
    repeated = [
        m for m in messages(all_) for _ in range(data.draw(st.integers(1, 2))) if m.transaction in body
    ]
    shuffled = data.draw(st.permutations(repeated))
    # A transaction's number is known only once its start was answered.
    first = {n: shuffled.index(Sent(n, -1)) for n in body}
    early = [m for i, m in enumerate(shuffled) if i < first[m.transaction]]
    ordered = [m for i, m in enumerate(shuffled) if i >= first[m.transaction]] + early

    store, numbers = fresh_store(), dict[int, int]()
    for told in itertools.chain(ordered, (Sent(n, -1) for n in (len(all_) - 2, len(all_) - 1))):
        if data.draw(st.integers(0, 4)) == 0:
            store.reconnect()
        tell(store, all_, told, numbers)

    assert outcome(store) == outcome(clean)
    samples = store.samples()
    assert len(samples) == len(set(samples))


def told_again(store: Store, row: dict[str, Any]) -> Store:
    """A store that is told what is stored of a session: its start, its samples by their time, its stop."""
    own = [one for one in store.rows.values() if one.session_id == row["id"]]
    again = fresh_store()
    start = v16.StartTransaction(
        connector_id=row["evse_number"],
        id_tag=row["id_tag"],
        meter_start=row["meter_start_wh"],
        timestamp=row["started_at"],
    )
    reply = again.handle(START, start, RECEIVED)
    assert isinstance(reply, v16.StartTransactionResponse)
    for one in sorted(own, key=lambda one: one.timestamp):
        samples = msgspec.json.decode(one.samples, type=list[v16.SampledValue])
        value = v16.MeterValue(timestamp=one.timestamp, sampled_value=samples)
        request = v16.MeterValues(
            connector_id=row["evse_number"], transaction_id=reply.transaction_id, meter_value=[value]
        )
        again.handle(VALUES, request, RECEIVED)
    stop = v16.StopTransaction(
        transaction_id=reply.transaction_id, timestamp=row["stopped_at"], meter_stop=row["meter_stop_wh"]
    )
    again.handle(STOP, stop, RECEIVED)
    return again


@settings(max_examples=50, deadline=None)
@given(days())
def test_what_is_stored_of_a_session_makes_it_again(all_: list[Transaction]) -> None:
    store, numbers = fresh_store(), dict[int, int]()
    for told in messages(all_):
        tell(store, all_, told, numbers)
    for row in store.sessions.values():
        if row["meter_stop_wh"] is not None:
            again = told_again(store, row)
            [made] = outcome(again)[0].values()
            assert made == outcome(store)[0][row["start_key"]]
            assert [one["review"] for one in again.sessions.values()] == [row["review"]]
            mine = sorted((at, what) for number, at, what in store.samples() if number == row["id"])
            assert sorted((at, what) for _, at, what in again.samples()) == mine


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("start", "values", "stop")),
            st.integers(0, 2),
            st.integers(-5, 60),
            st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(0, 5_000)),
            st.integers(-1, 12),
        ),
        max_size=25,
    )
)
def test_nonsense_is_always_answered_and_never_gives_negative_energy(told: list[tuple[Any, ...]]) -> None:
    store = fresh_store()
    for kind, connector, minute, register, number in told:
        at = BEGINNING + timedelta(minutes=minute)
        if kind == "start":
            request: Message = v16.StartTransaction(
                connector_id=connector, id_tag="TAG", meter_start=register, timestamp=at
            )
            store.handle(START, request, RECEIVED)
        elif kind == "values":
            request = v16.MeterValues(
                connector_id=connector, transaction_id=number, meter_value=[meter_value(at, register)]
            )
            store.handle(VALUES, request, RECEIVED)
        else:
            request = v16.StopTransaction(transaction_id=number, timestamp=at, meter_stop=register)
            store.handle(STOP, request, RECEIVED)
        assert all(row.energy_wh is None or row.energy_wh >= 0 for row in store.rows.values())
        assert all((s["energy_wh"] or 0) >= 0 for s in store.sessions.values())
        assert all(
            s["stopped_at"] is None or s["stopped_at"] >= s["started_at"] for s in store.sessions.values()
        )
