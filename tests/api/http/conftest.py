"""A connection of the server with a client at the other end of a pair of sockets; time is a mock."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import trio

from api.http.channel import PlainChannel
from api.http.connection import Connection
from api.http.exchange import Exchange
from api.http.house import House, Limits
from api.http.message import Request, Response
from api.http.wire import Dates
from engine.limits import Places

TODAY = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
HERE = ("127.0.0.1", 80)
THERE = ("192.0.2.7", 50_000)


async def echo(request: Request) -> Response:
    """What was asked, in words."""
    body = await request.read()
    words = f"{request.method} {request.path} {request.query.decode()} {body.decode('latin-1')}"
    return Response(200, words.encode(), ((b"content-type", b"text/plain"),))


async def serve_echo(exchange: Exchange) -> None:
    await exchange.respond(await echo(exchange.request))


class Client:
    """The other end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)
        self._kept = b""

    async def send(self, *pieces: bytes) -> None:
        """Each piece arrives alone: the server has done what it can before the next one leaves."""
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                try:
                    rest = rest[self.sock.send(rest) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self.sock)
            await trio.testing.wait_all_tasks_blocked()

    async def read(self) -> bytes:
        """What comes next; b"" at the end."""
        await trio.lowlevel.wait_readable(self.sock)
        return self.sock.recv(65_536)

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        data, self._kept = self._kept, b""
        while piece := await self.read():
            data += piece
        return data

    async def answer(self) -> tuple[bytes, bytes]:
        """The next answer: its head, and its body by Content-Length."""
        while b"\r\n\r\n" not in self._kept:
            piece = await self.read()
            assert piece, self._kept
            self._kept += piece
        head, _, self._kept = self._kept.partition(b"\r\n\r\n")
        size = next(
            (int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), 0
        )
        while len(self._kept) < size:
            self._kept += await self.read()
        body, self._kept = self._kept[:size], self._kept[size:]
        return head, body

    def leave(self) -> None:
        """Finish sending."""
        self.sock.shutdown(socket.SHUT_WR)


Open = Callable[..., Client]


@pytest.fixture
def open_client(nursery: trio.Nursery) -> Iterator[Open]:
    """`open_client(serve, limits)`: a connection that is served, and its client."""
    clients: list[Client] = []

    def open_client(
        serve: Callable[[Exchange], Awaitable[None]] = serve_echo,
        limits: Limits | None = None,
        address: str = THERE[0],
        **more: Any,
    ) -> Client:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        house = House(serve, limits or Limits(), dates=Dates(lambda: TODAY), **more)
        house.now = trio.current_time()
        nursery.start_soon(house.watch)
        channel = PlainChannel(ours)
        place = Places(lambda: 10, 10).take(address, channel.close)
        assert place is not None
        client_address = (address, THERE[1])
        connection = Connection(channel, house, place, client_address, HERE, secure=False)
        nursery.start_soon(connection.run)
        client = Client(theirs)
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.sock.close()
    nursery.cancel_scope.cancel()
