"""Listening sockets, and a descriptor held back for the day on which there are none left."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Final

import trio

from engine.points.transport import CHUNK

BACKLOG: Final = 4_096
NULL: Final = "/dev/null"


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
