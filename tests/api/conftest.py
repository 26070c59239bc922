"""HTTP applications are asked in this process; store, registry and chargers' port behind them are real."""

import itertools
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from api.admin import admin_site, id_tags, render
from api.http.channel import PlainChannel
from api.http.connection import Connection
from api.http.house import House, Limits, Serve
from api.kernel.auth import Client
from api.kernel.doors import door_of
from api.kernel.operations import Operation, Route, Rules
from api.kernel.sites import Site, site
from api.manage import manage_site
from engine.domain.caller import Caller, CallerKind
from engine.limits import Places
from engine.metrics import Metrics
from engine.node import Node
from engine.points import Registry, serve_chargers
from engine.settings import Settings
from engine.store import Store
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

Ask = Callable[..., httpx.AsyncClient]
Asked = Site | Serve
AT_ONCE = 200  # requests of one client
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Wire(httpx.AsyncBaseTransport):
    """Requests to a server of ours without a network: over pairs of sockets, and all else as it is."""

    def __init__(self, house: House, nursery: trio.Nursery) -> None:
        self._house = house
        self._nursery = nursery
        self._room = trio.CapacityLimiter(AT_ONCE)
        self._kept: list[httpcore.AsyncHTTP11Connection] = []
        self.streams: list[trio.SocketStream] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.extensions.get("target", request.url.raw_path)
        url = httpcore.URL(scheme=request.url.raw_scheme, host=request.url.raw_host, target=target)
        asked = httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream)
        async with self._room:
            connection = self._kept.pop() if self._kept else self._connected()
            answer = await connection.handle_async_request(asked)
            content = await answer.aread()
            if connection.is_available():
                self._kept.append(connection)
        return httpx.Response(answer.status, headers=answer.headers, content=content)

    def _connected(self) -> httpcore.AsyncHTTP11Connection:
        ours, theirs = socket.socketpair()
        channel = PlainChannel(ours)
        place = Places(lambda: 1, 1).take("127.0.0.1", channel.close)
        assert place is not None
        self._house.now = trio.current_time()
        client, server = ("127.0.0.1", 1), ("127.0.0.1", 80)
        connection = Connection(channel, self._house, place, client, server, secure=False)
        self._nursery.start_soon(connection.run)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
        self.streams.append(stream)
        return httpcore.AsyncHTTP11Connection(httpcore.Origin(b"http", b"127.0.0.1", 80), Stream(stream))


class Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return bytes(await self._stream.receive_some(max_bytes))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.send_all(buffer)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return None


@pytest.fixture
async def ask(nursery: trio.Nursery) -> AsyncIterator[Ask]:
    """A client of a site, of an application, or of whatever answers, served by our server."""
    wires: list[Wire] = []

    def ask(asked: Asked, **headers: str) -> httpx.AsyncClient:
        if isinstance(asked, Site):
            house = House(asked.serve, Limits(), refused=asked.refused)
        else:
            house = House(asked, Limits())
        wires.append(Wire(house, nursery))
        return httpx.AsyncClient(transport=wires[-1], base_url="http://127.0.0.1", headers=headers)

    yield ask
    for wire in wires:
        for stream in wire.streams:
            stream.socket.close()


class Charger:
    """A charge point that answers from a table: action → payload, or (code, description, details) to refuse.

    An action without an entry is never answered. `asked` has what came, in order.
    """

    def __init__(self, connection: WebSocketConnection, stream: trio.SocketStream) -> None:
        self._connection = connection
        self._stream = stream
        self._numbers = itertools.count(1)
        self._replies: dict[str, trio.MemorySendChannel[Any]] = {}
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.closed = trio.Event()
        self.heard: Callable[[str], Awaitable[None]] | None = None  # called with each action first

    async def run(self) -> None:
        try:
            while True:
                await self._on(json.loads(await self._connection.get_message()))
        except ConnectionClosed:
            self.closed.set()

    async def _on(self, message: list[Any]) -> None:
        if message[0] != 2:
            self._replies.pop(message[1]).send_nowait(message[2])
            return
        _, number, action, payload = message
        self.asked.append((action, payload))
        if self.heard is not None:
            await self.heard(action)
        answer = self.answers.get(action)
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, tuple):
            await self._connection.send_message(json.dumps([4, number, *answer]))
        elif answer is not None:
            await self._connection.send_message(json.dumps([3, number, answer]))

    async def call(self, action: str, payload: object) -> Any:
        number = str(next(self._numbers))
        send, receive = trio.open_memory_channel[Any](1)
        self._replies[number] = send
        await self._connection.send_message(json.dumps([2, number, action, payload]))
        return await receive.receive()

    async def boot(self) -> Any:
        return await self.call(
            "BootNotification", {"chargePointVendor": "Ampelwerk", "chargePointModel": "Post"}
        )

    async def leave(self) -> None:
        await trio.aclose_forcefully(self._stream)


@pytest.fixture
async def registry(settings: Settings, store: Store, metrics: Metrics) -> Registry:
    return Registry(settings, store, metrics)


@pytest.fixture
async def address(
    settings: Settings, store: Store, registry: Registry, metrics: Metrics, nursery: trio.Nursery
) -> str:
    """Where chargers connect; their identity is appended."""
    addresses = await nursery.start(serve_chargers, settings, store, registry, metrics)
    return str(addresses[0])


@pytest.fixture
async def node(settings: Settings, store: Store, registry: Registry, metrics: Metrics, address: str) -> Node:
    places = Places(lambda: settings.max_http_connections, settings.max_http_connections)
    return Node(settings=settings, store=store, registry=registry, metrics=metrics, http_places=places)


Connect = Callable[..., Awaitable[Charger]]


@pytest.fixture
async def connect(node: Node, address: str, nursery: trio.Nursery) -> AsyncIterator[Connect]:
    """`await connect("CP1")`: a registered charge point without a password, connected and booted."""
    chargers: list[Charger] = []

    async def connect(identity: str, *, boot: bool = True, **patch: Any) -> Charger:
        wanted = StationPatch(security_profile=0, **patch)
        await node.store.stations.register(EVERYBODY, identity, wanted)
        url = urlsplit(address + identity)
        stream = await trio.open_tcp_stream(str(url.hostname), url.port or 80)
        connection = await wrap_client_stream(nursery, stream, url.netloc, url.path, subprotocols=["ocpp1.6"])
        charger = Charger(connection, stream)
        chargers.append(charger)
        nursery.start_soon(charger.run)
        if boot:
            await charger.boot()
        return charger

    yield connect
    for charger in chargers:
        await charger.leave()


@pytest.fixture
async def manage(node: Node, ask: Ask) -> httpx.AsyncClient:
    """The management API."""
    client = ask(manage_site(node))
    client.base_url = httpx.URL("http://127.0.0.1/api/v0")
    return client


@pytest.fixture
async def admin(node: Node, ask: Ask) -> httpx.AsyncClient:
    """The admin API, with a token."""
    token = await node.store.api_tokens.create(EVERYBODY, "test")
    client = ask(admin_site(node), Authorization=f"Bearer {token.secret}")
    client.base_url = httpx.URL("http://127.0.0.1/admin-api/v1")
    return client


@pytest.fixture(scope="session")
def client_certificate() -> str:
    """A self-signed certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


By = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def by(node: Node, ask: Ask) -> By:
    """A client for those who may see these operators; there are three, of whom the first is the default."""
    await node.store.query("insert into operators (name) values ('second'), ('third') returning 1")

    def client(*operators: int, routes: Sequence[Route] = id_tags.ROUTES) -> httpx.AsyncClient:
        async def guard(node: Node, client: Client) -> Caller:
            return Caller("test", CallerKind.API_TOKEN, frozenset(operators) or None)

        operations = [Operation(route, node, Rules(guard=guard, strict=True)) for route in routes]
        asked: httpx.AsyncClient = ask(site(operations, door_of(Settings(), "127.0.0.1"), render))
        return asked

    return client
