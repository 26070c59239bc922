"""OCPP-J over one WebSocket connection of a charger (trio-websocket): calls out, calls in, nothing about
their meaning.

Envelopes are read with msgspec alone and not with the server's kernel, so that the two check each other. What
the server does wrong is handed to `complain` and never stops the simulation.
"""

from __future__ import annotations

import base64
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

E = TypeVar("E", bound=Exception)

HANDSHAKE_TIMEOUT: Final = 20.0
CLOSE_TIMEOUT: Final = 2.0
UNSUPPORTED: Final = "NotSupported"
MOST_WORDS: Final = 200  # bytes of the body of a refusal that are told
RECENT_IDS: Final = 64  # message ids of either side that are remembered


class LinkLost(Exception):
    """The connection ended, or could not be made; the transport's reason as text."""


class Refused(Exception):
    """The server turned the upgrade away with this HTTP status, and said why in the body if it could."""

    def __init__(self, status: int, body: bytes | None = None) -> None:
        words = (body or b"")[:MOST_WORDS].decode(errors="replace").strip()
        super().__init__(f"HTTP {status}: {words}" if words else f"HTTP {status}")
        self.status = status


class NoAnswer(Exception):
    """No answer to a call came in time."""


class Rejected(Exception):
    """The server answered a call with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


class Answer(NamedTuple):
    """What a charger answers to a call; `then` is called when the answer is on its way."""

    payload: bytes
    then: Callable[[], None] | None = None


class Refusal(NamedTuple):
    """A CALLERROR from the charger."""

    code: str
    description: str


class Handling(Protocol):
    """What a link asks of the charger that owns it."""

    def serve(self, action: str, payload: bytes) -> Answer | Refusal: ...

    def complain(self, rule: str, detail: str, frame: str) -> None: ...

    def think(self) -> Awaitable[None]:
        """The time a charger takes before it answers."""


class Tap(trio.abc.Stream):
    """The byte stream under the WebSocket: tells when it ends during the upgrade, and can be cut."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.upgraded = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        with self._telling():
            data = await self._stream.receive_some(max_bytes)
        if not data and not self.upgraded:
            raise LinkLost("connection ended during the upgrade")
        return bytes(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._telling():
            await self._stream.send_all(data)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """The WebSocket would wait for ever for an upgrade on a broken stream."""
        try:
            yield
        except trio.BrokenResourceError as error:
            if self.upgraded:
                raise
            raise LinkLost(f"connection broke during the upgrade: {error.__cause__ or error}") from error

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def cut(self) -> None:
        """End it without a word, as a power cut does."""
        await trio.aclose_forcefully(self._stream)


Dial = Callable[[], Awaitable[trio.abc.Stream]]


class Address(msgspec.Struct, frozen=True):
    """Where and as whom a charger connects. `dial` opens the byte stream; tests give one in memory."""

    host: str
    resource: str
    headers: tuple[tuple[bytes, bytes], ...]
    dial: Dial


def address(url: str, identity: str, password: str | None, context: ssl.SSLContext | None = None) -> Address:
    """The address for a charger: identity appended to the path, Basic credentials if there is a password.

    `context` is for wss://; without one, the authorities of the system are trusted.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{url!r} is not a ws:// or wss:// address")
    host, secure = parts.hostname, parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)

    async def dial() -> trio.abc.Stream:
        if secure:
            stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context)
            try:
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return stream
        return await trio.open_tcp_stream(host, port)

    headers: list[tuple[bytes, bytes]] = []
    if password is not None:
        token = base64.b64encode(f"{identity}:{password}".encode())
        headers.append((b"Authorization", b"Basic " + token))
    resource = f"{parts.path.rstrip('/')}/{quote(identity, safe='')}"
    return Address(f"{host}:{port}", resource, tuple(headers), dial)


class Outstanding:
    """Our CALL that waits for its answer; settled without one when the connection ends."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self.answer: bytes | Rejected | None = None
        self.settled = trio.Event()


class Link:
    """One open connection. Many tasks may `call`: one CALL is out at a time (OCPP-J 1.6 §4.1.1)."""

    def __init__(self, socket: WebSocketConnection, tap: Tap, owner: Handling, call_timeout: float) -> None:
        self._socket = socket
        self._tap = tap
        self._owner = owner
        self._timeout = call_timeout
        self._turn = trio.Lock()
        self._out: Outstanding | None = None
        self._given_up: deque[str] = deque(maxlen=RECENT_IDS)
        self._served: deque[str] = deque(maxlen=RECENT_IDS)
        self._serving = 0
        self._lost = False

    async def call(self, message_id: str, action: str, payload: bytes) -> bytes:
        """Send a CALL and return the payload of its answer. Raises LinkLost, NoAnswer or Rejected."""
        async with self._turn:
            call = self._out = Outstanding(message_id)
            try:
                await self._send(b'[2,"%b","%b",%b]' % (message_id.encode(), action.encode(), payload))
                with trio.move_on_after(self._timeout):
                    await call.settled.wait()
            finally:
                self._out = None
                if call.answer is None:
                    self._given_up.append(message_id)
            if self._lost:
                raise LinkLost("connection ended before the answer")
            if call.answer is None:
                raise NoAnswer(action)
            if isinstance(call.answer, Rejected):
                raise call.answer
            return call.answer

    async def run(self) -> None:
        """Receive until the connection ends; then raise LinkLost."""
        async with trio.open_nursery() as nursery:
            try:
                while True:
                    self._receive(await self._socket.get_message(), nursery)
            except ConnectionClosed as closed:
                self._lost = True
                if self._out is not None:
                    self._out.settled.set()
                nursery.cancel_scope.cancel()
                reason = f"{closed.reason.code} {closed.reason.reason or ''}" if closed.reason else "closed"
        raise LinkLost(reason.strip())

    async def cut(self) -> None:
        """Drop the connection without closing it properly."""
        await self._tap.cut()

    async def _send(self, text: bytes) -> None:
        try:
            await self._socket.send_message(text.decode())
        except ConnectionClosed:
            raise LinkLost("connection ended while sending") from None

    def _receive(self, frame: str | bytes, nursery: trio.Nursery) -> None:
        if isinstance(frame, bytes):
            self._owner.complain("binary-frame", "OCPP-J is text", frame.hex())
            return
        try:
            parts = msgspec.json.decode(frame, type=list[msgspec.Raw])
            kind = msgspec.json.decode(parts[0], type=int)
            message_id = msgspec.json.decode(parts[1], type=str)
            if kind == 2:
                action, payload = parts[2:]
                self._called(
                    message_id, msgspec.json.decode(action, type=str), bytes(payload), frame, nursery
                )
            elif kind == 3:
                (payload,) = parts[2:]
                self._answered(message_id, bytes(payload), frame)
            elif kind == 4:
                code, description, details = parts[2:]
                msgspec.json.decode(details, type=dict)
                words = [msgspec.json.decode(part, type=str) for part in (code, description)]
                self._answered(message_id, Rejected(*words), frame)
            else:
                self._owner.complain("message-type", f"{kind} is not one of 2, 3, 4", frame)
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            self._owner.complain("malformed-envelope", str(error), frame)

    def _answered(self, message_id: str, answer: bytes | Rejected, frame: str) -> None:
        call = self._out
        if call is not None and call.message_id == message_id:
            if call.answer is not None:
                self._owner.complain("second-answer", message_id, frame)
            elif isinstance(answer, Rejected):
                self._owner.complain("call-error", str(answer), frame)
            call.answer = call.answer or answer
            call.settled.set()
        elif message_id not in self._given_up:
            self._owner.complain("answer-without-call", message_id, frame)

    def _called(
        self, message_id: str, action: str, payload: bytes, frame: str, nursery: trio.Nursery
    ) -> None:
        if message_id in self._served:
            self._owner.complain("message-id-used-twice", message_id, frame)
        if not 0 < len(message_id) <= 36:
            self._owner.complain("message-id-length", message_id, frame)
        if self._serving:
            self._owner.complain("two-calls-at-once", action, frame)
        self._served.append(message_id)
        self._serving += 1
        nursery.start_soon(self._serve, message_id, action, payload, frame)

    async def _serve(self, message_id: str, action: str, payload: bytes, frame: str) -> None:
        await self._owner.think()
        reply = self._owner.serve(action, payload)
        self._serving -= 1
        with suppress(LinkLost):  # the server will see a call without an answer, as from any lost charger
            if isinstance(reply, Refusal):
                if reply.code != UNSUPPORTED:  # the server may ask for what a station need not do
                    self._owner.complain("bad-call", f"{reply.code}: {reply.description}", frame)
                error = msgspec.json.encode([4, message_id, reply.code, reply.description, {}])
                await self._send(error)
            else:
                await self._send(b"[3,%b,%b]" % (msgspec.json.encode(message_id), reply.payload))
                if reply.then is not None:
                    reply.then()


def _root(error: BaseException) -> str:
    """What went wrong at the bottom: a failed TLS handshake is the cause, a failed address is in a group."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    return _root(inner) if inner is not None else str(error)


async def converse(
    where: Address,
    subprotocol: str,
    owner: Handling,
    call_timeout: float,
    body: Callable[[Link], Awaitable[None]],
) -> None:
    """Connect, run `body` beside the receiver, close. Raises LinkLost or Refused if that ends too early."""
    try:
        with trio.fail_after(HANDSHAKE_TIMEOUT):
            tap = Tap(await where.dial())
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise LinkLost(f"cannot connect: {_root(error) or 'no answer in time'}") from error
    ending: LinkLost | Refused | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket = await _upgrade(nursery, where, tap, subprotocol)
            if socket.subprotocol != subprotocol:
                owner.complain("subprotocol", f"asked for {subprotocol}, got {socket.subprotocol}", "")
            await _talk(Link(socket, tap, owner, call_timeout), socket, body)
            nursery.cancel_scope.cancel()
    except* LinkLost as lost:
        ending = _first(lost)
    except* ConnectionRejected as rejected:
        first = _first(rejected)
        ending = Refused(first.status_code, first.body)
    finally:
        await trio.aclose_forcefully(tap)
    if ending is not None:
        raise ending


async def _upgrade(nursery: trio.Nursery, where: Address, tap: Tap, subprotocol: str) -> WebSocketConnection:
    try:
        with trio.fail_after(HANDSHAKE_TIMEOUT):
            socket = await wrap_client_stream(
                nursery,
                tap,  # type: ignore[arg-type]  # its annotation is narrower than its documentation: any Stream will do
                where.host,
                where.resource,
                subprotocols=[subprotocol],
                extra_headers=list(where.headers),
            )
    except trio.TooSlowError:
        raise LinkLost("the upgrade took too long") from None
    tap.upgraded = True
    return socket


async def _talk(link: Link, socket: WebSocketConnection, body: Callable[[Link], Awaitable[None]]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await body(link)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(deadline=trio.current_time() + CLOSE_TIMEOUT, shield=True):
            await socket.aclose()


def _first(group: ExceptionGroup[E]) -> E:
    """The first plain exception of a group of one kind."""
    first: E | ExceptionGroup[E] = group
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first
