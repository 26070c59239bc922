"""All connections of one HTTP port: accepting, places at the door, an end in which nobody loses an answer."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import structlog
import trio

from api.http.channel import PlainChannel, TlsChannel
from api.http.connection import Connection, House
from api.http.message import Address
from engine.limits import Places
from engine.points.sockets import Spare

log = structlog.get_logger(__name__)

ACCEPT_AT_ONCE: Final = 64  # connections accepted before other tasks get their turn
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
EXHAUSTED_PAUSE: Final = 0.1  # seconds
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
        self._spare = Spare()
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
                        accepting.start_soon(self._accept, sock)
                    task_status.started()
            finally:
                for sock in listening:
                    sock.close()
                self._spare.close()
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

    async def _accept(self, listening: socket.socket) -> NoReturn:
        exhausted = False
        while True:
            await trio.lowlevel.wait_readable(listening)
            try:
                self._accept_some(listening)
                exhausted = False
            except OSError as error:
                if not exhausted:
                    log.error("no more connections possible, newcomers are closed", error=str(error))
                exhausted = True
                for _ in range(ACCEPT_AT_ONCE):
                    if not self._spare.turn_away(listening):
                        break
                    self._turned_away()
                await trio.sleep(EXHAUSTED_PAUSE)

    def _accept_some(self, listening: socket.socket) -> None:
        """Take in who waits, as many as may come at once. Raises OSError when the system has no more room."""
        server: Address = listening.getsockname()[:2]
        for _ in range(ACCEPT_AT_ONCE):
            try:
                sock, address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
                continue  # it left before it was accepted
            self._admit(sock, (str(address[0]), int(address[1])), server)

    def _admit(self, sock: socket.socket, client: Address, server: Address) -> None:
        plain = PlainChannel(sock)
        place = self._places.take(client[0], plain.close)
        if place is None:
            self._turned_away()
            plain.turn_away(FULL if self._secured is None else b"")
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = plain if self._secured is None else TlsChannel(plain, self._secured())
        secure = self._secured is not None
        connection = Connection(channel, self._house, place, client, server, secure=secure)
        self._nursery.start_soon(connection.run)
