"""Sessions that were asked for: how they are found, begun once, given up only while they wait, and merged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.access import StationRecord
from engine.domain.authorization import Decision
from engine.domain.changes import SessionMerged
from engine.domain.lookups import PendingFor, TokensOf
from engine.domain.starting import Pending, PendingKey, ask, give_up
from engine.domain.state import ChargePoint, Price, SessionStatus
from engine.domain.vocabulary import AuthorizationMethod, SessionReason, TagVerdict
from engine.store import Store
from tests.plans import EVERYBODY, put_tag

from .conftest import at, closed, opened


@pytest.fixture
async def state(store: Store, station: StationRecord) -> ChargePoint:
    return await store.reader.load(station, "ocpp1.6")


async def asked_for(store: Store, cp: ChargePoint, number: int, **other: Any) -> Pending:
    values: dict[str, Any] = {
        "session_id": number, "authorization_id": number + 100, "id_tag": "Card", "evse_number": 1,
        "expires_at": at(300), "now": at(0),
    }  # fmt: skip
    pending, changes = ask(
        cp, Decision(verdict=TagVerdict.ACCEPTED, method=AuthorizationMethod.ADMIN), **{**values, **other}
    )
    await store.journal.commit(changes)
    return pending


async def found(store: Store, cp: ChargePoint, key: PendingKey) -> Pending | None:
    return await store.reader.answer(cp, PendingFor(key))


async def test_it_is_found_by_its_number_or_by_tag_evse_and_time(store: Store, state: ChargePoint) -> None:
    pending = await asked_for(store, state, 7)
    keys = (
        PendingKey(number=7),
        PendingKey(number=None, id_tag="CARD", evse_number=1, at=at(10)),
        PendingKey(number=None, id_tag="card", evse_number=1, at=at(-50)),  # its clock is slow
        PendingKey(number=None, id_tag="card"),
    )
    assert [await found(store, state, key) for key in keys] == [pending] * 4
    others = (
        PendingKey(number=8),
        PendingKey(number=8, id_tag="Card", evse_number=1),  # it names another one
        PendingKey(number=None, id_tag="Card", evse_number=2, at=at(10)),
        PendingKey(number=None, id_tag="Card", evse_number=1, at=at(-70)),  # told late, from before
        PendingKey(number=None, id_tag="other", evse_number=1, at=at(10)),
        PendingKey(number=None, id_tag="\0", evse_number=1, at=at(10)),
    )
    assert [await found(store, state, key) for key in others] == [None] * 6


async def test_it_has_the_price_of_when_it_was_asked_for(store: Store, state: ChargePoint) -> None:
    price = Price(currency="EUR", per_kwh=Decimal("0.4"))
    await store.operators.set_price(EVERYBODY, price)
    pending = await asked_for(store, state, 7)
    await store.operators.set_price(EVERYBODY, replace(price, per_kwh=Decimal(9)))
    assert await found(store, state, PendingKey(number=7)) == replace(pending, price=price)


async def test_it_knows_who_asked(store: Store, state: ChargePoint) -> None:
    tag = await put_tag(store, "Card", group_id="G")
    token = (await store.reader.answer(state, TokensOf(("Card",))))["Card"]
    decision = Decision(verdict=TagVerdict.ACCEPTED, token=token, method=AuthorizationMethod.ADMIN)
    _, changes = ask(
        state,
        decision,
        session_id=7,
        authorization_id=107,
        id_tag="Card",
        evse_number=1,
        expires_at=at(300),
        now=at(0),
    )
    await store.journal.commit(changes)
    pending = await found(store, state, PendingKey(number=7))
    assert pending is not None
    assert (pending.id_tag_id, pending.user_id, pending.group_id) == (tag.id, None, "G")


async def test_one_for_any_evse_is_found_from_each(store: Store, state: ChargePoint) -> None:
    pending = await asked_for(store, state, 7, evse_number=0)
    assert await found(store, state, PendingKey(number=None, id_tag="Card", evse_number=9)) == pending


async def test_it_is_nobody_elses(store: Store, state: ChargePoint) -> None:
    await asked_for(store, state, 7)
    assert await found(store, replace(state, id=state.id + 1), PendingKey(number=7)) is None


async def test_no_state_holds_it_and_it_costs_nothing(store: Store, station: StationRecord) -> None:
    state = await store.reader.load(station, "ocpp1.6")
    await asked_for(store, state, 7)
    assert (await store.reader.load(station, "ocpp1.6")).sessions == {}
    row = await store.sessions.get(EVERYBODY, 7)
    assert (row.status, row.transaction_id, row.started_at, row.expires_at) == (
        "pending", None, at(0), at(300)
    )  # fmt: skip
    assert (row.amount, row.energy_wh) == (None, 0)


async def test_it_begins_once_and_keeps_its_authorization(
    store: Store, state: ChargePoint, count: Any
) -> None:
    await asked_for(store, state, 7)
    begun = opened(state.id, 7, id_tag=None, started_at=at(60))
    await store.journal.commit([begun])
    row = await store.sessions.get(EVERYBODY, 7)
    assert (row.status, row.transaction_id, row.started_at) == ("active", "7", at(60))
    assert (row.id_tag, row.authorization_id) == ("Card", 107)
    await store.journal.commit([closed(7)])
    await store.journal.commit([begun])  # its commit had no known outcome
    assert (await store.sessions.get(EVERYBODY, 7)).status == "finished"
    assert await found(store, state, PendingKey(number=7)) is None
    assert await count("sessions") == 1


async def test_it_is_overdue_when_its_time_is_over(store: Store, state: ChargePoint) -> None:
    late = await asked_for(store, state, 7)
    await asked_for(store, state, 8, expires_at=at(600))
    assert await store.sessions.overdue(at(299), limit=10) == []
    assert await store.sessions.overdue(at(300), limit=10) == [late]


async def test_given_up_it_says_why_and_tells_once(store: Store, state: ChargePoint, count: Any) -> None:
    pending = await asked_for(store, state, 7)
    for _ in range(2):
        await store.journal.commit([give_up(pending, SessionReason.TIMEOUT, at(300))])
    row = await store.sessions.get(EVERYBODY, 7)
    assert (row.status, row.reason, row.stopped_at, row.energy_wh) == ("expired", "timeout", at(300), 0)
    assert await count("events where subject = 'session:7' and payload->>'status' = 'expired'") == 1
    assert await store.sessions.overdue(at(999), limit=10) == []
    # A transaction that names it is still its own; one that only has its tag is not.
    assert await found(store, state, PendingKey(number=7)) == replace(pending, status=SessionStatus.EXPIRED)
    assert await found(store, state, PendingKey(number=None, id_tag="Card", evse_number=1)) is None
    await store.journal.commit([opened(state.id, 7)])
    row = await store.sessions.get(EVERYBODY, 7)
    assert (row.status, row.reason, row.stopped_at) == ("active", None, None)


async def test_what_has_begun_is_not_given_up(store: Store, state: ChargePoint, count: Any) -> None:
    pending = await asked_for(store, state, 7)
    await store.journal.commit([opened(state.id, 7), give_up(pending, SessionReason.REJECTED, at(5))])
    assert (await store.sessions.get(EVERYBODY, 7)).status == "active"
    assert await count("events where payload->>'status' = 'failed'") == 0


async def test_merged_it_is_gone_unless_it_has_begun(store: Store, state: ChargePoint, count: Any) -> None:
    await asked_for(store, state, 7)
    await asked_for(store, state, 8)
    await store.journal.commit([opened(state.id, 8)])
    await store.journal.commit([SessionMerged(id=7), SessionMerged(id=8)])
    assert await count("sessions where id = 7") == 0
    assert await count("sessions where id = 8") == 1


async def test_a_session_that_was_asked_for_is_known_as_such(store: Store, station: StationRecord) -> None:
    state = await store.reader.load(station, "ocpp1.6")
    await asked_for(store, state, 7)
    await store.journal.commit(
        [opened(state.id, 7, authorization_id=107), opened(state.id, 8, evse_number=2)]
    )
    sessions = (await store.reader.load(station, "ocpp1.6")).sessions
    assert {number: session.asked for number, session in sessions.items()} == {"7": True, "8": False}


async def test_it_is_found_by_the_number_that_its_asker_chose_the_newest_first(
    store: Store, state: ChargePoint
) -> None:
    first = await asked_for(store, state, 7, remote_start_id=3161)
    assert await found(store, state, PendingKey(number=3161)) == first
    assert await found(store, state, PendingKey(number=7)) is None
    await store.journal.commit([give_up(first, SessionReason.REJECTED, at(5))])
    given_up = await found(store, state, PendingKey(number=3161))
    assert given_up is not None
    assert given_up.status is SessionStatus.FAILED
    second = await asked_for(store, state, 8, remote_start_id=3161)
    assert await found(store, state, PendingKey(number=3161)) == second
    await store.journal.commit([give_up(second, SessionReason.TIMEOUT, at(300))])
    newest = await found(store, state, PendingKey(number=3161))
    assert newest is not None
    assert newest.id == 8
