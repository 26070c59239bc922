"""Our requests to one charge point: one is out, the others wait in order. No I/O, no clock.

    waiting → out → settled         the answer came, a refusal, or the deadline
    waiting → settled               the deadline passed, the connection ended, the caller gave up

A request whose caller gave up while it is out stays out until its answer or its deadline: the charge point
still works on it, and OCPP-J allows one outstanding request only (1.6J §4.1.1).
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from engine.errors import CallError, QueueFull
from engine.ocpp.rpc import Answered, Correlator
from engine.ocpp.step import Command, Message, Raw
from engine.points.timers import Timer

UNREAD: Final = "raw"


class Call:
    """One request on its way. `settle` ends it; what comes later is ignored.

    Without a command its answer is given back as it came.
    """

    __slots__ = (
        "_answer", "_done", "_error", "action", "command", "id", "label", "payload", "request", "sent_at",
        "timer",
    )  # fmt: skip

    def __init__(
        self, action: str, payload: bytes, request: Message | None = None, command: Command | None = None
    ) -> None:
        self.action = action
        self.payload = payload
        self.request = request
        self.command = command
        self.label = UNREAD if command is None else action  # for counters
        self.id = ""  # set when it is sent
        self.sent_at = 0.0
        self.timer: Timer | None = None
        self._done = trio.Event()
        self._answer: Message | Raw | None = None
        self._error: CallError | None = None

    def settle(self, result: Message | Raw | CallError) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self._done.is_set():
            return
        if isinstance(result, CallError):
            self._error = result
        else:
            self._answer = result
        self._done.set()

    async def result(self) -> Message | Raw:
        """Wait for the end. Raises CallError."""
        await self._done.wait()
        if self._answer is None:
            raise self._error or CallError(f"{self.action} ended without an answer")
        return self._answer


class Calls:
    """The queue of one connection."""

    __slots__ = ("_correlator", "_limit", "_out", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Call] = deque()
        self._out: Call | None = None
        self._correlator = Correlator()

    def __len__(self) -> int:
        return len(self._waiting) + (self._out is not None)

    def add(self, call: Call) -> None:
        """Put at the end. Raises QueueFull."""
        if len(self._waiting) >= self._limit:
            raise QueueFull(f"{self._limit} commands already wait for this charge point")
        self._waiting.append(call)

    def next(self) -> Call | None:
        """The request to send now. None while another is out, or none waits."""
        return self._waiting.popleft() if self._out is None and self._waiting else None

    def sent(self, call: Call, message_id: str, now: float) -> None:
        """`call`, as given by `next`, went out under that id."""
        call.id = message_id
        call.sent_at = now
        self._correlator.opened(message_id, now)
        self._out = call

    def answered(self, message_id: str) -> Call | Answered:
        """The request that an answer belongs to, which makes way for the next; or why it belongs to none."""
        verdict = self._correlator.answered(message_id)
        call = self._out
        if verdict is not Answered.CURRENT or call is None:
            return verdict
        self._out = None
        return call

    def expire(self, call: Call) -> bool:
        """Its deadline has passed: whether it was out."""
        if call is self._out:
            self._correlator.given_up()
            self._out = None
            return True
        self.withdraw(call)
        return False

    def withdraw(self, call: Call) -> None:
        """Its caller does not wait any longer; what is out stays out."""
        if call in self._waiting:
            self._waiting.remove(call)

    @property
    def is_out(self) -> bool:
        return self._out is not None

    def empty(self, *, waiting_only: bool = False) -> list[Call]:
        """Take out all of them, or those that were not sent yet."""
        calls = [*self._waiting]
        self._waiting.clear()
        if not waiting_only and self._out is not None:
            calls.insert(0, self._out)
            self._out = None
        return calls
