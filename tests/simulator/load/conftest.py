"""A real socket for bare chargers, with a small server behind it."""

from __future__ import annotations

import json

import pytest
from trio_websocket import ConnectionClosed, serve_websocket

from engine.simulator.load import reliable
from engine.simulator.load.target import Target


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
    monkeypatch.setattr(reliable, "RECONNECT_AFTER", (0.0, 0.01))
    return Server()


@pytest.fixture
async def target(server, nursery):
    """Chargers of the test's server connect here."""
    listening = await nursery.start(serve_websocket, server.handle, "127.0.0.1", 0, None)
    return Target("127.0.0.1", listening.port)
