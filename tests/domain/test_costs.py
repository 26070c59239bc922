"""What a station is told that a session costs, by whatever clock and however late: it is what is billed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.pricing import Billed, cost
from engine.domain.session.review import Review
from engine.domain.state import Price, StationSettings
from engine.ocpp import v21 as v21_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v21, v201
from tests.domain.simulated_store import Store, station, token

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
    so_far = store.totals[row["id"]].energy_wh or 0
    return cost(
        PRICE,
        Billed(
            energy_wh=so_far if row["energy_wh"] is None else row["energy_wh"],
            started_at=row["started_at"],
            start_received_at=row["start_received_at"],
            stopped_at=row["stopped_at"],
            stop_received_at=row["stop_received_at"],
            clock_was_wrong=Review.CLOCK_DRIFT in (*row["review"], *row["released"]),
            waived=row["waived"] is not None,
        ),
        now,
    ).total


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
    [row] = store.sessions.values()
    assert billed(store, row, later + timedelta(hours=1)) == Decimal("7.75")


@VERSIONS
def test_what_was_over_before_any_energy_costs_nothing(version: str) -> None:
    store, words = Store(station(version), price=PRICE), HANDLERS[version][1]
    told(store, event(words, "Started", 0, BEGINNING, 1_000), BEGINNING)
    end = BEGINNING + timedelta(minutes=5)
    assert told(store, event(words, "Ended", 1, end, 1_000), end) == 0
    [row] = store.sessions.values()
    assert (row["review"], billed(store, row, end)) == ((), 0)


@VERSIONS
@pytest.mark.parametrize(
    ("tags", "total"),
    [
        pytest.param(["BAD"], 0, id="refused"),
        pytest.param(["GOOD"], 7.75, id="accepted"),
        pytest.param(["BAD", "GOOD"], 7.75, id="refused, then accepted"),
        pytest.param(["GOOD", "BAD"], 7.75, id="accepted, then refused"),
        pytest.param([None, "BAD"], 0, id="refused later"),
        pytest.param([None], 7.75, id="nobody was presented"),
    ],
)
@pytest.mark.parametrize("reconnects", [False, True])
def test_who_may_not_charge_pays_nothing(
    version: str, tags: list[str | None], total: float, *, reconnects: bool
) -> None:
    store, words = Store(station(version), {"GOOD": token("GOOD")}, price=PRICE), HANDLERS[version][1]
    events = [event(words, "Started", 0, BEGINNING, 1_000), event(words, "Updated", 1, BEGINNING)]
    for one, tag in zip_longest(events, tags):
        brought = UNSET if tag is None else words.IdToken(id_token=tag, type="ISO14443")
        told(store, replace(one, id_token=brought, trigger_reason="Authorized"), BEGINNING)
        if reconnects:
            store.reconnect()
    end = BEGINNING + timedelta(minutes=60)
    assert told(store, event(words, "Ended", 2, end, 6_000), end) == total
    [row] = store.sessions.values()
    assert billed(store, row, end) == Decimal(str(total))
    assert row["id_tag"] == ("GOOD" if "GOOD" in tags else tags[-1])
    verdict = store.authorizations.get(row["authorization_id"])
    assert (verdict and verdict.status) == (
        None if tags == [None] else "accepted" if "GOOD" in tags else "rejected"
    )


@pytest.mark.proves("2.1", "BatterySwap")
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("reconnects", [False, True])
def test_a_battery_in_a_swap_station_costs_nothing_to_charge(*, before: bool, reconnects: bool) -> None:
    store = Store(station("ocpp2.1"), price=PRICE)
    swap = v21_protocol.PROTOCOL.inbound["BatterySwap"]

    def moved(kind: Any, at: datetime) -> None:
        battery = v21.BatteryData(evse_id=1, serial_number="B", so_c=20, so_h=90)
        request = v21.BatterySwap(
            battery_data=[battery],
            event_type=kind,
            id_token=v21.IdToken(id_token="DRIVER", type="Central"),
            request_id=1,
        )
        store.handle(swap, request, at)
        if reconnects:
            store.reconnect()

    def charged(number: str, begin: datetime) -> Any:
        transaction = v21.Transaction(transaction_id=number)
        end = begin + timedelta(minutes=60)
        start = 1_000 + 5_000 * len(store.sessions)
        for n, (kind, at, wh) in enumerate((("Started", begin, start), ("Ended", end, start + 5_000))):
            if kind == "Ended" and number == "first" and not before:
                moved("BatteryIn", at)
            one = replace(event(v21, kind, n, at, wh), transaction_info=transaction)
            answer = told(store, one, at)
        return answer

    if before:
        moved("BatteryIn", BEGINNING)
    assert charged("first", BEGINNING) == 0
    moved("BatteryOutTimeout", BEGINNING + timedelta(hours=2))
    assert charged("second", BEGINNING + timedelta(hours=2)) == 0
    moved("BatteryOut", BEGINNING + timedelta(hours=4))
    assert charged("third", BEGINNING + timedelta(hours=4)) == 7.75
    assert [row["waived"] for row in store.sessions.values()] == ["battery_swap", "battery_swap", None]


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
    again = data.draw(st.lists(st.sampled_from(events)))
    for n, one in enumerate([*data.draw(st.permutations(events)), *again], 1):
        now += timedelta(minutes=data.draw(st.integers(0, 600)))
        if data.draw(st.booleans()):
            store.reconnect()
        answer = told(store, one, now)
        if len(store.sessions) > 1:  # by its stamps the id was used again: whose event it is, is a guess
            return
        [row] = store.sessions.values()
        if answer is not UNSET:
            assert not row["review"]
            assert Decimal(str(answer)) == billed(store, row, now)
        elif row["status"] == "finished":
            assert row["review"]
            if n >= len(events) and data.draw(st.booleans()):  # a person has looked
                row |= {"released": row["review"], "review": ()}
