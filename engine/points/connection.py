"""One WebSocket connection: its task, frames that go out, pings, and every way in which it ends.

Nothing here knows of OCPP. `Intake` reads; who works on the messages is the `User`.
"""

from __future__ import annotations

from typing import Final, Protocol

import structlog
import trio

from engine.points.admission import Conduct
from engine.points.intake import Intake, Work
from engine.points.shared import Shared
from engine.points.timers import Timer
from engine.points.transport import Transport
from ext import websocket

log = structlog.get_logger(__name__)

COMPRESS_FROM: Final = 512  # bytes; shorter texts gain nothing from deflate
PATIENCE: Final = 3.0  # seconds that draining waits for what the user waits for
LINGER: Final = 3.0  # seconds for the peer to answer our close frame
PROOF: Final = 10.0  # seconds for a peer to show that it is alive, where another connection wants its place
GOING_AWAY: Final = 1012  # IANA, WebSocket close codes: service restart; come back, perhaps elsewhere


class User(Protocol):
    """Who works on what a connection receives."""

    def on_text(self, text: bytes) -> Work | None:
        """A message. What is returned is awaited by the connection's task."""

    def on_binary(self, payload: bytes) -> None:
        """A binary message."""

    def on_awaited(self) -> None:
        """What `on_text` returned is done. To be followed by `Connection.resume`, now or later."""

    def on_closed(self, why: str) -> None:
        """Nothing more can be sent."""

    def finish(self) -> bool:
        """Ask the peer nothing more; whether an answer of it is still awaited."""


class Connection:
    """`serve` gives it a user, then `run` is its task; any task may call the other public methods."""

    __slots__ = (
        "_draining", "_intake", "_parked", "_pinged_at", "_shared", "_task", "_watch", "_work",
        "closed_for", "deflate", "identity", "profile", "remote", "transport", "user",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        transport: Transport,
        conduct: Conduct,
        *,
        identity: str,
        deflate: websocket.Deflate | None = None,
        profile: int = 0,
        remote: str = "",
    ) -> None:
        self.identity = identity
        self.profile = profile  # security profile in effect
        self.remote = remote  # the peer's address
        self.deflate = deflate
        self.closed_for: str | None = None  # why it is closing or closed, one word
        self.transport = transport  # sends whole frames
        self._shared = shared
        reader = websocket.FrameReader(shared.settings.max_message_size, deflate=deflate)
        self._intake = Intake(shared, transport, reader, self, conduct)
        self.user: User
        self._watch: Timer | None = None
        self._pinged_at: float | None = None
        self._work: Work | None = None  # what the message being worked on still needs
        self._task: trio.lowlevel.Task | None = None
        self._parked = False  # the task sleeps
        self._draining = False

    def serve(self, user: User) -> None:
        """Have this user work on what is received."""
        self.user = user

    # --- the task ------------------------------------------------------------------------------------------

    async def run(self, leftover: bytes = b"") -> None:
        """Read until the connection ends. `leftover` was received behind the HTTP request."""
        shared, transport = self._shared, self.transport
        self._task = trio.lowlevel.current_task()
        self._watch = shared.timers.after(shared.settings.ping_interval, self._look_after)
        transport.on_close = self._on_closed
        try:
            self._intake.start(leftover)
            while self._intake.held or not transport.closed:
                if self._work is None:
                    await self._park()
                else:
                    await self._attend(self._work)
        except Exception:
            # A bug ends this connection, not the node.
            log.exception("connection failed", identity=self.identity)
            self.closed_for = self.closed_for or "failed"
        finally:
            # Only a transport that is full closes without giving a reason.
            self.closed_for = self.closed_for or "slow_consumer"
            transport.close()
            if self._work is not None:
                self._work.close()
            self._watch_until(None)
            self.user.on_closed("the connection ended")
            self._intake.end()
            # The user knows us, and the collector of such cycles runs rarely.
            del self.user

    async def _attend(self, work: Work) -> None:
        try:
            await work
        finally:
            self._work = None
        self.user.on_awaited()

    async def _park(self) -> None:
        """Sleep until `_wake`."""
        self._parked = True
        await trio.lowlevel.wait_task_rescheduled(self._unpark)

    def _unpark(self, _: object) -> trio.lowlevel.Abort:
        self._parked = False
        return trio.lowlevel.Abort.SUCCEEDED

    def _wake(self) -> None:
        if self._parked and self._task is not None:
            self._parked = False
            trio.lowlevel.reschedule(self._task)

    def _on_closed(self) -> None:
        self._intake.stop()
        self._wake()

    # --- what is received ----------------------------------------------------------------------------------

    def begin(self, work: Work) -> None:
        """As `Consumer.begin`."""
        self._work = work
        self._wake()

    def on_lost(self) -> None:
        """As `Consumer.on_lost`."""
        self.fail("lost")

    def on_throttled(self) -> None:
        """As `Consumer.on_throttled`."""
        log.warning("charger sends more than it may", identity=self.identity)

    def on_control(self, opcode: int, payload: bytes) -> None:
        """As `Consumer.on_control`."""
        if opcode == websocket.PING:
            self.transport.send(websocket.frame(websocket.PONG, payload))
        elif opcode == websocket.BINARY:
            self.user.on_binary(payload)
        elif opcode == websocket.VIOLATION:
            self._close(payload, "violation")
        elif opcode == websocket.CLOSE:
            self._close(payload[:2], "peer")  # RFC 6455 §5.5.1: the answer echoes the code
            self.transport.finish(close=True)  # §7.1.1: the server closes the TCP connection first

    # --- for the user --------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """A message is being worked on: nothing more is read until `resume`."""
        return self._intake.held

    def hold(self) -> None:
        """Read nothing more until `resume`."""
        self._intake.held = True

    def resume(self) -> None:
        """The message that was worked on is done; what waited for that has its turn."""
        self._intake.resume()
        if self.transport.closed:
            self._wake()
        self.settled()

    def settled(self) -> None:
        """An answer that the user waited for is there, or will never come."""
        if self._draining:
            self.drain()

    def limit(self, size: int) -> None:
        """The largest message from now on, bytes."""
        self._intake.limit(size)

    def framed(self, text: bytes) -> bytes:
        """A text frame, compressed where that was agreed upon and is worth it."""
        if self.deflate is None or len(text) < COMPRESS_FROM:
            return websocket.frame(websocket.TEXT, text)
        return websocket.frame(websocket.TEXT, self.deflate.compress(text), rsv1=True)

    def fail(self, why: str) -> None:
        """End without a close frame: the peer is gone, or we cannot go on."""
        self.closed_for = self.closed_for or why
        self.transport.close()

    # --- for others ----------------------------------------------------------------------------------------

    @property
    def last_heard(self) -> float:
        """Trio time at which something was received."""
        return self._intake.last_heard

    @property
    def throttled(self) -> bool:
        """Whether it has used up what it may send, and is not read for a while."""
        return self._intake.throttled

    def cut(self) -> None:
        """Close the socket at once."""
        self.transport.close()

    def close(self, code: int, reason: str, why: str) -> None:
        """Send a close frame; nothing more is answered. `why` is one word for the counters."""
        self._close(websocket.close_payload(code, reason), why)

    def drain(self) -> None:
        """Close as soon as the message being worked on and the user's requests are answered."""
        if self.closed_for is not None:
            return
        waits = self.user.finish()
        if waits and not self._draining:
            self._watch_until(self._shared.timers.after(PATIENCE, self._leave))
        self._draining = True
        if not waits and not self._intake.held:
            self._leave()

    def prove(self) -> None:
        """Another connection of this identity was turned away: ping, and close if nothing comes back."""
        if self.closed_for is None and self._intake.attentive and self._pinged_at is None:
            self._ping(self._shared.steady())
            self._watch_until(self._shared.timers.after(PROOF, self._look_after))

    # --- small parts ---------------------------------------------------------------------------------------

    def _leave(self) -> None:
        self.close(GOING_AWAY, "service restart", "drain")

    def _close(self, payload: bytes, why: str) -> None:
        if self.closed_for is not None:
            return
        self.closed_for = why
        self.transport.send(websocket.frame(websocket.CLOSE, payload))
        self.transport.finish()
        self.user.on_closed("the connection was closed")
        # Closing the socket at once would turn unread bytes into a reset that overtakes our close frame.
        self._watch_until(self._shared.timers.after(LINGER, self.transport.close))

    def _look_after(self) -> None:
        """Ping who is silent, close who stays silent. While we do not listen, silence is no sign."""
        settings, now, attentive = self._shared.settings, self._shared.steady(), self._intake.attentive
        if self._pinged_at is not None and self.last_heard < self._pinged_at and attentive:
            self.fail("ping_timeout")
            return
        self._pinged_at = None
        at = self.last_heard + settings.ping_interval
        if at <= now:
            at = now + settings.ping_timeout
            if attentive:
                self._ping(now)
        self._watch_until(self._shared.timers.at(at, self._look_after))

    def _ping(self, now: float) -> None:
        self.transport.send(websocket.frame(websocket.PING, b""))
        self._pinged_at = now

    def _watch_until(self, timer: Timer | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = timer
