"""Bare chargers against a real socket: they boot, charge, obey, and come back after a loss."""

from __future__ import annotations

import json

import pytest
import trio
from trio_websocket import ConnectionClosed, serve_websocket

from engine.simulator import load
from engine.simulator.load import Latencies, LoadCharger, Lost, Reliable, Target, storm


class Server:
    """Counts, answers, asks one question after each boot, and drops every connection once if told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict]] = []
        self.answers: list[list] = []
        self.drop_first: str | None = None
        self.starts: dict[str, int] = {}

    async def handle(self, request) -> None:
        socket = await request.accept(subprotocol="ocpp1.6")
        identity = request.path.rsplit("/", 1)[1]
        try:
            while True:
                await self.one(identity, socket, json.loads(await socket.get_message()))
        except ConnectionClosed:
            return

    async def one(self, identity, socket, message) -> None:
        if message[0] != 2:
            self.answers.append(message)
            return
        _, message_id, action, payload = message
        self.seen.append((identity, action, payload))
        answer = {}
        if action == "StartTransaction":
            id_ = self.starts.setdefault(f"{identity} {payload}", len(self.starts) + 1)
            answer = {"transactionId": id_, "idTagInfo": {"status": "Accepted"}}
        if action == self.drop_first:
            self.drop_first = None
            await socket.aclose(1012)
            return
        await socket.send_message(json.dumps([3, message_id, answer]))
        if action == "BootNotification":
            await socket.send_message(json.dumps([2, "ask", "RemoteStartTransaction", {"idTag": "A"}]))

    def actions(self, identity):
        return [action for who, action, _ in self.seen if who == identity]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(load, "RECONNECT_AFTER", (0.0, 0.01))
    return Server()


@pytest.fixture
async def target(server, nursery):
    """Chargers of the test's server connect here."""
    listening = await nursery.start(serve_websocket, server.handle, "127.0.0.1", 0, None)
    return Target("127.0.0.1", listening.port)


async def test_it_boots_and_obeys(server, target, nursery):
    charger = LoadCharger(target, "L1", Latencies())
    await charger.connect()
    nursery.start_soon(charger.read)
    await charger.boot()
    for _ in range(2):  # the answer to what the server asks meanwhile is there before the second one
        await charger.call("Heartbeat", b"{}")
    assert charger.called >= 1
    assert [3, "ask", {"status": "Accepted"}] in server.answers


async def test_a_storm_is_timed_and_everybody_charges(server, target):
    result = await storm(target, [f"L{n}" for n in range(10)], "TAG")
    assert 0 < result.start_p50 <= result.start_p99
    assert result.all_booted > 0
    for n in range(10):
        assert server.actions(f"L{n}") == [
            "BootNotification",
            "StatusNotification",
            "StartTransaction",
            "MeterValues",
            "StopTransaction",
        ]


@pytest.mark.parametrize("lost", ["StartTransaction", "MeterValues", "StopTransaction"])
async def test_what_was_not_answered_is_said_again(server, target, nursery, lost):
    server.drop_first = lost
    reliable = Reliable(LoadCharger(target, "L1", Latencies()))
    nursery.start_soon(reliable.keep_connected)
    entry = await reliable.transaction("TAG", samples=1, interval=0.0)
    assert entry.start_acknowledged
    assert entry.stop_acknowledged
    assert entry.samples[0].acknowledged
    said = [payload for _, action, payload in server.seen if action == lost]
    assert len(said) == 2
    assert said[0] == said[1]
    assert reliable.losses >= 1
    nursery.cancel_scope.cancel()


async def test_a_refused_upgrade_names_the_status(nursery):
    async def refuse(request):
        await request.reject(401)

    listening = await nursery.start(serve_websocket, refuse, "127.0.0.1", 0, None)
    charger = LoadCharger(Target("127.0.0.1", listening.port), "L1", Latencies())
    with pytest.raises(Lost, match="401"):
        await charger.connect()
    assert not charger.connected


async def test_nobody_there_is_a_loss():
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        charger = LoadCharger(Target("127.0.0.1", unused.getsockname()[1]), "L1", Latencies())
        with pytest.raises(Lost):
            await charger.connect()


def test_targets_come_from_addresses():
    assert Target.from_url("ws://10.0.0.1:9000/ocpp/", "pw") == Target("10.0.0.1", 9000, "/ocpp", "pw")
    assert b"\r\nAuthorization: Basic QTpwdw==\r\n" in Target("h", 1, "", "pw").upgrade("A")
    assert Target("h", 1).upgrade("a/b c").startswith(b"GET /ocpp/a%2Fb%20c HTTP/1.1\r\n")
    with pytest.raises(ValueError, match="not a ws://"):
        Target.from_url("wss://10.0.0.1/ocpp")


def test_percentiles():
    latencies = Latencies()
    for n in range(1, 101):
        latencies.add("A", float(n))
    assert (latencies.percentile("A", 50), latencies.percentile("A", 99), latencies.count("A")) == (
        51,
        100,
        100,
    )
    assert str(latencies.percentile("B", 50)) == "nan"
