"""Transaction events folded over the real tables: every order leaves the rows that the clean order leaves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.lookups import Lookup
from engine.domain.session import assign, events
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.messages import v201
from engine.ocpp.v201 import PROTOCOL
from engine.store import Store
from engine.store.invariants import violations
from engine.store.readings import METER_VALUES, PERIODS, SESSIONS, TRANSACTION_EVENTS
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, found

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 20, 12, tzinfo=UTC)
HANDLER = PROTOCOL.inbound["TransactionEvent"]
ORDERS = 12

COLUMNS = (
    "status", "reason", "started_at", "stopped_at", "meter_start_wh", "meter_stop_wh", "energy_wh", "id_tag",
    "evse_number", "charging_state",
)  # fmt: skip

Events = Sequence[v201.TransactionEvent]


def event(
    number: int, kind: Any, state: Any = None, *, tx: str = "tx", begin: int = 0, **more: Any
) -> v201.TransactionEvent:
    at = START + timedelta(minutes=begin + 10 * number)
    info: dict[str, Any] = {"transaction_id": tx}
    if state:
        info["charging_state"] = state
    if kind == "Ended":
        info["stopped_reason"] = "EVDisconnected"
    sample = v201.SampledValue(value=1_000.0 + 100 * (begin + 10 * number))
    return v201.TransactionEvent(
        event_type=kind,
        timestamp=at,
        trigger_reason="ChargingStateChanged",
        seq_no=number,
        transaction_info=v201.Transaction(**info),
        meter_value=[v201.MeterValue(timestamp=at, sampled_value=[sample])],
        **more,
    )


def told() -> list[v201.TransactionEvent]:
    """Two transactions on one EVSE; the end of the first is missing."""
    token = v201.IdToken(id_token="TAG", type="ISO14443")
    evse = v201.EVSE(id=1, connector_id=1)
    return [
        event(0, "Started", "EVConnected", evse=evse),
        event(1, "Updated", "Charging", id_token=token),
        event(2, "Updated", "SuspendedEV"),
        event(0, "Started", "Charging", tx="next", begin=40, evse=evse, id_token=token),
        event(1, "Updated", tx="next", begin=40),
        event(2, "Updated", "SuspendedEVSE", tx="next", begin=40),
        event(3, "Ended", tx="next", begin=40),
        event(0, "Started", tx="last", begin=90, evse=evse),
    ]


async def loaded(store: Store, record: StationRecord) -> ChargePoint:
    cp = await store.reader.load(record, "ocpp2.0.1")
    return replace(cp, registration=Registration.ACCEPTED, booted=True)


async def tell(store: Store, identity: str, events: Events, rng: random.Random) -> dict[str, Any]:
    """What the rows say when a new station has told these; now and then its connection breaks."""
    await store.stations.add(EVERYBODY, identity, StationPatch())
    record = await store.reader.station(identity)
    assert record is not None
    cp = await loaded(store, record)
    for request in events:
        if rng.random() < 0.3:
            cp = await loaded(store, record)
        needs = HANDLER.needs(cp, request) if HANDLER.needs else ()
        facts = await store.reader.resolve(cp, [one for one in needs if isinstance(one, Lookup)])
        outcome = HANDLER.step(cp, request, facts, RECEIVED)
        await store.journal.commit(outcome.changes)
        cp = outcome.state
    told_of: dict[str, Any] = {}
    for row in await found(store, SESSIONS, station=identity):
        values = await found(store, METER_VALUES, session_id=row.id)
        told_of[str(row.transaction_id)] = {
            "session": {name: getattr(row, name) for name in COLUMNS},
            "periods": [
                (one.started_at, one.stopped_at, one.charging_state, one.energy_start_wh, one.energy_stop_wh)
                for one in await found(store, PERIODS, session_id=row.id)
            ],
            "samples": [(value.timestamp, value.samples) for value in values],
            "events": [
                (e.seq_no, e.payload) for e in await found(store, TRANSACTION_EVENTS, session_id=row.id)
            ],
        }
    return told_of


async def test_every_order_leaves_the_same_rows(store: Store) -> None:
    rng = random.Random(3)
    clean = await tell(store, "CLEAN", told(), rng)
    reasons = {name: one["session"]["reason"] for name, one in clean.items()}
    assert reasons == {"tx": "new_start_transaction_received", "next": "ev_disconnected", "last": None}
    *events, last = told()
    for n in range(ORDERS):
        shuffled = [*events, *rng.sample(events, 3)]
        rng.shuffle(shuffled)
        assert await tell(store, f"CP-{n}", [*shuffled, last], rng) == clean
    assert await violations(store) == []


async def test_an_id_that_is_used_again_leaves_the_first_session_alone(store: Store) -> None:
    evse = v201.EVSE(id=1, connector_id=1)
    first = [event(0, "Started", evse=evse), event(1, "Updated"), event(2, "Ended")]
    again = [event(0, "Started", begin=10_000, evse=evse), event(2, "Ended", begin=10_000)]
    late = event(1, "Updated", begin=10_000)
    told = [*first, *again, late, *first, *again]
    await tell(store, "REUSED", told, random.Random(5))
    newest, oldest = await found(store, SESSIONS, station="REUSED")
    assert (oldest.started_at, oldest.energy_wh, oldest.review) == (START, 2_000, [])
    assert (newest.started_at, newest.energy_wh) == (START + timedelta(minutes=10_000), 2_000)
    assert [len(await found(store, TRANSACTION_EVENTS, session_id=one.id)) for one in (oldest, newest)] == [
        3,
        3,
    ]
    assert await violations(store) == []


async def test_a_long_history_counts_nothing_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("MAX_HISTORY", "MAX_RUNNING", "MAX_AFTER_END"):
        monkeypatch.setattr(assign, limit, 3)
    monkeypatch.setattr(events, "MAX_HISTORY", 3)
    evse = v201.EVSE(id=1, connector_id=1)
    told = [event(0, "Started", evse=evse), *(event(n, "Updated") for n in range(1, 6))]
    always = random.Random()
    monkeypatch.setattr(always, "random", lambda: 0.0)  # a new connection for each
    await tell(store, "LONG", [*told, told[5], told[2], event(6, "Ended")], always)
    [session] = await found(store, SESSIONS, station="LONG")
    assert (session.energy_wh, session.review) == (6_000, [])
    # One that belongs between others is counted in the order of arrival, and says so.
    await tell(store, "LATE", [*told[:3], *told[4:], told[3], event(6, "Ended")], always)
    [session] = await found(store, SESSIONS, station="LATE")
    assert (session.energy_wh, session.review) == (6_000, ["long_history"])
    assert await violations(store) == []
