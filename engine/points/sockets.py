"""Listening sockets, and who accepts from them: also on the day on which the system has no room left."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NoReturn, TypeAlias

import structlog
import trio

from engine.points.transport import CHUNK

log = structlog.get_logger(__name__)

BACKLOG: Final = 4_096
AT_ONCE: Final = 16  # connections accepted before other tasks get their turn
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
PAUSE: Final = 0.1  # seconds before the next attempt when the system has no room
NULL: Final = "/dev/null"

TakeIn: TypeAlias = Callable[[socket.socket, Any], None]  # a connection, and the address of its peer


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on all addresses of `host`; port 0 lets the system choose one for all of them.

    Raises OSError naming the address that cannot be had.
    """
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listening: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            listening.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit it. What a charger sends while it is not read stays with itself, instead of
            # in megabytes of ours.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port, *address[2:]))
            sock.listen(BACKLOG)
            port = sock.getsockname()[1]
    except OSError as error:
        for sock in listening:
            sock.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from None
    return listening


class Spare:
    """A descriptor held back: where there are none left, it lets a newcomer in to be turned away."""

    def __init__(self) -> None:
        self._held: int | None = os.open(NULL, os.O_RDONLY)

    def turn_away(self, listening: socket.socket) -> bool:
        """Accept who comes next and close it; False where nobody is there or that cannot be done either."""
        self.close()
        try:
            listening.accept()[0].close()
        except OSError:
            return False
        finally:
            with suppress(OSError):
                self._held = os.open(NULL, os.O_RDONLY)
        return True

    def close(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


class Acceptor:
    """Takes in whoever comes. Where the system has no room, newcomers are closed; nothing ends it."""

    def __init__(self, turned_away: Callable[[], None]) -> None:
        self._turned_away = turned_away
        self._spare = Spare()
        self._exhausted = False

    def close(self) -> None:
        """Give back what is held."""
        self._spare.close()

    async def run(self, listening: socket.socket, take_in: TakeIn) -> NoReturn:
        """Accept for ever; what `take_in` makes of a connection is that one's trouble alone."""
        while True:
            try:
                await trio.lowlevel.wait_readable(listening)
                self._accept_some(listening, take_in)
                self._exhausted = False
            except OSError as error:
                self._close_some(listening, error)
                await trio.sleep(PAUSE)

    def _accept_some(self, listening: socket.socket, take_in: TakeIn) -> None:
        """Take in who waits, as many as may come at once. Raises OSError when the system has no more room."""
        for _ in range(AT_ONCE):
            try:
                sock, address = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
                continue  # it left before it was accepted
            try:
                take_in(sock, address)
            except Exception as error:
                known = isinstance(error, OSError)
                log.error("connection not taken in", error=repr(error), exc_info=not known)
                sock.close()

    def _close_some(self, listening: socket.socket, error: OSError) -> None:
        if not self._exhausted:
            log.error("no more connections possible, newcomers are closed", error=str(error))
        self._exhausted = True
        for _ in range(AT_ONCE):
            if not self._spare.turn_away(listening):
                break
            self._turned_away()
