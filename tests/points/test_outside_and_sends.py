"""What came with OCPP 2.1 (messages without answers, refused answers), and handlers that ask outside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import trio

from engine.domain.changes import MessageLogged, ReportStored
from engine.domain.outside import Answer, Question, Revocation, RevocationAsked
from engine.domain.state import ChargePoint
from engine.errors import CallRefused
from engine.ocpp import v16, v21, v201

STREAM = {"id": 1, "pending": 0, "basetime": "2026-03-01T12:00:00Z", "data": [{"t": 1.5, "v": "17"}]}
PROTOCOLS = {p.name: p for p in (v16.PROTOCOL, v201.PROTOCOL, v21.PROTOCOL)}


async def heard(site: Any, ws: Any, message: Any) -> Any:
    """What is answered next: to `message`, or to the Heartbeat behind it if that is answered by nothing."""
    await ws.send_message(json.dumps(message))
    await ws.send_message(json.dumps([2, "after", "Heartbeat", {}]))
    return await site.take(ws)


@pytest.mark.proves("2.1", "NotifyPeriodicEventStream")
async def test_a_sent_message_is_kept_and_not_answered(start: Any, store: Any) -> None:
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.1"]) as ws:
        answer = await heard(site, ws, [6, "s", "NotifyPeriodicEventStream", STREAM])
        assert answer[:2] == [3, "after"]
        [row] = store.journal.of(ReportStored)
        assert row.action == "NotifyPeriodicEventStream"
        assert site.metrics.messages[("in", "NotifyPeriodicEventStream", "ok")] == 1
        kinds = [one.kind for one in store.journal.of(MessageLogged) if one.message_id == "s"]
        assert kinds == ["send"]


@pytest.mark.parametrize(
    "message",
    [
        [6, "s", "NotifyPeriodicEventStream", {"id": "x"}],
        [6, "s", "Heartbeat", {}],
        [6, "s", "Nothing", {}],
        [6, "s", "NotifyPeriodicEventStream"],
        [5, "s", "FormatViolation", "why", {}],
        [5, "s", 7],
    ],
)
async def test_nothing_of_it_is_answered_even_when_it_is_wrong(start: Any, store: Any, message: Any) -> None:
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.1"]) as ws:
        assert (await heard(site, ws, message))[:2] == [3, "after"]
        assert store.journal.of(ReportStored) == []


@pytest.mark.parametrize("kind", [5, 6])
async def test_older_versions_do_not_know_these_types(start: Any, kind: int) -> None:
    async with start(PROTOCOLS) as site:
        async with site.connect(subprotocols=["ocpp2.0.1"]) as ws:
            answer = await heard(site, ws, [kind, "s", "NotifyPeriodicEventStream", STREAM])
            assert answer[:3] == [4, "s", "MessageTypeNotSupported"]
        async with site.connect(subprotocols=["ocpp1.6"]) as ws:
            answer = await heard(site, ws, [kind, "s", "NotifyPeriodicEventStream", STREAM])
            assert answer[:2] == [3, "after"]  # OCPP-J 1.6 §4.1.3: ignored


@pytest.mark.proves("2.x", "ClearCache")
@pytest.mark.parametrize(("version", "told"), [("ocpp2.1", True), ("ocpp2.0.1", False)])
async def test_a_station_hears_that_its_answer_made_no_sense(start: Any, version: str, told: bool) -> None:
    async with (
        start(PROTOCOLS) as site,
        site.connect(subprotocols=[version]) as ws,
        trio.open_nursery() as nursery,
    ):

        async def call() -> None:
            kind = PROTOCOLS[version].outbound["ClearCache"].request
            with pytest.raises(CallRefused):
                await site.call("CP1", kind())

        nursery.start_soon(call)
        _, message_id, action, _ = await site.take(ws)
        assert action == "ClearCache"
        answer = await heard(site, ws, [3, message_id, {"status": 7}])
        if told:
            assert answer[:2] == [5, message_id]
            assert answer[2] in {"TypeConstraintViolation", "PropertyConstraintViolation"}
        else:
            assert answer[:2] == [3, "after"]


class Oracle:
    """Answers as told, when told."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.answers: Sequence[Answer | None] = ()
        self.gate = trio.Event()

    async def ask(self, charge_point: ChargePoint, questions: Sequence[Question]) -> Sequence[Answer | None]:
        self.asked += questions
        await self.gate.wait()
        return self.answers


async def test_a_handler_gets_its_answer_from_outside(start: Any) -> None:
    oracle = Oracle()
    oracle.answers = [Revocation(status="Good", response=b"DER", next_update=None, verified=True)]
    data = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "ab" * 32,
        "issuerKeyHash": "cd" * 32,
        "serialNumber": "1",
        "responderURL": "http://ocsp.example/",
    }
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.1"]) as ws:
        site.registry.shared.outside = oracle
        call = [2, "q", "GetCertificateStatus", {"ocspRequestData": data}]
        await ws.send_message(json.dumps(call))
        await site.until(lambda: oracle.asked)
        heard = site.listen(ws)
        await trio.testing.wait_all_tasks_blocked()
        assert heard == []
        oracle.gate.set()
        await site.until(lambda: heard)
        assert heard == [[3, "q", {"status": "Accepted", "ocspResult": "REVS"}]]
        assert isinstance(oracle.asked[0], RevocationAsked)


@pytest.mark.proves("2.1", "Get15118EVCertificate")
async def test_without_a_world_outside_there_is_an_honest_answer(start: Any) -> None:
    request = {"iso15118SchemaVersion": "urn:x", "action": "Install", "exiRequest": "AAAA"}
    async with start(PROTOCOLS) as site, site.connect(subprotocols=["ocpp2.1"]) as ws:
        answer = await site.ask(ws, "Get15118EVCertificate", request)
        assert answer[2] == {"status": "Failed", "exiResponse": ""}
