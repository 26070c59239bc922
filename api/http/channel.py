"""One client's socket: what arrives, and what is sent. Plain TCP, and TLS over it.

The socket never blocks; Trio waits for it, so that others run between any two pieces a client sends. There is
no time here: who is too slow is closed from outside, and that wakes whoever waits.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Final, Protocol, TypeAlias

import trio

from api.http.message import Disconnected

CHUNK: Final = 65_536  # bytes asked of one recv
Buffer: TypeAlias = bytes | memoryview
# A socket that was closed here, while it was waited for or before.
CLOSED: Final = (trio.ClosedResourceError, OSError, ValueError)


class Channel(Protocol):
    """The one interface that a connection sees."""

    async def open(self) -> None:
        """Be ready to receive. Raises Disconnected."""

    async def receive(self) -> bytes:
        """What arrives next, b"" at the end, whatever ended it."""

    async def send(self, data: Buffer) -> None:
        """Send all of it. Raises Disconnected."""

    async def finish(self) -> None:
        """Say that nothing more will be sent, and wait until the peer has closed.

        Closing at once would discard what the peer has not read yet, if it sent what we have not read.
        """

    def part(self, data: bytes) -> None:
        """Close with a last word, if the system takes it at once.

        What has come is read before: to close with it unread would reset the word away.
        """

    def close(self) -> None:
        """Close at once, and wake whoever waits for the socket. Idempotent."""


class PlainChannel:
    """A connected TCP socket."""

    __slots__ = ("_fd", "_recv", "_send", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._recv = sock.recv
        self._send = sock.send
        self._fd = sock.fileno()  # -1 once it is closed: the system gives the number to another one

    async def open(self) -> None:
        pass

    async def receive(self) -> bytes:
        # While others had their turn it may have come: to look costs less than to have it watched for.
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return self._recv(CHUNK)
            except BlockingIOError:
                pass
            except OSError:  # reset and timed out, too: all of them are the end
                return b""
            try:
                await trio.lowlevel.wait_readable(self._fd)
            except CLOSED:
                return b""

    async def send(self, data: Buffer) -> None:
        rest = data
        while True:
            try:
                sent = self._send(rest)
                if sent == len(rest):
                    return
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise Disconnected(*error.args) from None
            rest = memoryview(rest)[sent:]
            try:
                await trio.lowlevel.wait_writable(self._fd)
            except CLOSED as error:
                raise Disconnected(*error.args) from None

    async def finish(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while await self.receive():
                pass
        self.close()

    def part(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._recv(CHUNK)
        with contextlib.suppress(OSError):
            self._send(data)
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            trio.lowlevel.notify_closing(self._fd)
            self._fd = -1
            self._sock.close()


class TlsChannel:
    """TLS over a plain channel."""

    __slots__ = ("_incoming", "_outgoing", "_plain", "_tls")

    def __init__(self, plain: PlainChannel, context: ssl.SSLContext) -> None:
        self._plain = plain
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def open(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._push()
            except ssl.SSLError as error:
                await self._push()  # the alert that says why
                raise Disconnected(str(error)) from None
            else:
                return await self._push()
            data = await self._plain.receive()
            if not data:
                raise Disconnected("it left during the TLS handshake")
            self._incoming.write(data)

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()  # what one recv brought may be read without waiting
        while True:
            try:
                return self._tls.read(CHUNK)  # b"" after close_notify
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:  # garbage, or an end without close_notify
                return b""
            try:
                await self._push()  # key updates and tickets are answered while reading
            except Disconnected:
                return b""
            data = await self._plain.receive()
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()

    async def send(self, data: Buffer) -> None:
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise Disconnected(str(error)) from None
        await self._push()

    async def finish(self) -> None:
        with contextlib.suppress(ssl.SSLError):  # the peer's close_notify is still to come, or never will
            self._tls.unwrap()
        with contextlib.suppress(Disconnected):
            await self._push()
        await self._plain.finish()

    def part(self, data: bytes) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._tls.write(data)
        self._plain.part(self._outgoing.read())

    def close(self) -> None:
        self._plain.close()

    async def _push(self) -> None:
        if data := self._outgoing.read():
            await self._plain.send(data)
