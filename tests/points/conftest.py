"""A node's living side on real sockets, over a store in memory whose commits tests can hold or refuse."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import pytest
import trio
from msgspec.structs import replace
from trio_websocket import CloseReason, ConnectionClosed, WebSocketConnection, wrap_client_stream

from engine.domain.access import StationRecord
from engine.domain.caller import Caller, CallerKind
from engine.domain.changes import Change
from engine.domain.lookups import Lookup
from engine.domain.starting import Pending
from engine.domain.state import ChargePoint, NetworkStatus, Registration, StationSettings, Taken
from engine.errors import ChangeRefused, NotFound, StoreError, Superseded
from engine.limits import Places
from engine.metrics import Metrics
from engine.node import Node
from engine.ocpp import v16
from engine.ocpp.operation import Operation, Result
from engine.ocpp.step import Facts, Message, Protocol, Raw
from engine.operations import calls, commands
from engine.points import Registry, serve_chargers
from engine.settings import Settings
from engine.store import Store
from tests.answers import facts_of
from tests.patience import PATIENCE, until

A = TypeVar("A")
CALLER = Caller("token:test", CallerKind.API_TOKEN)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class MemoryJournal:
    """`committed` and `appended` in order. While `closed_gate` is set, commits wait for it."""

    def __init__(self) -> None:
        self.committed: list[Change] = []
        self.appended: list[Change] = []
        self.closed_gate: trio.Event | None = None
        self.waiting = 0
        self.refused: type[Change] | None = None
        self.crowded: set[int] = set()  # charge points that may not append
        self.dropped: list[type[Change]] = []
        self.least: dict[int, int] = {}  # charge points, and which generations may write

    async def commit(self, changes: Sequence[Change], owner: int = 0, generation: int = 0) -> None:
        self.waiting += 1
        try:
            if self.closed_gate is not None:
                await self.closed_gate.wait()
            else:
                await trio.lowlevel.checkpoint()
        finally:
            self.waiting -= 1
        if generation and generation < self.least.get(owner, 0):
            raise Superseded("moved by the test")
        if self.refused is not None and any(isinstance(change, self.refused) for change in changes):
            raise ChangeRefused("refused by the test")
        self.committed += changes

    def commit_then(
        self,
        changes: Sequence[Change],
        done: Callable[[StoreError | None], None],
        owner: int = 0,
        generation: int = 0,
    ) -> None:
        async def commit() -> None:
            error = None
            try:
                await self.commit(changes, owner, generation)
            except ChangeRefused as refusal:
                error = refusal
            done(error)

        trio.lowlevel.spawn_system_task(commit)

    def append(self, changes: Sequence[Change]) -> None:
        self.appended += changes

    def has_room(self, charge_point_id: int) -> bool:
        return charge_point_id not in self.crowded

    def drop(self, kind: type[Change]) -> None:
        self.dropped.append(kind)

    async def flush(self) -> None:
        await self.commit(())

    def of(self, kind: type[Change]) -> list[Any]:
        return [change for change in (*self.committed, *self.appended) if isinstance(change, kind)]


class MemoryReader:
    def __init__(self) -> None:
        self.records: dict[str, StationRecord] = {}
        self.states: dict[str, ChargePoint] = {}
        self.facts = facts_of(new_ids=(1, 2))
        self.fault: Exception | None = None
        self.generations: dict[int, int] = {}
        self.left: dict[int, NetworkStatus] = {}  # charge points of other nodes, with their status

    async def station(self, identity: str) -> StationRecord | None:
        await trio.lowlevel.checkpoint()
        if self.fault is not None:
            raise self.fault
        return self.records.get(identity)

    def remembered(self, identity: str) -> StationRecord | None:
        return None

    async def look_up(self, identity: str) -> StationRecord | None:
        return await self.station(identity)

    async def load(self, record: StationRecord, version: str) -> ChargePoint:
        await trio.lowlevel.checkpoint()
        state = self.states[record.identity]
        return replace(state, version=version or state.version)

    async def take(self, record: StationRecord, version: str) -> Taken:
        self.generations[record.id] = self.generations.get(record.id, 0) + 1
        state = await self.load(record, version)
        return Taken(state=state, generation=self.generations[record.id], status=self.left.get(record.id))

    async def resolve(self, charge_point: ChargePoint, lookups: Sequence[Lookup[Any]]) -> Facts:
        await trio.lowlevel.checkpoint()
        return self.facts

    async def answer(self, charge_point: ChargePoint, lookup: Lookup[A]) -> A:
        return (await self.resolve(charge_point, [lookup])).of(type(lookup))

    def forget(self, identity: str) -> None: ...


class MemoryStore:
    """Twin of the store's part that this package uses; it is its own `stations`."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.reader = MemoryReader()
        self.follower = self  # nobody changes anything here but the test
        self.stations = self
        self.nodes = self
        self.duties = self
        self.sessions = self
        self.certificates = self
        self.uploaded: dict[bytes, str] = {}
        self.overdue_sessions: list[Pending] = []
        self.left: list[Any] = []

    def subscribe(self, apply: Callable[..., object]) -> None: ...

    async def changed(self) -> None:
        await trio.sleep_forever()

    def add(self, identity: str, profile: int = 0, booted: bool = True, **record: Any) -> ChargePoint:
        number = len(self.reader.records) + 1
        self.reader.records[identity] = StationRecord(
            id=number, identity=identity, operator_id=1, security_profile=profile, **record
        )
        state = ChargePoint(
            id=number,
            identity=identity,
            operator_id=1,
            version="",
            settings=StationSettings(),
            registration=Registration.ACCEPTED,
            booted=booted,
        )
        self.reader.states[identity] = state
        return state

    async def create_pending(self, identity: str) -> None:
        await trio.lowlevel.checkpoint()
        self.reader.states[identity] = replace(
            self.add(identity, booted=False), registration=Registration.PENDING
        )

    async def overdue(self, at: datetime, *, limit: int) -> list[Pending]:
        await trio.lowlevel.checkpoint()
        due = [one for one in self.overdue_sessions if one.expires_at <= at][:limit]
        self.overdue_sessions = [one for one in self.overdue_sessions if one not in due]
        return due

    async def get(self, sha256: bytes) -> str:
        await trio.lowlevel.checkpoint()
        try:
            return self.uploaded[sha256]
        except KeyError:
            raise NotFound("no such certificate") from None

    async def holds(self, name: str) -> bool:
        await trio.lowlevel.checkpoint()
        return True

    async def adopt(self) -> list[Any]:
        await trio.lowlevel.checkpoint()
        left, self.left = self.left, []
        return left


class Site:
    """The running node and how to reach it."""

    def __init__(
        self, store: MemoryStore, registry: Registry, ports: list[int], nursery: trio.Nursery
    ) -> None:
        self.store = store
        self.registry = registry
        self.metrics: Metrics = registry.shared.metrics
        self.node = Node(
            settings=registry.shared.settings,
            store=cast("Store", store),
            registry=registry,
            metrics=self.metrics,
            http_places=Places(lambda: 1, 1),
        )
        self.ports = ports
        self.nursery = nursery

    async def call(self, identity: str, request: Message, *timeout: float, **more: Any) -> Message:
        """As `calls.call`."""
        return await calls.call(self.node, CALLER, identity, request, *timeout, **more)

    async def call_raw(self, identity: str, request: Raw) -> Raw:
        """As `calls.call_raw`."""
        return await calls.call_raw(self.node, CALLER, identity, request)

    async def command(self, identity: str, operation: Operation, **more: Any) -> Result:
        """As `commands.command`."""
        return await commands.command(self.node, CALLER, identity, operation, **more)

    def listen(self, ws: WebSocketConnection) -> list[list[Any]]:
        """All messages from now on, as they come."""
        heard: list[list[Any]] = []

        async def take() -> None:
            with suppress(ConnectionClosed):
                while True:
                    heard.append(await self.take(ws))

        self.nursery.start_soon(take)
        return heard

    async def closing(self, ws: WebSocketConnection) -> CloseReason:
        """Why the server closes; waits for it."""
        with pytest.raises(ConnectionClosed) as closed:
            await ws.get_message()
        reason: CloseReason = closed.value.reason
        return reason

    @asynccontextmanager
    async def connect(
        self,
        identity: str = "CP1",
        *,
        subprotocols: Sequence[str] = ("ocpp1.6",),
        headers: Sequence[tuple[str, str]] = (),
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator[WebSocketConnection]:
        """A client that is not ours."""
        stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", self.ports[1 if tls else 0])
        if tls is not None:
            stream = trio.SSLStream(stream, tls, server_hostname="localhost")
        async with stream:
            ws = await wrap_client_stream(
                self.nursery,
                stream,
                "localhost",
                f"/ocpp/{identity}",
                subprotocols=list(subprotocols),
                extra_headers=[(name.encode(), value.encode()) for name, value in headers],
            )
            try:
                yield ws
            finally:
                with trio.move_on_after(PATIENCE):
                    await ws.aclose()

    async def raw(self, identity: str = "CP1") -> trio.SocketStream:
        """A connection upgraded by hand, for frames that no well-behaved client sends."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.ports[0])
        await stream.send_all(self.request(identity))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await stream.receive_some(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        return stream

    async def http(self, data: bytes) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of the answer to these bytes."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.ports[0])
        async with stream:
            await stream.send_all(data)
            answer = b""
            while chunk := await stream.receive_some():
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body.decode()

    @staticmethod
    def request(identity: str, *headers: str, path: str | None = None) -> bytes:
        lines = [
            f"GET {path or '/ocpp/' + identity} HTTP/1.1",
            "Host: test",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Protocol: ocpp1.6",
            *headers,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    @staticmethod
    def masked(first: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
        """A client's frame with that first byte."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        return bytes([first]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    @staticmethod
    async def ask(
        ws: WebSocketConnection, action: str, payload: Mapping[str, Any], id_: str | int = "1"
    ) -> list[Any]:
        """Send a CALL and take the next message."""
        await ws.send_message(json.dumps([2, id_, action, payload]))
        return await Site.take(ws)

    @staticmethod
    async def take(ws: WebSocketConnection) -> list[Any]:
        message: list[Any] = json.loads(await ws.get_message())
        return message

    until = staticmethod(until)


@pytest.fixture
def store() -> MemoryStore:
    memory = MemoryStore()
    memory.add("CP1")
    memory.add("CP2")
    return memory


@pytest.fixture
def start(store: MemoryStore) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """`async with start(setting=…) as site`: a node with these settings."""

    @asynccontextmanager
    async def running(
        protocols: Mapping[str, Protocol] | None = None, **settings: Any
    ) -> AsyncIterator[Site]:
        chosen = Settings(**{"ocpp_port": 0, **settings})
        metrics = Metrics()
        registry = Registry(
            chosen, store, metrics, protocols=protocols or {"ocpp1.6": v16.PROTOCOL}, now=lambda: NOW
        )
        async with trio.open_nursery() as nursery:
            addresses = await nursery.start(serve_chargers, chosen, store, registry, metrics)
            ports = [int(address.split(":")[2].partition("/")[0]) for address in addresses]
            yield Site(store, registry, ports, nursery)
            nursery.cancel_scope.cancel()

    running.site = Site  # type: ignore[attr-defined] # for modules that run a node of their own
    return running


@pytest.fixture
async def site(start: Callable[..., AbstractAsyncContextManager[Site]]) -> AsyncIterator[Site]:
    async with start() as running:
        yield running
