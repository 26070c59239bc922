"""The load generator against servers of other people: what it reports is what happened."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from bench.loadgen import ID_TAG, PASSWORD, LoadError, LoadGenerator, Mode, Version, identities
from engine.ocpp.messages import v16, v21, v201

CHARGERS = 5
NUMBERS = itertools.count(1)
Answer = Callable[[WebSocketConnection, list[Any]], Awaitable[None]]
MESSAGES: dict[str, Any] = {"1.6": v16, "2.0.1": v201, "2.1": v21}


class Central:
    """Accepts everything; `received` by charger. A start is known by its meaning."""

    def __init__(self) -> None:
        self.received: dict[str, list[tuple[str, Any]]] = {}
        self.starts: dict[Any, int] = {}
        self.sockets: list[WebSocketConnection] = []

    async def answer(self, socket: WebSocketConnection, message: list[Any]) -> None:
        await socket.send_message(json.dumps([3, message[1], self.payload(socket, message)]))

    def payload(self, socket: WebSocketConnection, message: list[Any]) -> dict[str, Any]:
        _, _, action, request = message
        self.received.setdefault(str(socket.path).rpartition("/")[2], []).append((action, request))
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 60}
        if action == "StartTransaction":
            key = (socket.path, request["connectorId"], request["meterStart"], request["timestamp"])
            number = self.starts.setdefault(key, next(NUMBERS))
            return {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        if "idToken" in request:
            return {"idTokenInfo": {"status": "Accepted"}}
        return {}


@asynccontextmanager
async def serving(central: Central, answer: Answer) -> AsyncIterator[int]:
    async def connected(request: WebSocketRequest) -> None:
        (offered,) = request.proposed_subprotocols
        socket = await request.accept(subprotocol=offered)
        central.sockets.append(socket)
        try:
            while True:
                message = json.loads(await socket.get_message())
                if message[0] == 2:
                    await answer(socket, message)
        except ConnectionClosed:
            central.sockets.remove(socket)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, connected, "127.0.0.1", 0, ssl_context=None))
        yield server.port
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def loading(port: int, mode: Mode = "ocpp", version: Version = "1.6") -> AsyncIterator[LoadGenerator]:
    load = LoadGenerator(port, CHARGERS, mode, PASSWORD, version)
    try:
        yield load
    finally:
        load.close()


async def do(work: Callable[..., Any], *arguments: Any) -> Any:
    """The load generator blocks while the server is ours."""
    return await trio.to_thread.run_sync(work, *arguments)


@pytest.fixture
def central() -> Central:
    return Central()


async def test_chargers_boot_tell_a_status_and_charge(central: Central, tmp_path: Path) -> None:
    async with serving(central, central.answer) as port, loading(port) as load:
        opened = await do(load.open, 0)
        assert opened.settled == opened.latency["BootNotification"].count == CHARGERS
        assert opened.booted_after > 0
        await do(load.start, 2)
        await do(load.stop)
        ledger = await do(load.ledger, tmp_path)
    assert set(central.received) == set(identities(CHARGERS))
    for messages in central.received.values():
        assert [action for action, _ in messages] == [
            "BootNotification", "StatusNotification", "StartTransaction", "StartTransaction",
            "StopTransaction", "StopTransaction",
        ]  # fmt: skip
        assert messages[2][1]["idTag"] == ID_TAG
    assert len({one.transaction_id for one in ledger}) == 2 * CHARGERS
    stops = {
        r["transactionId"]: r["meterStop"] for m in central.received.values() for a, r in m if "Stop" in a
    }
    assert {int(one.transaction_id): one.meter_stop for one in ledger} == stops
    assert all(one.meter_stop is not None and one.meter_stop > one.meter_start for one in ledger)


async def test_every_meter_value_is_a_new_one(central: Central) -> None:
    async with serving(central, central.answer) as port, loading(port) as load:
        await do(load.open, 0)
        await do(load.start, 1)
        report = await do(load.run, "MeterValues", 0.2)
    for messages in central.received.values():
        values = [request["meterValue"][0] for action, request in messages if action == "MeterValues"]
        assert len({value["timestamp"] for value in values}) == len(values) > 1
        assert {len(value["sampledValue"]) for value in values} == {5}
        registers = [float(value["sampledValue"][0]["value"]) for value in values]
        assert registers == sorted(registers)
    sent = sum(action == "MeterValues" for messages in central.received.values() for action, _ in messages)
    assert 0 < report.latency["MeterValues"].count <= sent


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_transactions_of_2x_are_events_in_their_order(
    central: Central, tmp_path: Path, version: Version
) -> None:
    async with serving(central, central.answer) as port, loading(port, version=version) as load:
        await do(load.open, 0)
        await do(load.start, 2)
        report = await do(load.run, "TransactionEvent(Updated)", 0.2)
        await do(load.stop)
        ledger = await do(load.ledger, tmp_path)
    assert report.latency["TransactionEvent(Updated)"].count > 0
    assert len({(one.identity, one.transaction_id) for one in ledger}) == 2 * CHARGERS
    for identity, messages in central.received.items():
        assert [action for action, _ in messages[:2]] == ["BootNotification", "StatusNotification"]
        for one in (one for one in ledger if one.identity == identity):
            events = [
                r for _, r in messages[2:] if r["transactionInfo"]["transactionId"] == one.transaction_id
            ]
            assert [event["seqNo"] for event in events] == list(range(len(events)))
            kinds = [event["eventType"] for event in events]
            assert kinds == ["Started", *["Updated"] * (len(kinds) - 2), "Ended"]
            assert {len(event["meterValue"][0]["sampledValue"]) for event in events[1:-1]} <= {5}
            registers = [event["meterValue"][0]["sampledValue"][0]["value"] for event in events]
            assert registers == sorted(registers)
            assert (registers[0], registers[-1]) == (one.meter_start, one.meter_stop)
            assert len({event["timestamp"] for event in events}) == len(events)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_what_is_sent_keeps_the_schema(central: Central, version: Version) -> None:
    async with serving(central, central.answer) as port, loading(port, version=version) as load:
        await do(load.open, 0)
        await do(load.start, 1)
        await do(load.run, "MeterValues" if version == "1.6" else "TransactionEvent(Updated)", 0.1)
        await do(load.stop)
    for messages in central.received.values():
        for action, request in messages:
            msgspec.convert(request, getattr(MESSAGES[version], action))


async def test_a_lost_answer_is_asked_for_again(central: Central, tmp_path: Path) -> None:
    silent = True

    async def answer(socket: WebSocketConnection, message: list[Any]) -> None:
        if silent and message[2] == "StartTransaction":
            central.payload(socket, message)
        else:
            await central.answer(socket, message)

    async with serving(central, answer) as port, loading(port) as load:
        await do(load.open, 0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(do, load.start, 1)
            while len(central.starts) < CHARGERS:
                await trio.lowlevel.checkpoint()
            silent = False
            for socket in list(central.sockets):
                nursery.start_soon(socket.aclose)
        ledger = await do(load.ledger, tmp_path)
    assert {int(one.transaction_id) for one in ledger} == set(central.starts.values())
    assert len(ledger) == CHARGERS


async def test_a_cut_brings_all_back_to_their_transactions(central: Central) -> None:
    async with serving(central, central.answer) as port, loading(port) as load:
        await do(load.open, 0)
        await do(load.start, 1)
        report = await do(load.cut, 2)
    assert report.losses == 0
    assert report.latency["BootNotification"].count == report.latency["StartTransaction"].count == CHARGERS
    for messages in central.received.values():
        actions = [action for action, _ in messages]
        again = actions.index("BootNotification", 1)
        assert actions[again:] == [
            "BootNotification",
            "StatusNotification",
            "MeterValues",
            "StartTransaction",
        ]


async def test_calls_of_the_server_are_accepted(central: Central) -> None:
    answers: list[Any] = []

    async def answer(socket: WebSocketConnection, message: list[Any]) -> None:
        if message[2] == "StatusNotification":
            await socket.send_message('[2,"call","ClearCache",{}]')
            answers.append(json.loads(await socket.get_message()))
        await central.answer(socket, message)

    async with serving(central, answer) as port, loading(port) as load:
        report = await do(load.open, 0)
    assert answers == [[3, "call", {"status": "Accepted"}]] * CHARGERS
    assert report.calls_answered == CHARGERS


async def test_a_callerror_fails_the_run(central: Central) -> None:
    async def answer(socket: WebSocketConnection, message: list[Any]) -> None:
        if message[2] == "Heartbeat":
            await socket.send_message(json.dumps([4, message[1], "InternalError", "", {}]))
        else:
            await central.answer(socket, message)

    async with serving(central, answer) as port, loading(port) as load:
        await do(load.open, 0)
        with pytest.raises(LoadError, match=f"{CHARGERS} CALLERRORs"):
            await do(load.run, "Heartbeat", 0.1)


@pytest.mark.parametrize("wrong", ['[3,"another",{}]', "nonsense", "[3,null,{}]"])
async def test_a_wrong_answer_ends_it(central: Central, wrong: str) -> None:
    async def answer(socket: WebSocketConnection, message: list[Any]) -> None:
        await socket.send_message(wrong)

    async with serving(central, answer) as port, loading(port) as load:
        with pytest.raises(LoadError, match="ended with code 1"):
            await do(load.open, 0)


async def test_an_echo_is_checked_too(central: Central) -> None:
    async def answer(socket: WebSocketConnection, message: list[Any]) -> None:
        await socket.send_message(json.dumps(message, separators=(",", ":")))

    async with serving(central, answer) as port, loading(port, "echo") as load:
        await do(load.open, 0)
        assert (await do(load.run, "MeterValues", 0.1)).latency["MeterValues"].count > 0
