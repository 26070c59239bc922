"""The queue of transaction messages inside a charger: it survives reboots and is sent in order. No protocol,
no I/O.

Bounded as in a real charger. When it is full, every second of the waiting samples goes and is counted in
`thinned`; starts and stops are never dropped here (OCPP 1.6 §3.7 lets a charger drop intermediate meter
values only).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import trio

from engine.simulator.ledger import Entry

CAPACITY = 2_000


class Pending(msgspec.Struct, kw_only=True):
    """One message that waits. `build` makes it when it is sent: only then the transaction's id is known.

    `answers` are all that came: more than one where an answer was lost and the message sent again.
    `acknowledge` is given them once the last one counts.
    """

    kind: Literal["start", "sample", "stop"]
    entry: Entry
    build: Callable[[], Any]
    acknowledge: Callable[[list[Any]], None]
    answers: list[Any] = []
    attempts: int = 0
    message_id: str = ""


class Outbox:
    """First in, first out; the head stays until it is removed."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._queue: deque[Pending] = deque()
        self._filled = trio.Event()
        self._emptied = trio.Event()
        self._emptied.set()
        self.thinned = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, pending: Pending) -> None:
        if len(self._queue) >= self._capacity:
            self._thin()
        self._queue.append(pending)
        self._filled.set()
        if self._emptied.is_set():
            self._emptied = trio.Event()

    async def head(self) -> Pending:
        """The oldest message, as soon as there is one; it stays in the queue."""
        while not self._queue:
            self._filled = trio.Event()
            await self._filled.wait()
        return self._queue[0]

    def remove_head(self) -> None:
        self._queue.popleft()
        if not self._queue:
            self._emptied.set()

    def entries(self) -> list[Entry]:
        """Whose messages wait, the oldest first."""
        return [pending.entry for pending in self._queue]

    async def empty(self) -> None:
        """Wait until nothing is left."""
        await self._emptied.wait()

    def _thin(self) -> None:
        # The head may be on its way at this moment: it is not touched.
        kept: deque[Pending] = deque([self._queue[0]])
        odd = False
        for pending in list(self._queue)[1:]:
            odd = not odd if pending.kind == "sample" else odd
            if pending.kind == "sample" and odd:
                self.thinned += 1
            else:
                kept.append(pending)
        self._queue = kept
