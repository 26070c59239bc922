"""Whatever the order, the delay and the repetition: the same transaction events leave the same sessions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.ocpp.blocks.transactions import transaction_event as block
from engine.ocpp.messages import v201
from engine.ocpp.step import Handler
from tests.domain.simulated_store import Store, station, token

BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
RECEIVED = BEGINNING + timedelta(days=30)
STATES: tuple[Any, ...] = ("Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle", None)
HANDLER = Handler(
    request=v201.TransactionEvent,
    response=v201.TransactionEventResponse,
    step=block.transaction_event_v2x(),
    needs=block.transaction_event_needs_v2x,
)


@dataclass
class Meter:
    """An EVSE's register, which grows; now and then it shows something else."""

    register: int = 0
    kwh: bool = False
    phases: bool = False


def fresh_store() -> Store:
    return Store(station("ocpp2.0.1"), {"TAG": token("TAG")})


def register_of(meter: Meter, register: int) -> list[v201.SampledValue]:
    if meter.phases:
        return [v201.SampledValue(value=register, phase=phase) for phase in ("L1", "L2", "L3")]
    if meter.kwh:
        unit = v201.UnitOfMeasure(unit="kWh", multiplier=-3)
        return [v201.SampledValue(value=register, unit_of_measure=unit)]
    return [v201.SampledValue(value=register)]


def values(at: datetime, meter: Meter, shown: int, extra: bool) -> list[v201.MeterValue]:
    kw = v201.SampledValue(
        value=7.4, measurand="Power.Active.Import", unit_of_measure=v201.UnitOfMeasure(unit="W", multiplier=3)
    )
    taken = [v201.MeterValue(timestamp=at, sampled_value=[*register_of(meter, shown), kw])]
    if extra:
        before = v201.SampledValue(value=230.0, measurand="Voltage")
        taken.insert(0, v201.MeterValue(timestamp=at - timedelta(seconds=7), sampled_value=[before]))
    return taken


@st.composite
def transaction(
    draw: st.DrawFn, number: str, evse: int, clock: datetime, meter: Meter
) -> list[v201.TransactionEvent]:
    """The events of one transaction in order; its tag, EVSE and meter values come with any of them."""
    count = draw(st.integers(1, 5))
    placed, tagged = draw(st.integers(0, count)), draw(st.integers(0, count))
    ends, counts = draw(st.booleans()), draw(st.booleans())  # some chargers never count: time decides
    events, all_values = [], list[v201.MeterValue]()
    for n in range(count + 1):
        clock += timedelta(seconds=draw(st.integers(0 if counts else 1, 900) if n else st.just(60)))
        kind: Any = "Started" if n == 0 else "Ended" if n == count and ends else "Updated"
        measured: list[v201.MeterValue] = []
        if draw(st.booleans()) or (n == count and not ends):
            meter.register += draw(st.integers(0, 500))
            fallen = draw(st.integers(0, 9)) == 0
            shown = draw(st.integers(0, meter.register)) if fallen else meter.register
            measured = values(clock, meter, shown, draw(st.booleans()))
            all_values += measured
        if kind == "Ended" and draw(st.booleans()):
            # Some chargers tell all samples again at the end, and with them what they had not told.
            frequency = v201.SampledValue(value=50.0, measurand="Frequency")
            measured = [replace(v, sampled_value=[*v.sampled_value, frequency]) for v in all_values]
        state = draw(st.sampled_from(STATES))
        events.append(
            v201.TransactionEvent(
                event_type=kind,
                timestamp=clock,
                trigger_reason="ChargingStateChanged",
                seq_no=n if counts else 0,
                offline=draw(st.booleans()),
                transaction_info=v201.Transaction(
                    transaction_id=number,
                    charging_state=state or UNSET,
                    stopped_reason="EVDisconnected" if kind == "Ended" else UNSET,
                ),
                evse=v201.EVSE(id=evse, connector_id=1) if n >= placed else UNSET,
                id_token=v201.IdToken(id_token="TAG", type="ISO14443") if n == tagged else UNSET,
                meter_value=measured or UNSET,
            )
        )
    return events


@st.composite
def days(draw: st.DrawFn) -> list[list[v201.TransactionEvent]]:
    """Transactions on two EVSEs, mostly one after the other on each."""
    meters = {
        1: Meter(draw(st.integers(0, 10**7)), kwh=draw(st.booleans())),
        2: Meter(phases=draw(st.booleans())),
    }
    clock = BEGINNING
    all_ = []
    for n in range(draw(st.integers(1, 3))):
        evse = draw(st.sampled_from((1, 2)))
        events = draw(transaction(f"tx-{n}", evse, clock, meters[evse]))
        overlaps = draw(st.integers(0, 4)) == 0
        clock = draw(st.sampled_from(events)).timestamp if overlaps else events[-1].timestamp
        clock += timedelta(minutes=1)
        all_.append(events)
    return all_


@st.composite
def generations(draw: st.DrawFn) -> list[list[v201.TransactionEvent]]:
    """Transactions of one station that gives each the same id, days apart."""
    clock, all_ = BEGINNING, []
    for _ in range(draw(st.integers(2, 3))):
        events = draw(transaction("tx", 1, clock, Meter(draw(st.integers(0, 10**6)))))
        end = replace(
            events[-1],
            event_type="Ended",
            seq_no=events[-1].seq_no + 1,
            timestamp=events[-1].timestamp + timedelta(minutes=1),
        )
        events = [*(e for e in events if e.event_type != "Ended"), end]
        clock = end.timestamp + timedelta(days=2)
        all_.append(events)
    return all_


def last_starts(all_: list[list[v201.TransactionEvent]]) -> list[v201.TransactionEvent]:
    """One more start on each EVSE shows every missing end."""
    clock = max(event.timestamp for events in all_ for event in events) + timedelta(minutes=5)
    return [
        v201.TransactionEvent(
            event_type="Started",
            timestamp=clock,
            trigger_reason="Authorized",
            seq_no=0,
            transaction_info=v201.Transaction(transaction_id=f"last-{evse}"),
            evse=v201.EVSE(id=evse),
        )
        for evse in (1, 2)
    ]


COLUMNS = (
    "status", "reason", "started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh",
    "evse_number", "connector_number", "id_tag", "id_tag_id", "user_id", "charging_state", "stop_id_tag",
    "review", "offline", "reservation_id", "remote_start_id",
)  # fmt: skip


def without_late(review: tuple[str, ...]) -> list[str]:
    """`late_event` says that something was told after the end, so it depends on the order."""
    return sorted({*review} - {"late_event"})


def outcome(store: Store) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    names = {number: row["transaction_id"] for number, row in store.sessions.items()}
    sessions = {row["transaction_id"]: {k: row.get(k) for k in COLUMNS} for row in store.sessions.values()}
    periods = {names[n]: rows for n, rows in store.periods.items() if rows}
    for name, row in sessions.items():
        row["review"] = without_late(row["review"])
        if "missing_stop" in row["review"]:
            # The end is ours, and not later than the other start, as far as that is known.
            row.pop("stopped_at")
            periods.pop(name, None)
    samples = sorted((names[n], at, what) for n, at, what in store.samples() if n is not None)
    return sessions, samples, periods


@settings(max_examples=200, deadline=None)
@given(days(), st.data())
def test_any_order_repetition_and_delay_folds_to_the_same(
    all_: list[list[v201.TransactionEvent]], data: st.DataObject
) -> None:
    clean, store = fresh_store(), fresh_store()
    ordered = [event for events in all_ for event in events]
    for event in (*ordered, *last_starts(all_)):
        clean.handle(HANDLER, event, RECEIVED)

    repeated = [event for event in ordered for _ in range(data.draw(st.integers(1, 2)))]
    for event in (*data.draw(st.permutations(repeated)), *last_starts(all_)):
        if data.draw(st.integers(0, 4)) == 0:
            store.reconnect()
        store.handle(HANDLER, event, RECEIVED)

    assert outcome(store) == outcome(clean)
    assert len(store.events) == len({id(event) for event in ordered}) + 2
    samples = store.samples()
    assert len(samples) == len(set(samples))


@settings(max_examples=100, deadline=None)
@given(generations(), st.data())
def test_an_id_that_is_used_again_folds_to_the_same_sessions(
    all_: list[list[v201.TransactionEvent]], data: st.DataObject
) -> None:
    clean, store = fresh_store(), fresh_store()
    for event in (event for events in all_ for event in events):
        clean.handle(HANDLER, event, RECEIVED)
    told: list[v201.TransactionEvent] = []
    for events in all_:
        again = data.draw(st.lists(st.sampled_from(told), max_size=2)) if told else []
        for event in (*data.draw(st.permutations(events)), *again):
            if data.draw(st.integers(0, 4)) == 0:
                store.reconnect()
            store.handle(HANDLER, event, RECEIVED)
        told += events

    def rows(one: Store) -> list[dict[str, Any]]:
        ordered = sorted(one.sessions.values(), key=lambda row: row["started_at"])
        told = [{k: row.get(k) for k in COLUMNS} for row in ordered]
        return [{**row, "review": without_late(row["review"])} for row in told]

    assert rows(store) == rows(clean)
    assert len(clean.sessions) == len(all_)
    assert len(store.events) == len(clean.events) == len(told)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_last_period_ends_with_what_is_billed(order: tuple[int, ...]) -> None:
    """Also where the end tells more than the station can have delivered, which no running total takes."""
    events = [
        v201.TransactionEvent(
            event_type=kind,
            timestamp=BEGINNING + timedelta(seconds=n),
            trigger_reason="ChargingStateChanged",
            seq_no=n,
            transaction_info=v201.Transaction(transaction_id="tx", charging_state="Charging"),
            evse=v201.EVSE(id=1, connector_id=1),
            meter_value=UNSET
            if register is None
            else [
                v201.MeterValue(
                    timestamp=BEGINNING + timedelta(seconds=n),
                    sampled_value=[v201.SampledValue(value=register)],
                )
            ],
        )
        for n, (kind, register) in enumerate((("Started", 0), ("Updated", None), ("Ended", 9_000)))
    ]
    store = fresh_store()
    for n in order:
        store.handle(HANDLER, events[n], RECEIVED)
    [row] = store.sessions.values()
    assert (row["energy_wh"], without_late(row["review"])) == (9_000, ["implausible_energy"])
    [period] = store.periods[row["id"]].values()
    assert period["energy_stop_wh"] == 9_000
