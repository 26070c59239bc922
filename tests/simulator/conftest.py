"""A tiny central system over memory streams: it answers by a table, and can be told to misbehave."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from engine.ocpp.messages import decode_hook, v16, v21, v201
from engine.ocpp.rpc import encode
from engine.ocpp.step import Message
from engine.simulator.address import Address
from engine.simulator.clock import Time
from engine.simulator.physics import CARS, CATALOGUE, Battery
from engine.simulator.settings import MIXES, Counts
from engine.simulator.v2x import Charger21, Charger201
from engine.simulator.v16 import Charger16
from engine.simulator.world import World

MODULES = {"ocpp1.6": v16, "ocpp2.0.1": v201, "ocpp2.1": v21}
EPOCH = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


class Received(msgspec.Struct, frozen=True):
    identity: str
    action: str
    message_id: str
    message: Any


class Central:
    """Transaction ids count from 1 for each charger; a start is recognised by its meaning."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.received: list[Received] = []
        self.sockets: dict[str, WebSocketConnection] = {}
        self.starts: dict[tuple[Any, ...], int] = {}
        self.words: dict[str, ModuleType] = {}  # messages of the version that each charger speaks
        self.replies: dict[str, trio.MemorySendChannel[Any]] = {}
        self.answers: dict[str, Callable[[str, Any], Message | bytes | None]] = {}
        self.ids = 0
        self.refuse: int | None = None
        self.greeted: defaultdict[str, trio.Event] = defaultdict(trio.Event)
        self._origin = trio.current_time()

    def restart(self) -> None:
        """Forget everything; it is noon again."""
        self.starts.clear()
        self.received.clear()
        self._origin = trio.current_time()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=trio.current_time() - self._origin)

    def reach(self, identity: str, password: str | None) -> Address:
        async def dial() -> trio.abc.Stream:
            ours, theirs = trio.testing.memory_stream_pair()
            self._nursery.start_soon(self._serve, identity, theirs)
            return ours

        return Address("central", f"/ocpp/{identity}", (), dial)

    def of(self, action: str, identity: str | None = None) -> list[Any]:
        """The messages of one action, in the order of their arrival."""
        return [r.message for r in self.received if r.action == action and identity in (None, r.identity)]

    async def call(self, identity: str, action: str, payload: bytes = b"{}") -> Any:
        """Send a CALL; the typed response, or the list of a CALLERROR."""
        self.ids += 1
        message_id = f"c{self.ids}"
        send, receive = trio.open_memory_channel[Any](1)
        self.replies[message_id] = send
        await self.sockets[identity].send_message(f'[2,"{message_id}","{action}",{payload.decode()}]')
        frame = await receive.receive()
        if frame[0] == 4:
            return frame
        return msgspec.convert(frame[2], self.words[identity].ACTIONS[action][1], dec_hook=decode_hook)

    async def send(self, identity: str, request: Message) -> Any:
        return await self.call(identity, type(request).__name__, encode(request))

    async def connected(self, identity: str) -> None:
        """Wait until a charger is there and was accepted."""
        await self.greeted[identity].wait()

    async def _serve(self, identity: str, stream: trio.abc.Stream) -> None:
        with contextlib.suppress(ConnectionClosed):
            async with trio.open_nursery() as nursery:
                request = await wrap_server_stream(nursery, stream)
                if self.refuse is not None:
                    await request.reject(self.refuse)
                else:
                    version = request.proposed_subprotocols[0]
                    self.words[identity] = MODULES[version]
                    await self._receive(identity, await request.accept(subprotocol=version))
                nursery.cancel_scope.cancel()

    async def _receive(self, identity: str, socket: WebSocketConnection) -> None:
        self.sockets[identity] = socket
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = msgspec.json.decode(await socket.get_message())
                if frame[0] != 2:
                    if frame[1] in self.replies:
                        self.replies.pop(frame[1]).send_nowait(frame)
                    continue
                _, message_id, action, payload = frame
                message = msgspec.convert(
                    payload, self.words[identity].ACTIONS[action][0], dec_hook=decode_hook
                )
                self.received.append(Received(identity, action, message_id, message))
                if action == "StatusNotification":
                    self.greeted[identity].set()
                answer = self.answers.get(action, self.usual)(identity, message)
                if isinstance(answer, Message):
                    answer = b'[3,"%b",%b]' % (message_id.encode(), encode(answer))
                if answer is not None:
                    await socket.send_message(answer.replace(b"$ID", message_id.encode()).decode())

    def usual(self, identity: str, message: Any) -> Message:
        if self.words[identity] is not v16:
            return self.usual_v2x(message)
        accepted = v16.IdTagInfo(status="Accepted")
        match message:
            case v16.BootNotification():
                return v16.BootNotificationResponse(status="Accepted", current_time=self.now(), interval=600)
            case v16.Heartbeat():
                return v16.HeartbeatResponse(current_time=self.now())
            case v16.Authorize(id_tag=tag):
                status = "Accepted" if tag.startswith("TAG") else "Invalid"
                return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=status))
            case v16.StartTransaction():
                key = (identity, message.connector_id, message.id_tag, message.meter_start, message.timestamp)
                mine = sum(1 for known in self.starts if known[0] == identity)
                id_ = self.starts.setdefault(key, mine + 1)
                return v16.StartTransactionResponse(transaction_id=id_, id_tag_info=accepted)
            case v16.DataTransfer():
                return v16.DataTransferResponse(status="UnknownVendorId")
            case v16.SignCertificate():
                return v16.SignCertificateResponse(status="Accepted")
        return v16.ACTIONS[type(message).__name__][1]()

    def usual_v2x(self, message: Any) -> Message:
        action = type(message).__name__
        members: dict[str, Any] = {}
        match action:
            case "BootNotification":
                members = {"status": "Accepted", "currentTime": self.now(), "interval": 600}
            case "Heartbeat":
                members = {"currentTime": self.now()}
            case "Authorize":
                known = message.id_token.id_token.startswith("TAG")
                members = {"idTokenInfo": {"status": "Accepted" if known else "Invalid"}}
            case "TransactionEvent" if message.id_token:
                members = {"idTokenInfo": {"status": "Accepted"}}
            case "SignCertificate":
                members = {"status": "Accepted"}
        module = v21 if type(message).__module__ == v21.__name__ else v201
        answer: Message = msgspec.convert(members, module.ACTIONS[action][1], dec_hook=decode_hook)
        return answer


@pytest.fixture
def epoch() -> datetime:
    """When every simulated world of these tests begins."""
    return EPOCH


@pytest.fixture
async def central(nursery: trio.Nursery) -> AsyncIterator[Central]:
    yield Central(nursery)
    nursery.cancel_scope.cancel()


def world(**changes: Any) -> World:
    """A calm world at normal speed."""
    values: dict[str, Any] = {
        "time": Time(EPOCH),
        "mix": MIXES["calm"],
        "seed": 1,
        "tags": ("TAG-1", "TAG-2"),
        "call_timeout": 30.0,
        "counts": Counts(),
        "errors": [],
    }
    return World(**values | changes)


@pytest.fixture
async def charger(
    central: Central, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> Charger16:
    """One connected AC charger with two connectors and nobody near it; the test gives the clock."""
    charger = Charger16(world(), "CP-1", CATALOGUE[1], lambda password: central.reach("CP-1", password))
    nursery.start_soon(charger.run)
    await central.connected("CP-1")
    await trio.sleep(1)
    return charger


@pytest.fixture(params=[Charger201, Charger21], ids=["2.0.1", "2.1"])
async def newer(
    request: pytest.FixtureRequest,
    central: Central,
    nursery: trio.Nursery,
    autojump_clock: trio.testing.MockClock,
) -> Charger201 | Charger21:
    """The same charger, speaking 2.x."""
    charger = request.param(world(), "CP-1", CATALOGUE[1], lambda password: central.reach("CP-1", password))
    nursery.start_soon(charger.run)
    await central.connected("CP-1")
    await trio.sleep(1)
    return charger  # type: ignore[no-any-return]  # the parameter is one of the two


@pytest.fixture
def car() -> Battery:
    """A saloon with a third of its charge."""
    return Battery(CARS[2], 0.33)
