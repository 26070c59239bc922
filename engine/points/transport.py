"""Bytes to and from one socket that never blocks: plain, and TLS over the same plain one.

A transport belongs to one connection's task, which waits for the socket to become readable; anybody may
`send`. What the kernel does not take at once is kept, up to a bound, and carried off by a task that lives as
long as there is something to carry. Nothing here knows of frames or messages.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import trio
from cryptography import x509

from engine.points.authentication import Certificate
from engine.points.timers import Timer, Timers

CHUNK: Final = 65_536  # bytes asked of one recv
FLUSH_TIMEOUT: Final = 30.0  # seconds in which a peer must take what was kept for it


class Carrier:
    """What transports share in a node: a place for flushing tasks, timers, the bound and its count."""

    __slots__ = ("limit", "spawn", "timers", "too_slow")

    def __init__(
        self,
        spawn: Callable[[Callable[[], Awaitable[None]]], None],
        timers: Timers,
        limit: int,
        too_slow: Callable[[], None],
    ) -> None:
        self.spawn = spawn
        self.timers = timers
        self.limit = limit
        self.too_slow = too_slow


class Transport(Protocol):
    """The one interface that listener and actor see."""

    @property
    def sock(self) -> socket.socket:
        """To wait for. Ask for its number each time: after `close` the system gives that to another one."""

    @property
    def closed(self) -> bool: ...

    @property
    def on_close(self) -> Callable[[], None] | None:
        """Called once, just before the socket is closed."""

    @on_close.setter
    def on_close(self, callback: Callable[[], None] | None) -> None: ...

    def receive(self) -> bytes | None:
        """What has arrived, decrypted; None if nothing has, b"" at the end of the stream."""

    def send(self, data: bytes) -> None:
        """Send or keep `data`. A peer that lets too much pile up is closed; a closed transport drops it."""

    def finish(self, *, close: bool = False) -> None:
        """When everything is sent, say that nothing more will be; the peer may still send, unless `close`."""

    def close(self) -> None:
        """Close at once and wake whoever waits for the socket. Idempotent."""


class PlainTransport:
    """A connected TCP socket."""

    __slots__ = (
        "_carrier", "_closing", "_deadline", "_finishing", "_kept", "_kept_size", "_recv", "_send",
        "closed", "on_close", "sock",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, carrier: Carrier) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._recv = sock.recv
        self._send = sock.send
        self._carrier = carrier
        self._kept: deque[bytes] | None = None  # made when the kernel's buffer is full for the first time
        self._kept_size = 0
        self._deadline: Timer | None = None
        self._finishing = False  # what is kept is all there will be
        self._closing = False  # … and then the socket is closed
        self.closed = False
        self.on_close: Callable[[], None] | None = None

    def receive(self) -> bytes | None:
        try:
            return self._recv(CHUNK)
        except BlockingIOError:
            return None
        except OSError:  # reset by the peer, timed out, unreachable: all of them are the end
            return b""

    def send(self, data: bytes) -> None:
        if self.closed or self._finishing:
            return
        if self._kept is not None:
            self._keep(data)
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the task that reads learns of it too and ends the connection
            return
        if sent != len(data):
            self._keep(data[sent:])

    def finish(self, *, close: bool = False) -> None:
        if self.closed:
            return
        self._finishing = True
        self._closing |= close
        if self._kept is None:
            self._shut()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._drop()
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close()
        trio.lowlevel.notify_closing(self.sock.fileno())
        self.sock.close()

    def _keep(self, data: bytes) -> None:
        self._kept_size += len(data)
        if self._kept_size > self._carrier.limit:
            self._give_up()
        elif self._kept is None:
            self._kept = deque((data,))
            self._deadline = self._carrier.timers.after(FLUSH_TIMEOUT, self._give_up)
            self._carrier.spawn(self._flush)
        else:
            self._kept.append(data)

    def _give_up(self) -> None:
        """The peer does not read."""
        self._carrier.too_slow()
        self.close()

    async def _flush(self) -> None:
        try:
            while self._kept:
                await trio.lowlevel.wait_writable(self.sock.fileno())
                self._send_kept()
        except (OSError, trio.ClosedResourceError):  # ended, here or there: the reading task learns of it too
            pass
        self._drop()
        if self._finishing and not self.closed:
            self._shut()

    def _send_kept(self) -> None:
        while self._kept:
            head = self._kept[0]
            try:
                sent = self._send(head)
            except BlockingIOError:
                return
            self._kept_size -= sent
            if sent < len(head):
                self._kept[0] = head[sent:]
                return
            self._kept.popleft()

    def _drop(self) -> None:
        self._kept = None
        self._kept_size = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _shut(self) -> None:
        if self._closing:
            self.close()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the peer was faster
            self.close()


class TlsTransport:
    """TLS over a plain transport; the handshake is the caller's to drive with `handshake`."""

    __slots__ = ("_incoming", "_outgoing", "_plain", "_tls")

    def __init__(self, plain: PlainTransport, context: ssl.SSLContext) -> None:
        self._plain = plain
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    @property
    def sock(self) -> socket.socket:
        return self._plain.sock

    @property
    def closed(self) -> bool:
        return self._plain.closed

    @property
    def on_close(self) -> Callable[[], None] | None:
        return self._plain.on_close

    @on_close.setter
    def on_close(self, callback: Callable[[], None] | None) -> None:
        self._plain.on_close = callback

    def peer_certificate(self) -> Certificate | None:
        """The verified client certificate, None if the peer sent none."""
        der = self._tls.getpeercert(binary_form=True)
        if der is None:
            return None
        parsed = x509.load_der_x509_certificate(der)
        names = parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return Certificate(
            common_name=str(names[0].value) if names else None, serial=f"{parsed.serial_number:x}"
        )

    def handshake(self) -> bool:
        """Go on with the handshake; True once it is done, False while it waits for the peer.

        Raises ssl.SSLError when it failed (the alert has been sent) and ConnectionError when the peer left.
        """
        data = self._plain.receive()
        if data == b"":
            raise ConnectionResetError("the peer left during the TLS handshake")
        if data:
            self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._push()
        return True

    def receive(self) -> bytes | None:
        """Everything that one recv brought, so that nothing readable stays hidden from the selector."""
        data = self._plain.receive()
        if data is None:
            return self._decrypted()
        if not data:
            return b""
        self._incoming.write(data)
        return self._decrypted()

    def send(self, data: bytes) -> None:
        if self.closed:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:  # the session is over; the reading task ends the connection
            return
        self._push()

    def finish(self, *, close: bool = False) -> None:
        with contextlib.suppress(ssl.SSLError):  # the peer's close_notify is still to come, or never will
            self._tls.unwrap()
        self._push()
        self._plain.finish(close=close)

    def close(self) -> None:
        self._plain.close()

    def _decrypted(self) -> bytes | None:
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(CHUNK):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            self._push()  # key updates and tickets are answered while reading
            return b"".join(pieces) or None
        except ssl.SSLError:  # garbage, or close_notify
            pass
        return b"".join(pieces)

    def _push(self) -> None:
        data = self._outgoing.read()
        if data:
            self._plain.send(data)
