"""What one connection receives, a bounded piece at a time, so that no charger takes the turns of others.

A charger that keeps to what it may send is read and worked on in the poller's round. What comes behind its
first few frames, and whoever is some way ahead of its allowance, lines up behind the others; who has used its
allowance up is not read at all for a while, so that what it sends stays in the kernel and in the end with
itself. While one message is worked on nothing more is read or inflated. Nothing here knows of OCPP.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeAlias

from engine.points.admission import Conduct
from engine.points.shared import Shared
from engine.points.timers import Timer
from engine.points.transport import Transport
from ext import websocket

Work: TypeAlias = Coroutine[Any, Any, None]

AT_ONCE: Final = 8  # frames worked on before all others have their turn
LARGE: Final = 16_384  # bytes of a message that is worked on when all others have had their turn
MODEST: Final = 2.0  # seconds of its allowance that a charger may be ahead before it lines up
LEAST_PAUSE: Final = 1.0  # seconds in which a charger that has used its allowance up is not read


class Taker(Protocol):
    """Who works on messages."""

    def on_text(self, text: bytes) -> Work | None:
        """A message. What is left to be awaited is handed to `Consumer.begin`."""


class Consumer(Protocol):
    """Whose intake it is."""

    @property
    def user(self) -> Taker:
        """Who works on messages; looked at once, at the start."""

    def begin(self, work: Work) -> None:
        """Have it awaited, and call `Intake.resume` then."""

    def on_control(self, opcode: int, payload: bytes) -> None:
        """A control frame, a binary message, or a violation."""

    def on_lost(self) -> None:
        """The stream has ended."""

    def on_throttled(self) -> None:
        """Its allowance is used up, for the first time."""


class Intake:
    """The receiving side of one connection; `held` while a message is being worked on, until `resume`."""

    __slots__ = (
        "_conduct", "_consumer", "_exceeded", "_large", "_line", "_listening", "_pause",
        "_per_byte", "_per_message", "_reader", "_shared", "_steady", "_transport", "_user", "held",
        "last_heard",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        transport: Transport,
        reader: websocket.FrameReader,
        consumer: Consumer,
        conduct: Conduct,
    ) -> None:
        self.held = False
        self.last_heard = shared.steady()  # Trio time at which something was received
        self._shared = shared
        self._transport = transport
        self._reader = reader
        self._consumer = consumer
        self._conduct = conduct
        self._per_message = shared.allowance.per_message
        self._per_byte = shared.allowance.per_byte
        self._steady = shared.steady
        self._large: bytes | None = None  # a message that waits for its turn in the line
        self._listening = False  # the poller tells what can be read
        self._line = False  # … or calls when it is our turn
        self._exceeded = False  # it was throttled at some time
        self._pause: Timer | None = None  # … or this does when there is some allowance again

    def start(self, leftover: bytes) -> None:
        """Begin with what was received before."""
        self._user = self._consumer.user
        self._reader.feed(leftover)
        self._go_on()

    def resume(self) -> None:
        """The message that was worked on is done."""
        self.held = False
        if not self._listening:
            self._go_on()

    def stop(self) -> None:
        """The socket is about to be closed."""
        self._deafen()
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def end(self) -> None:
        """Let go of the consumer; nothing comes in any more."""
        del self._consumer, self._user

    def limit(self, size: int) -> None:
        """The largest message from now on, bytes."""
        self._reader.max_message_size = size

    @property
    def attentive(self) -> bool:
        """Whether the peer would be heard: else its silence means nothing."""
        return self._listening and not self.held

    @property
    def throttled(self) -> bool:
        return self._pause is not None

    def _on_ready(self) -> None:
        """Something can be read."""
        if self.held:
            self._deafen()
            return
        data = self._transport.receive()
        if data is None:
            return
        self.last_heard = now = self._steady()
        text = self._reader.sole_text(data)
        if text is None:
            self._on_bytes(data, now)
            return
        conduct = self._conduct
        spent = conduct.spent
        conduct.spent = (spent if spent > now else now) + self._per_message + len(data) * self._per_byte
        work = self._user.on_text(text)
        if work is not None:
            self.held = True
            self._consumer.begin(work)
        if conduct.spent > now + MODEST:
            self._move_back()

    def _on_turn(self) -> None:
        """All who came before had their turn."""
        self._line = False
        if self._transport.closed:
            return
        if self._large is not None:
            text, self._large = self._large, None
            self._take(text)
        elif self._reader.waiting:
            self._work_on(self._steady())
        else:
            self._on_ready()
        self._go_on()

    def _on_bytes(self, data: bytes, now: float) -> None:
        """Anything that is not exactly one short text frame."""
        if data:
            self._reader.feed(data)
            self._work_on(now)
        else:
            self._consumer.on_lost()

    def _work_on(self, now: float) -> None:
        """A few frames of what was received, one if the charger is ahead; the rest has its turn later."""
        reader, conduct = self._reader, self._conduct
        for _ in range(AT_ONCE):
            event = reader.next_event()
            if event is None:
                break
            opcode, payload = event
            conduct.spent = max(conduct.spent, now) + self._per_message + len(payload) * self._per_byte
            if opcode == websocket.TEXT:
                if len(payload) > LARGE:
                    self._large = payload
                    self._deafen()
                    self._line_up()
                    return
                self._take(payload)
            elif opcode != websocket.CONTINUATION:
                self._consumer.on_control(opcode, payload)
            if self.held or conduct.spent > now + MODEST:
                break
        if reader.waiting or conduct.spent > now + MODEST:
            self._move_back()

    def _take(self, text: bytes) -> None:
        work = self._user.on_text(text)
        if work is not None:
            self.held = True
            self._consumer.begin(work)

    def _move_back(self) -> None:
        self._deafen()
        self._go_on()

    def _go_on(self) -> None:
        """Decide who calls next: the socket, the line or a timer; nobody while a message is worked on."""
        if self.held or self._listening or self._line or self._pause is not None or self._transport.closed:
            return
        ahead = self._conduct.spent - self._steady()
        if ahead > self._shared.allowance.burst:
            self._throttle(ahead - self._shared.allowance.burst)
        elif self._reader.waiting:
            self._line_up()
        else:
            self._listening = True
            ready = self._on_ready if ahead <= MODEST else self._line_up
            self._shared.poller.watch(self._transport.sock.fileno(), ready)

    def _line_up(self) -> None:
        """Wait for all others to have their turn."""
        self._deafen()
        self._line = True
        self._shared.poller.line_up(self._on_turn)

    def _throttle(self, seconds: float) -> None:
        """Read nothing until there is some allowance again."""
        self._pause = self._shared.timers.after(max(seconds, LEAST_PAUSE), self._unthrottle)
        self._shared.metrics.throttled.add()
        if not self._exceeded:
            self._exceeded = True
            self._consumer.on_throttled()

    def _unthrottle(self) -> None:
        self._pause = None
        self._go_on()

    def _deafen(self) -> None:
        if self._listening:
            self._listening = False
            self._shared.poller.forget(self._transport.sock.fileno())
