"""The whole server on real sockets: places at the door, TLS, and an end in which nobody loses an answer."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from api.http.channel import PlainChannel
from api.http.exchange import Exchange
from api.http.house import House, Limits
from api.http.message import Response
from api.http.server import GRACE, Server
from engine.limits import Places
from tests.certificates import Authority

from .conftest import serve_echo
from .test_connection import get, post

Serve = Callable[[Exchange], Awaitable[None]]


class Running:
    """A server, its port, and the scope that ends it."""

    def __init__(self, port: int, house: House, scope: trio.CancelScope) -> None:
        self.port = port
        self.house = house
        self.end = scope.cancel
        self.clients: list[trio.SocketStream] = []

    async def connect(self, source: str = "127.0.0.1") -> trio.SocketStream:
        sock = trio.socket.socket()
        await sock.bind((source, 0))
        client = trio.SocketStream(sock)
        self.clients.append(client)
        await sock.connect(("127.0.0.1", self.port))
        return client


@asynccontextmanager
async def running(
    serve: Serve = serve_echo, *, most: int = 100, per_address: int = 100, **more: Any
) -> AsyncIterator[Running]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(100)
    sock.setblocking(False)
    house = House(serve, Limits())
    server = Server(house, Places(lambda: most, per_address), **more)
    scope = trio.CancelScope()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with scope:
            await server.run([sock], task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        made = Running(sock.getsockname()[1], house, scope)
        try:
            yield made
        finally:
            for client in made.clients:
                client.socket.close()
            scope.cancel()
    assert not house.connections


async def rest(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([piece async for piece in stream])


async def answer(stream: trio.abc.Stream, request: bytes) -> bytes:
    await stream.send_all(request)
    return bytes(await stream.receive_some())


# --- the door ---------------------------------------------------------------------------------------------


async def test_the_connection_that_is_idle_longest_gives_way() -> None:
    async with running(most=3) as server:
        clients = [await server.connect() for _ in range(3)]
        assert b"200 OK" in await answer(clients[0], get())
        newcomer = await server.connect()
        assert b"200 OK" in await answer(newcomer, get())
        assert await rest(clients[1]) == b""  # clients[0] has asked meanwhile
        assert b"200 OK" in await answer(clients[0], get())


async def test_where_nobody_is_idle_a_newcomer_is_turned_away() -> None:
    turned = []
    go = trio.Event()

    async def wait(exchange: Exchange) -> None:
        await go.wait()
        await exchange.respond(Response(200))

    async with running(wait, most=2, turned_away=lambda: turned.append(1)) as server:
        clients = [await server.connect() for _ in range(2)]
        for client in clients:
            await client.send_all(get("/", "Connection: close"))
        await trio.testing.wait_all_tasks_blocked()
        newcomer = await server.connect()
        assert (await rest(newcomer)).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert turned == [1]
        go.set()
        for client in clients:
            assert b"200 OK" in await rest(client)


async def test_one_address_does_not_take_all_places() -> None:
    async with running(most=10, per_address=2) as server:
        go_on = [await server.connect("127.0.0.2") for _ in range(5)]
        for client in go_on:
            await client.send_all(b"GET / HTTP/1.1\r\nX-Slow: ")
        await trio.testing.wait_all_tasks_blocked()
        assert len(server.house.connections) == 2
        assert b"200 OK" in await answer(await server.connect("127.0.0.3"), get())


async def test_a_system_out_of_files_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Who comes meanwhile is closed, and later ones are served."""
    failures = [OSError(errno.EMFILE, "too many"), OSError(errno.ECONNABORTED, "it left")]

    class Door:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock

        def accept(self) -> Any:
            if failures:
                raise failures.pop()
            return self._sock.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sock, name)

    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.setblocking(False)
    async with trio.open_nursery() as nursery:
        server = Server(House(serve_echo, Limits()), Places(lambda: 9, 9))
        await nursery.start(server.run, [Door(sock)])
        port = sock.getsockname()[1]
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert await rest(stream) == b""  # closed, so that it does not wait in vain
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert b"200 OK" in await answer(stream, get())
        assert failures == []
        nursery.cancel_scope.cancel()


# --- the end ----------------------------------------------------------------------------------------------


async def test_an_answer_in_flight_is_given_and_idle_connections_end() -> None:
    begun, go = trio.Event(), trio.Event()

    async def wait(exchange: Exchange) -> None:
        if exchange.request.path == "/wait":
            begun.set()
            await go.wait()
        await exchange.respond(Response(200, b"done"))

    async with running(wait) as server:
        idle, partly, busy = [await server.connect() for _ in range(3)]
        assert b"done" in await answer(idle, get())
        await partly.send_all(b"GET / HT")
        await busy.send_all(get("/wait") + get("/next"))
        await begun.wait()
        server.end()
        assert await rest(idle) == b""
        assert await rest(partly) == b""
        with pytest.raises(OSError):  # noqa: PT011 - nobody listens any more
            await server.connect()
        go.set()
        data = await rest(busy)
        assert b"connection: close" in data
        assert data.count(b"done") == 1


async def test_an_answer_that_takes_too_long_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    begun = trio.Event()

    async def forever(_: Exchange) -> None:
        begun.set()
        await trio.sleep_forever()

    async with running(forever) as server:
        client = await server.connect()
        await client.send_all(get())
        await begun.wait()
        at = trio.current_time()
        server.end()
        assert await rest(client) == b""
        assert GRACE <= trio.current_time() - at <= GRACE + 1


# --- TLS --------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(*authority.issue("localhost", 7))
    return made


async def secure(server: Running, authority: Authority) -> trio.SSLStream[trio.SocketStream]:
    trusting = ssl.create_default_context(cafile=str(authority.file))
    return trio.SSLStream(
        await server.connect(), trusting, server_hostname="localhost", https_compatible=True
    )


async def test_tls(authority: Authority, context: ssl.SSLContext) -> None:
    async with running(secured=lambda: context) as server:
        client = await secure(server, authority)
        assert b"GET /1" in await answer(client, get("/1"))
        for piece in (post(b"x" * 200_000)[:50], post(b"x" * 200_000)[50:]):
            await client.send_all(piece)
        data = b""
        while len(data) < 200_000:
            data += await client.receive_some()
        assert data.endswith(b"x" * 1_000)
        await client.send_all(get("/3", "Connection: close"))
        data = await rest(client)
        assert data.endswith(b"GET /3  ")


async def test_httpx_over_tls(authority: Authority, context: ssl.SSLContext) -> None:
    async with running(secured=lambda: context) as server:
        trusting = ssl.create_default_context(cafile=str(authority.file))
        url = f"https://localhost:{server.port}"
        async with httpx.AsyncClient(verify=trusting, base_url=url, trust_env=False) as client:
            for number in range(3):
                assert (await client.post(f"/{number}", content=b"x")).text == f"POST /{number}  x"


@pytest.mark.parametrize(
    "said", [get(), b"\x16\x03\x01\x00\x05abcde", b"\0" * 100], ids=["http", "handshake", "zeros"]
)
async def test_what_is_no_tls(context: ssl.SSLContext, said: bytes) -> None:
    async with running(secured=lambda: context) as server:
        client = await server.connect()
        await client.send_all(said)
        assert b"HTTP" not in await rest(client)
        again = await server.connect()
        await again.send_all(said)
        await again.aclose()


async def test_a_tls_handshake_that_is_never_done(
    context: ssl.SSLContext, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(secured=lambda: context) as server:
        client = await server.connect()
        await client.send_all(b"\x16\x03\x01\x02\x00")
        at = trio.current_time()
        assert await rest(client) == b""
        assert trio.current_time() - at <= Limits().head_timeout + 2


async def test_closing_twice_is_closing(nursery: trio.Nursery) -> None:
    ours, theirs = socket.socketpair()
    channel = PlainChannel(ours)
    channel.close()
    channel.close()
    assert await channel.receive() == b""
    channel.part(b"x")
    theirs.close()
