"""The store and its twin in memory, over which rules are tested, give the same answers to every look-up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import pytest
import trio

from engine.domain.authorization import Decision
from engine.domain.changes import Change, Json, TransactionEventStored
from engine.domain.lookups import (
    Lookup,
    LooseSince,
    NeighboursOf,
    NewIds,
    PendingFor,
    PriceNow,
    SamplesSince,
    SessionOfStart,
    SessionOfTransaction,
    StoredEvents,
    TokensOf,
)
from engine.domain.session.facts import EventKey, Neighbour
from engine.domain.starting import Pending, PendingKey, ask
from engine.domain.state import ChargePoint, Price
from engine.domain.vocabulary import TagVerdict
from engine.store import Store
from tests.domain import simulated_store
from tests.plans import EVERYBODY, put_tag
from tests.store.conftest import at, closed, measured, opened

A = TypeVar("A")
PRICE = Price(currency="EUR", per_kwh=Decimal("0.4"))


class Answers(Protocol):
    """What both are asked."""

    cp: ChargePoint

    async def commit(self, *changes: Change) -> None: ...
    async def expect(self, pending: Pending, changes: Sequence[Change]) -> None: ...
    async def answer(self, lookup: Lookup[A]) -> A: ...


class Real:
    def __init__(self, store: Store, cp: ChargePoint) -> None:
        self.store = store
        self.cp = cp

    async def commit(self, *changes: Change) -> None:
        await self.store.journal.commit(changes)

    async def expect(self, pending: Pending, changes: Sequence[Change]) -> None:
        await self.commit(*changes)

    async def answer(self, lookup: Lookup[A]) -> A:
        return await self.store.reader.answer(self.cp, lookup)


class InMemory:
    def __init__(self) -> None:
        self.cp = simulated_store.station("ocpp1.6")
        tags = {"Card": simulated_store.token("Card", max_active_sessions=3)}
        self.store = simulated_store.Store(self.cp, tags, PRICE)

    async def commit(self, *changes: Change) -> None:
        await trio.lowlevel.checkpoint()
        self.store.commit(changes)

    async def expect(self, pending: Pending, changes: Sequence[Change]) -> None:
        await trio.lowlevel.checkpoint()
        self.store.pending[pending.id] = pending

    async def answer(self, lookup: Lookup[A]) -> A:
        await trio.lowlevel.checkpoint()
        answer: A = self.store.answer(lookup)
        return answer


@pytest.fixture(params=["in memory", "real"])
async def answers(request: pytest.FixtureRequest, store: Store, station: Any) -> Answers:
    """A station of a priced operator, and a card that may have three sessions at once."""
    if request.param == "in memory":
        return InMemory()
    await store.operators.set_price(EVERYBODY, PRICE)
    await put_tag(store, "Card", max_active_sessions=3)
    return Real(store, await store.reader.load(station, "ocpp1.6"))


def start(answers: Answers, number: int, **other: Any) -> Change:
    return opened(answers.cp.id, number, **{"id_tag": "Card", "id_tag_id": 1, **other})


async def test_tokens_are_found_in_any_case_with_their_open_sessions(answers: Answers) -> None:
    await answers.commit(start(answers, 1), start(answers, 2, evse_number=2), closed(2))
    tokens = await answers.answer(TokensOf(("cARD", "unknown")))
    assert {tag: (token.uid, token.active_sessions) for tag, token in tokens.items()} == {"cARD": ("Card", 1)}


async def test_sessions_are_found_by_start_and_by_our_transaction_id(answers: Answers) -> None:
    await answers.commit(start(answers, 1, evse_number=2), start(answers, 2), closed(2))
    told = start(answers, 3, transaction_id="tx", protocol="ocpp2.0.1", evse_number=3)
    await answers.commit(told)
    for number in (1, 2):
        for lookup in (SessionOfStart(f"1|TAG|0|{number}"), SessionOfTransaction(str(number))):
            session = await answers.answer(lookup)
            assert session is not None
            assert session.id == number
    assert await answers.answer(SessionOfStart("another")) is None
    assert await answers.answer(SessionOfTransaction("tx")) is None  # it is the station's own


async def test_samples_and_loose_values_since_a_moment(answers: Answers) -> None:
    own = [measured(answers.cp.id, 1, second=second, sample_key=second) for second in (10, 20, 30)]
    loose = [measured(answers.cp.id, None, second=second, sample_key=second + 5) for second in (40, 50)]
    await answers.commit(start(answers, 1), *own, *loose)
    found = await answers.answer(SamplesSince(1, at(20)))
    assert {moment for moment, _ in found} == {at(20), at(30)}
    assert len(found) == 4
    assert await answers.answer(SamplesSince(2, at(20))) == frozenset()
    assert [moment for moment, _ in await answers.answer(LooseSince(1, at(40)))] == [at(50)]
    assert not await answers.answer(LooseSince(2, at(0)))


async def test_neighbours_are_those_on_its_evse_that_have_an_end(answers: Answers) -> None:
    for number, evse, second, stop in ((1, 1, 0, 2_000), (2, 2, 5, 9_000), (4, 1, 20, 5_000)):
        begun = start(answers, number, evse_number=evse, started_at=at(second))
        await answers.commit(begun, closed(number, meter_stop_wh=stop))
    await answers.commit(start(answers, 3, started_at=at(10)))
    assert list(await answers.answer(NeighboursOf(3))) == [
        Neighbour(id=1, earlier=True, meter_start_wh=1_000, meter_stop_wh=2_000),
        Neighbour(id=4, earlier=False, meter_start_wh=1_000, meter_stop_wh=5_000),
    ]
    assert list(await answers.answer(NeighboursOf(99))) == []


async def test_whose_begin_moves_leaves_neighbours(answers: Answers) -> None:
    for number, second in ((1, 0), (2, 10), (4, 30)):
        begun = start(answers, number, started_at=at(second), protocol="ocpp2.0.1")
        await answers.commit(begun, closed(number))
    ended = TransactionEventStored(
        charge_point_id=answers.cp.id, transaction_id="3", seq_no=1, timestamp=at(20), event_type="Ended",
        trigger_reason="EVDeparted", offline=False, session_id=3, payload=Json(b"{}"), received_at=at(20),
        content=1,
    )  # fmt: skip
    await answers.commit(start(answers, 3, started_at=at(20), protocol="ocpp2.0.1"), closed(3), ended)
    key = EventKey(transaction_id="3", seq_no=0, at=at(5), kind="Started", content=2, evse_number=1)
    found = (await answers.answer(StoredEvents(key))).neighbours[3]
    assert {(one.id, one.earlier, one.left) for one in found} == {
        (1, True, False), (2, False, False), (2, True, True), (4, False, True)
    }  # fmt: skip


async def test_a_stored_event_leads_to_its_session(answers: Answers) -> None:
    tx = {"transaction_id": "tx", "protocol": "ocpp2.0.1"}
    event = TransactionEventStored(
        charge_point_id=answers.cp.id, transaction_id="tx", seq_no=0, timestamp=at(0), event_type="Started",
        trigger_reason="CablePluggedIn", offline=False, session_id=5, payload=Json(b"{}"), received_at=at(0),
        content=7,
    )  # fmt: skip
    await answers.commit(start(answers, 5, **tx), event)
    key = EventKey(transaction_id="tx", seq_no=0, at=at(0), kind="Started", content=7)
    again = await answers.answer(StoredEvents(key))
    assert (again.known, [one.session.id for one in again.sessions]) == (True, [5])
    other = EventKey(transaction_id="other", seq_no=0, at=at(0), kind="Started", content=7)
    unknown = await answers.answer(StoredEvents(other))
    assert (unknown.known, list(unknown.sessions)) == (False, [])


async def test_what_was_asked_for_is_found_by_its_number(answers: Answers) -> None:
    pending, changes = ask(
        answers.cp, Decision(verdict=TagVerdict.ACCEPTED), session_id=7, authorization_id=107, id_tag="Guest",
        evse_number=1, expires_at=at(300), now=at(0),
    )  # fmt: skip
    await answers.expect(pending, changes)
    found = await answers.answer(PendingFor(PendingKey(number=7)))
    assert found is not None
    assert (found.id, found.id_tag, found.authorization_id) == (7, "Guest", 107)
    assert await answers.answer(PendingFor(PendingKey(number=8))) is None


async def test_the_price_now_and_new_numbers(answers: Answers) -> None:
    assert await answers.answer(PriceNow()) == PRICE
    numbers = [*await answers.answer(NewIds(2, session=True)), *await answers.answer(NewIds(1))]
    assert len(set(numbers)) == 4


def test_every_look_up_is_tried_here() -> None:
    named = set(globals())
    assert {kind.__name__ for kind in Lookup.__subclasses__()} <= named
