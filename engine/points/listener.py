"""From a TCP connection to a living charge point: accept, TLS, HTTP upgrade, reception, claim.

A greeting is a task of its own that ends when the actor's begins, so that nothing of it stays in memory. All
of it must be done within settings.handshake_timeout, for which one timer closes the socket.
"""

from __future__ import annotations

import errno
import socket
import ssl
from functools import partial
from typing import Final, NoReturn

import structlog
import trio

from engine.errors import NotFound, StoreError
from engine.points import authentication
from engine.points.actor import Actor
from engine.points.certificates import Certificates
from engine.points.handshake import Handshake, Rejection, Upgrade, accept, refuse
from engine.points.reception import DATABASE_PATIENCE, Entry, Reception, Turned, Visitor
from engine.points.registry import Registry
from engine.points.transport import PlainTransport, TlsTransport, Transport
from engine.settings import Settings
from ext import websocket

log = structlog.get_logger(__name__)

BACKLOG: Final = 4_096
ACCEPT_AT_ONCE: Final = 64  # connections accepted before other tasks get their turn
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
EXHAUSTED_PAUSE: Final = 0.1  # seconds
LINGER: Final = 2.0  # seconds for a peer to take our last words

TLS_EVENTS: Final = {  # what OpenSSL calls it → the security whitepaper's event
    "UNSUPPORTED_PROTOCOL": "InvalidTLSVersion",
    "VERSION_TOO_LOW": "InvalidTLSVersion",
    "NO_SHARED_CIPHER": "InvalidTLSCipherSuite",
    "CERTIFICATE_VERIFY_FAILED": authentication.BAD_CERTIFICATE,
}


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


class Listener:
    """What all doors of a node share."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._shared = registry.shared
        self._settings = settings
        self._reception = Reception(registry.shared)
        self._greeting = 0  # connections that are neither refused nor an actor's yet

    async def accept_all(self, listening: socket.socket, certificates: Certificates | None) -> NoReturn:
        """Greet everybody who comes to `listening`, for ever."""
        while True:
            await trio.lowlevel.wait_readable(listening.fileno())
            for _ in range(ACCEPT_AT_ONCE):
                try:
                    sock, address = listening.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in EXHAUSTED:
                        log.error("no more connections possible", error=str(error))
                        await trio.sleep(EXHAUSTED_PAUSE)
                        break
                    continue  # it left before it was accepted
                self._shared.spawn(partial(self._greet, sock, str(address[0]), certificates))

    async def _greet(self, sock: socket.socket, address: str, certificates: Certificates | None) -> None:
        """One connection, until it is refused or an actor's."""
        plain = PlainTransport(sock, self._shared.carrier)
        timer = self._shared.timers.after(self._settings.handshake_timeout, plain.close)
        outcome = "left"  # or did not get done in time
        self._greeting += 1
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if certificates is None:
                outcome = await self._receive(plain, Visitor(address=address))
            else:
                outcome = await self._receive_securely(plain, address, certificates)
        except ssl.SSLError as error:
            outcome = "tls_failed"
            event = TLS_EVENTS.get(error.reason or "")
            if event is not None:
                self._reception.report(None, Visitor(address=address), "", event, f"TLS: {error.reason}")
        except (OSError, trio.ClosedResourceError):
            pass
        except Exception:
            # A bug in greeting one must not keep the others out.
            log.exception("greeting failed", address=address)
            outcome = "failed"
        finally:
            timer.cancel()
            self._greeting -= 1
            self._shared.metrics.connections.add(outcome)
            if outcome != "accepted":
                plain.close()

    async def _receive_securely(self, plain: PlainTransport, address: str, certificates: Certificates) -> str:
        tls = TlsTransport(plain, certificates.context(self._shared.steady()))
        while not tls.handshake():
            await trio.lowlevel.wait_readable(plain.sock.fileno())
        visitor = Visitor(address=address, secure=True, certificate=tls.peer_certificate())
        return await self._receive(tls, visitor)

    async def _receive(self, transport: Transport, visitor: Visitor) -> str:
        """From the request to its end or the actor's begin. Returns the outcome for the counter."""
        request = await _request(transport)
        if isinstance(request, Rejection):
            await _part(transport, refuse(request))
            return "bad_request"
        visitor = self._reception.behind(request, visitor)
        entry = await self._reception.admit(request, visitor, room=self._has_room)
        if isinstance(entry, Turned):
            await _part(transport, refuse(entry.rejection))
            return entry.outcome
        if entry.version is None:
            # OCPP-J 1.6 §3.1.2: upgrade without a subprotocol, then close.
            goodbye = websocket.close_frame(1002, f"offer one of {', '.join(self._shared.dialects)}")
            await _part(transport, accept(request, None, deflate=False).response + goodbye)
            return "no_subprotocol"
        return await self._begin(transport, visitor, request, entry, entry.version)

    def _has_room(self, identity: str) -> bool:
        """Whether this node takes it now; who replaces a connection of its own needs no further place."""
        registry = self._registry
        if registry.draining:
            return False
        return (
            registry.is_connected(identity)
            or len(registry) + self._greeting <= self._settings.max_connections
        )

    async def _begin(
        self, transport: Transport, visitor: Visitor, request: Upgrade, entry: Entry, version: str
    ) -> str:
        """Claim the identity, load the state, upgrade, and hand over to an actor."""
        record = entry.record
        generation = self._registry.claim(record.identity)
        state = None
        try:
            with trio.move_on_after(DATABASE_PATIENCE):
                state = await self._shared.reader.load(record, version)
        except (NotFound, StoreError) as error:
            log.warning("no state for a connection", identity=record.identity, error=str(error))
        finally:
            if state is None or transport.closed:
                await self._registry.release(record.identity, generation, record.id)
        if state is None:
            await _part(transport, refuse(self._reception.busy("", record.identity).rejection))
            return "database_away"
        if transport.closed:
            return "left"
        if not self._registry.holds(record.identity, generation):
            await _part(transport, refuse(self._reception.busy("superseded", record.identity).rejection))
            return "superseded"
        accepted = accept(request, version)
        transport.send(accepted.response)
        actor = Actor(
            self._shared,
            transport,
            dialect=self._shared.dialects[version],
            record=record,
            state=state,
            generation=generation,
            deflate=accepted.deflate,
            profile=entry.profile,
            remote=visitor.address,
        )
        self._registry.attach(actor, request.leftover)
        return "accepted"


async def _request(transport: Transport) -> Upgrade | Rejection:
    """Read the HTTP request."""
    handshake = Handshake()
    while True:
        data = transport.receive()  # TLS may have brought it already
        if data is None:
            await trio.lowlevel.wait_readable(transport.sock.fileno())
            continue
        request = handshake.receive(data)
        if request is not None:
            return request


async def _part(transport: Transport, words: bytes) -> None:
    """Say the last words and wait until the peer has taken them: closing at once could reset them away."""
    transport.send(words)
    transport.finish()
    with trio.move_on_after(LINGER):
        while transport.receive() != b"":
            await trio.lowlevel.wait_readable(transport.sock.fileno())
    transport.close()
