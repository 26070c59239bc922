"""OCPP-J over one open WebSocket of a charger: calls out, calls in, nothing about their meaning.

Envelopes are read with msgspec alone and not with the server's kernel, so that the two check each other. What
the server does wrong is handed to `complain` and never stops the simulation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import msgspec
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

UNSUPPORTED: Final = "NotSupported"
MOST_WORDS: Final = 200  # bytes of the body of a refusal that are quoted
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


Cut = Callable[[], Awaitable[None]]  # ends the byte stream without a word


class Handling(Protocol):
    """What a link asks of the charger that owns it."""

    def serve(self, action: str, payload: bytes) -> Answer | Refusal: ...

    def complain(self, rule: str, detail: str, frame: str) -> None: ...

    def think(self) -> Awaitable[None]:
        """The time a charger takes before it answers."""


class Outstanding:
    """Our CALL that waits for its answer; settled without one when the connection ends."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self.answer: bytes | Rejected | None = None
        self.settled = trio.Event()


class Link:
    """One open connection. Many tasks may `call`: one CALL is out at a time (OCPP-J 1.6 §4.1.1)."""

    def __init__(self, socket: WebSocketConnection, cut: Cut, owner: Handling, call_timeout: float) -> None:
        self._socket = socket
        self._cut = cut
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
        await self._cut()

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
