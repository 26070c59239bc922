"""What a station is told that a session costs, by whatever clock and however late: it is what is billed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.plausibility import Review, was_ever_held
from engine.domain.pricing import Billed, cost
from engine.domain.state import Price, StationSettings
from engine.ocpp import v21 as v21_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v21, v201
from tests.domain.simulated_store import Store, station

BEGINNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
PRICE = Price(
    currency="EUR", per_session=Decimal("0.50"), per_kwh=Decimal("0.25"), per_minute=Decimal("0.10")
)
HANDLERS = {
    "ocpp2.0.1": (v201_protocol.PROTOCOL.inbound["TransactionEvent"], v201),
    "ocpp2.1": (v21_protocol.PROTOCOL.inbound["TransactionEvent"], v21),
}
VERSIONS = pytest.mark.parametrize("version", sorted(HANDLERS))


def event(words: Any, kind: str, seq_no: int, at: datetime, register: float | None = None) -> Any:
    values = [words.MeterValue(timestamp=at, sampled_value=[words.SampledValue(value=register)])]
    return words.TransactionEvent(
        event_type=kind,
        timestamp=at,
        trigger_reason="MeterValuePeriodic",
        seq_no=seq_no,
        transaction_info=words.Transaction(transaction_id="tx"),
        evse=words.EVSE(id=1),
        meter_value=UNSET if register is None else values,
    )


def billed(store: Store, row: dict[str, Any], now: datetime) -> Decimal:
    """By the session's row, as everybody else reads it."""
    running = [r for r in store.rows.values() if r.session_id == row["id"] and r.energy_wh is not None]
    newest = max(running, key=lambda r: (store.received[r.timestamp, r.sample_key], r.timestamp))
    return cost(
        PRICE,
        Billed(
            energy_wh=newest.energy_wh or 0 if row["energy_wh"] is None else row["energy_wh"],
            started_at=row["started_at"],
            start_received_at=row["received_at"],
            stopped_at=row["stopped_at"],
            stop_received_at=row["stop_received_at"],
            clock_was_wrong=was_ever_held(row["review"], row["released"], Review.CLOCK_DRIFT),
        ),
        now,
    ).total


def row_of(store: Store, request: Any) -> dict[str, Any]:
    """Of the session that an event belongs to; odd stamps make several of one transaction id."""
    what = (request.transaction_info.transaction_id, request.seq_no, request.timestamp, request.event_type)
    [number] = {stored.session_id for key, stored in store.events.items() if key[:4] == what}
    return store.sessions[number]


def told(store: Store, request: Any, now: datetime) -> Any:
    handler, _ = HANDLERS[store.cp.version]
    return store.handle(handler, request, now).total_cost  # type: ignore[attr-defined]  # its answer


@VERSIONS
def test_a_queued_end_costs_what_it_did_when_it_happened(version: str) -> None:
    store, words = Store(station(version), price=PRICE), HANDLERS[version][1]
    end, later = BEGINNING + timedelta(minutes=60), BEGINNING + timedelta(minutes=120)
    assert told(store, event(words, "Started", 0, BEGINNING, 1_000), BEGINNING) is UNSET
    ended = event(words, "Ended", 1, end, 6_000)
    assert told(store, ended, later) == 7.75
    assert told(store, ended, later + timedelta(hours=1)) == 7.75
    assert billed(store, row_of(store, ended), later + timedelta(hours=1)) == Decimal("7.75")


MINUTES = st.integers(-60 * 24, 60 * 24) | st.sampled_from((0, 0, 1, 60, 60 * 24 * 365 * 40))


@VERSIONS
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_answer_is_what_is_billed(version: str, data: st.DataObject) -> None:
    """Whatever the stamps, the delays, the order, a reconnect between, and a person who releases it."""
    own = StationSettings(tell_running_cost=data.draw(st.booleans()))
    store, words = Store(station(version, own), price=PRICE), HANDLERS[version][1]
    events = []
    at, register = BEGINNING, 1_000
    for n in range(data.draw(st.integers(2, 4))):
        at += timedelta(minutes=data.draw(MINUTES))
        register += data.draw(st.integers(0, 20_000))
        events.append(event(words, "Updated" if n else "Started", n, at, register))
    if data.draw(st.booleans()):
        events[-1] = replace(events[-1], event_type="Ended")
    now = BEGINNING + timedelta(days=3)
    for one in [*data.draw(st.permutations(events)), *data.draw(st.lists(st.sampled_from(events)))]:
        now += timedelta(minutes=data.draw(st.integers(0, 600)))
        if data.draw(st.booleans()):
            store.reconnect()
        answer = told(store, one, now)
        row = row_of(store, one)
        if answer is not UNSET:
            assert row["review"] is None
            assert Decimal(str(answer)) == billed(store, row, now)
        elif row["status"] == "finished":
            assert row["review"] is not None
            if data.draw(st.booleans()):  # a person has looked
                row |= {"released": row["review"], "review": None}
