"""From a TCP connection to a living charge point: accept, TLS, HTTP upgrade, reception, claim.

A greeting is a task of its own that ends when the actor's begins, so that nothing of it stays in memory. All
of it must be done within settings.handshake_timeout, for which one timer closes the socket. Until it has
logged in, a connection has one of a limited number of places (`engine.limits`), and while it is silent it
may have to give that to a newer one.
"""

from __future__ import annotations

import socket
import ssl
from functools import partial
from typing import Final, NoReturn

import structlog
import trio
from msgspec.structs import replace

from engine.errors import NotFound, StoreError
from engine.limits import Place, Places, Shares
from engine.points import authentication
from engine.points.actor import Actor
from engine.points.certificates import Certificates
from engine.points.connection import Connection
from engine.points.handshake import Handshake, Rejection, Upgrade, accept, refuse
from engine.points.reception import DATABASE_PATIENCE, Admitted, Reception, Turned, Visitor
from engine.points.registry import Registry
from engine.points.sockets import Acceptor
from engine.points.transport import PlainTransport, TlsTransport, Transport
from engine.settings import Settings
from ext import websocket

log = structlog.get_logger(__name__)

LINGER: Final = 2.0  # seconds for a peer to take our last words

TLS_EVENTS: Final = {  # what OpenSSL calls it → the security whitepaper's event
    "UNSUPPORTED_PROTOCOL": "InvalidTLSVersion",
    "VERSION_TOO_LOW": "InvalidTLSVersion",
    "NO_SHARED_CIPHER": "InvalidTLSCipherSuite",
    "CERTIFICATE_VERIFY_FAILED": authentication.BAD_CERTIFICATE,
}


class Listener:
    """What all doors of a node share."""

    def __init__(self, registry: Registry, settings: Settings, shares: Shares) -> None:
        self._registry = registry
        self._shared = registry.shared
        self._settings = settings
        self._shares = shares
        self._reception = Reception(registry.shared)
        self._places = Places(
            lambda: min(shares.waiting, shares.sockets - len(registry)),
            settings.max_waiting_per_address,
            self._reception.is_proxy,
        )
        self._acceptor = Acceptor(partial(self._shared.metrics.connections.add, "full"))
        self._entering = 0  # connections that have logged in and are no actor's yet
        gauges = self._shared.metrics.gauges
        gauges["voltrio_ocpp_waiting"] = ("Connections that have not logged in", self._places.__len__)
        gauges["voltrio_ocpp_places"] = ("Charge points that may be connected", lambda: shares.chargers)

    async def accept_all(self, listening: socket.socket, certificates: Certificates | None) -> NoReturn:
        """Greet everybody who comes to `listening`, for ever."""
        await self._acceptor.run(listening, partial(self._take_in, certificates))

    def close(self) -> None:
        """Give back what the doors share."""
        self._acceptor.close()

    def _take_in(self, certificates: Certificates | None, sock: socket.socket, peer: tuple[str, int]) -> None:
        """Give a new connection a place and greet it; a full node says so, where that costs it nothing."""
        plain, address = PlainTransport(sock, self._shared.carrier), peer[0]
        place = self._places.take(address, plain.close)
        if place is not None:
            self._shared.spawn(partial(self._greet, plain, place, address, certificates))
            return
        self._shared.metrics.connections.add("full")
        if certificates is None:
            plain.receive()  # closing with something unread would reset our words away
            plain.send(refuse(self._reception.busy("full", address).rejection))
        plain.close()

    async def _greet(
        self, plain: PlainTransport, place: Place, address: str, certificates: Certificates | None
    ) -> None:
        """One connection, until it is refused or an actor's."""
        timer = self._shared.timers.after(self._settings.handshake_timeout, plain.close)
        outcome = "left"  # or did not get done in time
        try:
            plain.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if certificates is None:
                outcome = await self._receive(plain, place, Visitor(address=address))
            else:
                outcome = await self._receive_securely(plain, place, address, certificates)
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
            place.leave()
            self._shared.metrics.connections.add("crowded_out" if place.crowded_out else outcome)
            if outcome != "accepted":
                plain.close()

    async def _receive_securely(
        self, plain: PlainTransport, place: Place, address: str, certificates: Certificates
    ) -> str:
        tls = TlsTransport(plain, certificates.context(self._shared.steady()))
        while not tls.handshake():
            await trio.lowlevel.wait_readable(plain.sock.fileno())
        visitor = Visitor(address=address, secure=True, certificate=tls.peer_certificate())
        return await self._receive(tls, place, visitor)

    async def _receive(self, transport: Transport, place: Place, visitor: Visitor) -> str:
        """From the request to its end or the actor's begin. Returns the outcome for the counter."""
        request = await _request(transport)
        if isinstance(request, Rejection):
            await _part(transport, place, refuse(request))
            return "bad_request"
        visitor = self._reception.behind(request, visitor)
        entry = await self._admit(request, place, visitor)
        if isinstance(entry, Turned):
            await _part(transport, place, refuse(entry.rejection))
            return entry.outcome
        if entry.version is None:
            # OCPP-J 1.6 §3.1.2: upgrade without a subprotocol, then close.
            goodbye = websocket.close_frame(1002, f"offer one of {', '.join(self._shared.dialects)}")
            await _part(transport, place, accept(request, None, deflate=False).response + goodbye)
            return "no_subprotocol"
        self._entering += 1
        try:
            begun = await self._begin(transport, visitor, request, entry, entry.version)
        finally:
            self._entering -= 1
        if isinstance(begun, Turned):
            await _part(transport, place, refuse(begun.rejection))
            return begun.outcome
        return "accepted" if begun else "left"

    async def _admit(self, request: Upgrade, place: Place, visitor: Visitor) -> Admitted | Turned:
        if self._registry.draining:
            return self._reception.busy("overloaded", visitor.address)
        if not place.move(visitor.address):
            return self._reception.busy("full", visitor.address)
        place.busy()
        return await self._reception.admit(request, visitor)

    def _has_room(self, identity: str) -> bool:
        """Whether this one of those that enter may be connected; who replaces its own needs no more room."""
        registry = self._registry
        return registry.is_connected(identity) or len(registry) + self._entering <= self._shares.chargers

    async def _begin(
        self, transport: Transport, visitor: Visitor, request: Upgrade, entry: Admitted, version: str
    ) -> bool | Turned:
        """Claim the identity, load the state, upgrade, hand over to an actor; False: it left meanwhile."""
        record = entry.record
        if not self._has_room(record.identity):
            return self._reception.busy("full", record.identity)
        wait = self._registry.knock(record, visitor.address)
        if wait > 0:
            return self._reception.too_often(wait)
        claim = self._registry.claim(record.identity)
        state = None
        try:
            with trio.move_on_after(DATABASE_PATIENCE):
                state = await self._registry.take(record, claim, version)
        except (NotFound, StoreError) as error:
            log.warning("no state for a connection", identity=record.identity, error=str(error))
        finally:
            if state is None or transport.closed:
                await self._registry.release(record.identity, claim, record.id)
        if state is None:
            return self._reception.busy("database_away", record.identity)
        if transport.closed:
            return False
        if not self._registry.holds(record.identity, claim):
            return self._reception.busy("superseded", record.identity)
        accepted = accept(request, version)
        transport.send(accepted.response)
        conduct = self._registry.conduct(record.identity)
        connection = Connection(
            self._shared,
            transport,
            conduct,
            identity=record.identity,
            deflate=accepted.deflate,
            profile=entry.profile,
            remote=visitor.address,
        )
        actor = Actor(
            self._shared,
            connection,
            dialect=self._shared.dialects[version],
            record=record,
            state=replace(state, connected_at=self._shared.now()),
            generation=claim.generation,
            conduct=conduct,
        )
        self._registry.attach(actor, claim, request.leftover)
        return True


async def _request(transport: Transport) -> Upgrade | Rejection:
    """Read the HTTP request. Raises ConnectionError where none comes."""
    handshake: Handshake | None = None  # many never say anything
    while True:
        data = transport.receive()  # TLS may have brought it already
        if data is None:
            await trio.lowlevel.wait_readable(transport.sock.fileno())
            continue
        if handshake is None:
            if not data:
                raise ConnectionResetError("it left without a word")
            handshake = Handshake()
        request = handshake.receive(data)
        if request is not None:
            return request


async def _part(transport: Transport, place: Place, words: bytes) -> None:
    """Say the last words and wait until the peer has taken them: closing at once could reset them away."""
    place.idle()
    transport.send(words)
    transport.finish()
    with trio.move_on_after(LINGER):
        while transport.receive() != b"":
            await trio.lowlevel.wait_readable(transport.sock.fileno())
    transport.close()
