"""Remote starts on a live connection: the pending session is there first and ends one way or the other."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from engine.domain.changes import SessionAsked, SessionGivenUp, SessionOpened
from engine.domain.starting import Pending
from engine.domain.state import Token
from engine.errors import CallRefused, CallTimeout, Conflict, Invalid, Offline, VoltrioError
from engine.ocpp.blocks.battery_swap.battery_swap import RequestBatterySwap
from engine.ocpp.blocks.remote_control.start import Start, Started
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Verdict
from engine.ocpp.step import Facts
from engine.ocpp.versions import PROTOCOLS
from engine.operations.remote_start import expire
from tests.answers import facts_of
from tests.points.conftest import NOW

TAG = "*0000001"  # the first number that the reader in memory gives
CARD = Token(  # one that may not charge
    id=3, uid="CARD", group_id=None, status="disabled", valid=True, expires_at=None, user_id=None,
    user_enabled=True, max_active_sessions=None, active_sessions=0,
)  # fmt: skip
PENDING = Pending(
    id=1, operator_id=1, charge_point_id=1, evse_number=1, id_tag=TAG, authorization_id=2,
    asked_at=NOW, expires_at=NOW + timedelta(seconds=300),
)  # fmt: skip


async def ask(nursery: trio.Nursery, site: Any, operation: Start, **more: Any) -> list[Any]:
    """Ask CP1 in the background; the list gets the result or the error."""
    results: list[Any] = []

    async def run() -> None:
        try:
            results.append(await site.command("CP1", operation, **more))
        except VoltrioError as error:
            results.append(error)

    nursery.start_soon(run)
    await site.until(lambda: results or site.store.journal.of(SessionAsked))
    return results


def given_up(site: Any) -> list[tuple[int, str, str]]:
    return [(one.id, one.status, one.reason) for one in site.store.journal.of(SessionGivenUp)]


@pytest.mark.proves("1.6", "RemoteStartTransaction")
async def test_it_is_written_before_the_station_hears(site: Any, store: Any, nursery: Any) -> None:
    async with site.connect() as ws:
        store.journal.closed_gate = trio.Event()
        results: list[Any] = []

        async def run() -> None:
            results.append(await site.command("CP1", Start(evse_number=1)))

        nursery.start_soon(run)
        await site.until(lambda: store.journal.waiting)
        assert site.registry.actor("CP1").waiting_calls == 0
        store.journal.closed_gate.set()
        _, message_id, action, payload = await site.take(ws)
        (asked,) = store.journal.of(SessionAsked)
        assert (asked.id, asked.id_tag, asked.evse_number) == (1, TAG, 1)
        assert asked.expires_at - asked.asked_at == timedelta(seconds=300)
        assert (action, payload) == ("RemoteStartTransaction", {"connectorId": 1, "idTag": TAG})
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: results)
        assert results == [
            Started(verdict=Verdict.ACCEPTED, word="Accepted", session_id=1, authorization_id=2)
        ]
        assert given_up(site) == []


@pytest.mark.proves("1.6", "RemoteStartTransaction")
async def test_a_refusal_fails_it(site: Any, nursery: Any) -> None:
    async with site.connect() as ws:
        results = await ask(nursery, site, Start())
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([3, message_id, {"status": "Rejected"}]))
        await site.until(lambda: results)
        assert (results[0].verdict, results[0].session_id) == (Verdict.REJECTED, 1)
        assert given_up(site) == [(1, "failed", "rejected")]


async def test_a_callerror_fails_it(site: Any, nursery: Any) -> None:
    async with site.connect() as ws:
        results = await ask(nursery, site, Start())
        _, message_id, _, _ = await site.take(ws)
        await ws.send_message(json.dumps([4, message_id, "InternalError", "", {}]))
        await site.until(lambda: results)
        assert isinstance(results[0], CallRefused)
        assert given_up(site) == [(1, "failed", "remote_start_failed")]


async def test_silence_leaves_it_pending_until_it_expires(
    site: Any, nursery: Any, autojump_clock: Any
) -> None:
    async with site.connect():
        results = await ask(nursery, site, Start(), timeout=10)
        await trio.sleep(11)
        assert isinstance(results[0], CallTimeout)
        assert given_up(site) == []


async def test_what_did_not_begin_in_time_expires(site: Any, store: Any) -> None:
    store.overdue_sessions = [
        replace(PENDING, expires_at=site.registry.shared.now()),
        replace(PENDING, id=9),  # has time yet
    ]
    assert await expire(site.node) == 1
    assert given_up(site) == [(1, "expired", "timeout")]


async def test_a_tag_that_may_not_charge_is_refused_at_once(site: Any, store: Any) -> None:
    store.reader.facts = facts_of(tokens={"CARD": CARD}, new_ids=(1, 2))
    async with site.connect():
        with pytest.raises(Conflict, match="blocked"):
            await site.command("CP1", Start(id_tag="CARD"))
        assert store.journal.of(SessionAsked) == []


async def test_a_battery_is_not_swapped_for_a_tag_that_may_not_charge(start: Any, store: Any) -> None:
    store.reader.facts = facts_of(tokens={"CARD": CARD})
    swap = RequestBatterySwap(id_tag="CARD", request_id=1)
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.1"]) as ws:
        with pytest.raises(Conflict, match="blocked"):  # S02.FR.03
            await site.command("CP1", swap)
        store.reader.facts = Facts()  # the asker answers for a tag that nobody knows
        async with trio.open_nursery() as nursery:
            nursery.start_soon(site.command, "CP1", swap)
            _, message_id, action, _ = await site.take(ws)
            await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        assert action == "RequestBatterySwap"


@pytest.mark.parametrize(
    ("known", "asked", "presented"),
    [
        (None, "ISO15693", "ISO15693"),
        ("rfid", "ISO15693", "ISO15693"),
        ("emaid", "ISO14443", "eMAID"),
    ],
)
async def test_a_known_tag_is_presented_as_what_it_is(
    start: Any, store: Any, known: str | None, asked: str, presented: str
) -> None:
    card = replace(CARD, status="enabled", type=known or "")
    store.reader.facts = facts_of(tokens={"CARD": card} if known else {}, new_ids=(1, 2))
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.0.1"]) as ws:
        for operation, token in (
            (Start(id_tag="CARD", id_type=asked), {"idToken": "CARD", "type": presented}),
            (Start(), {"idToken": TAG, "type": "Central"}),
        ):
            site.nursery.start_soon(site.command, "CP1", operation)
            _, message_id, _, payload = await site.take(ws)
            assert payload == {"idToken": token, "remoteStartId": 1}
            await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))


async def test_nothing_pends_at_a_station_that_is_not_there(site: Any, store: Any) -> None:
    with pytest.raises(Offline):
        await site.command("CP1", Start())
    assert store.journal.of(SessionAsked) == []


async def test_what_cannot_be_said_leaves_nothing_behind(site: Any, store: Any) -> None:
    async with site.connect():
        with pytest.raises(Invalid):
            await site.command("CP1", Start(id_tag="a tag of more than twenty characters"))
        assert store.journal.of(SessionAsked) == []


async def test_the_transaction_may_come_before_the_answer(site: Any, store: Any, nursery: Any) -> None:
    async with site.connect() as ws:
        results = await ask(nursery, site, Start(evse_number=1))
        _, message_id, _, _ = await site.take(ws)
        store.reader.facts = facts_of(pending=PENDING, new_ids=(8, 9))
        start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
        answer = await site.ask(ws, "StartTransaction", start)
        assert answer[2] == {"idTagInfo": {"status": "Accepted"}, "transactionId": 1}
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
        await site.until(lambda: results)
        assert results[0].session_id == 1
        assert [one.id for one in store.journal.of(SessionOpened)] == [1]
        assert given_up(site) == []


# --- starts that somebody words himself --------------------------------------------------------------------

WORDED = {
    "ocpp1.6": v16.RemoteStartTransaction(id_tag="LAB", connector_id=1),
    "ocpp2.0.1": v201.RequestStartTransaction(
        id_token=v201.IdToken(id_token="LAB", type="Central"), remote_start_id=3161, evse_id=1
    ),
    "ocpp2.1": v21.RequestStartTransaction(
        id_token=v21.IdToken(id_token="", type="NoAuthorization"), remote_start_id=3161, evse_id=1
    ),
}


@pytest.mark.parametrize("version", WORDED)
@pytest.mark.parametrize(("answer", "outcome"), [("Accepted", []), ("Rejected", [(1, "failed", "rejected")])])
async def test_a_start_that_is_worded_by_hand_is_awaited_like_any_other(
    start: Any, nursery: Any, version: str, answer: str, outcome: Any
) -> None:
    """So that the token it chose is not unknown when it comes back."""
    request = WORDED[version]
    async with start(PROTOCOLS) as site, site.connect(subprotocols=[version]) as ws:
        answers: list[Any] = []

        async def call() -> None:
            answers.append(await site.call("CP1", request))

        nursery.start_soon(call)
        _, message_id, action, _ = await site.take(ws)
        assert action == type(request).__name__
        [asked] = site.store.journal.of(SessionAsked)
        tag = TAG if version == "ocpp2.1" else "LAB"
        number = 1 if version == "ocpp1.6" else 3161
        assert (asked.id_tag, asked.evse_number, asked.remote_start_id) == (tag, 1, number)
        await ws.send_message(json.dumps([3, message_id, {"status": answer}]))
        await site.until(lambda: answers)
        assert answers[0].status == answer
        assert given_up(site) == outcome


async def test_one_for_a_tag_that_may_not_charge_is_sent_and_awaited_by_nobody(
    start: Any, store: Any, nursery: Any
) -> None:
    store.reader.facts = facts_of(tokens={"LAB": replace(CARD, uid="LAB")}, new_ids=(1, 2))
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.0.1"]) as ws:
        nursery.start_soon(site.call, "CP1", WORDED["ocpp2.0.1"])
        _, message_id, _, _ = await site.take(ws)
        assert store.journal.of(SessionAsked) == []
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))


async def test_one_that_breaks_a_rule_leaves_nothing_behind(start: Any, store: Any) -> None:
    wrong = replace(WORDED["ocpp2.0.1"], evse_id=0)
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.0.1"]):
        with pytest.raises(Invalid):
            await site.call("CP1", wrong)
        assert store.journal.of(SessionAsked) == []
    with pytest.raises(Offline):
        await site.call("CP1", WORDED["ocpp1.6"])


async def test_one_whose_number_no_row_holds_is_only_sent(start: Any, store: Any, nursery: Any) -> None:
    huge = replace(WORDED["ocpp2.0.1"], remote_start_id=2**40)
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.0.1"]) as ws:
        nursery.start_soon(site.call, "CP1", huge)
        _, message_id, _, payload = await site.take(ws)
        assert payload["remoteStartId"] == 2**40
        assert store.journal.of(SessionAsked) == []
        await ws.send_message(json.dumps([3, message_id, {"status": "Accepted"}]))
