"""All connections of one HTTP port: accepting, places at the door, an end in which nobody loses an answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NoReturn

import trio

from api.http.channel import PlainChannel, TlsChannel
from api.http.connection import Connection
from api.http.house import House
from api.http.message import Address
from engine.limits import Places
from engine.points.sockets import Acceptor

GRACE: Final = 5.0  # seconds for requests in flight when the server ends
FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
)


class Server:
    """Serves a house to whoever connects; `secured` gives the TLS context of a connection."""

    def __init__(
        self,
        house: House,
        places: Places,
        *,
        secured: Callable[[], ssl.SSLContext] | None = None,
        turned_away: Callable[[], None] = lambda: None,
    ) -> None:
        self._house = house
        self._places = places
        self._secured = secured
        self._turned_away = turned_away
        self._acceptor = Acceptor(turned_away)
        self._ending = trio.Event()
        self._grace = trio.CancelScope(shield=True)
        self._nursery: trio.Nursery

    async def run(
        self,
        listening: Sequence[socket.socket],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Serve until cancelled; then idle connections end, and the others after their answer, or GRACE.

        The sockets are closed.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(self._keep)
            try:
                async with trio.open_nursery() as accepting:
                    for sock in listening:
                        server: Address = sock.getsockname()[:2]
                        accepting.start_soon(self._acceptor.run, sock, partial(self._admit, server))
                    task_status.started()
            finally:
                for sock in listening:
                    sock.close()
                self._acceptor.close()
                self._drain()
        raise RuntimeError("accepting ended")

    async def _keep(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Connections outlive the cancellation of whoever accepts them."""
        with self._grace:
            async with trio.open_nursery() as watching:
                await watching.start(self._house.watch)
                async with trio.open_nursery() as self._nursery:
                    task_status.started()
                    await self._ending.wait()
                watching.cancel_scope.cancel()

    def _drain(self) -> None:
        self._house.drain()
        self._grace.deadline = trio.current_time() + GRACE
        self._ending.set()

    def _admit(self, server: Address, sock: socket.socket, peer: tuple[str, int]) -> None:
        client: Address = peer[:2]
        plain = PlainChannel(sock)
        place = self._places.take(client[0], plain.close)
        if place is None:
            self._turned_away()
            plain.part(FULL if self._secured is None else b"")
            return
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = plain if self._secured is None else TlsChannel(plain, self._secured())
        except BaseException:
            place.leave()
            raise
        secure = self._secured is not None
        connection = Connection(channel, self._house, place, client, server, secure=secure)
        self._nursery.start_soon(connection.run)
