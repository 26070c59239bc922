"""What would hold others up, committed one by one beside them: large entries, and those of suspects.

A suspect is whose changes were refused before: together with others they would have to be halved again. Once
something of an owner is apart, all that it hands in meanwhile follows it, so that its order is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from engine.store.entries import Entry

LARGE_ROWS: Final = 100  # with more an entry goes apart
LARGE_BYTES: Final = 65_536
CLEAN_ENTRIES: Final = 100  # that a suspect has to hand in until it is none any more
MOST_SUSPECTS: Final = 10_000


class Apart:
    """`settle` commits one entry, over a connection that is used for nothing else."""

    def __init__(self, settle: Callable[[Entry], Awaitable[None]]) -> None:
        self._settle = settle
        self._queue: deque[Entry] = deque()
        self._claimed: dict[int, int] = {}  # owner → entries of it that were claimed and are not settled
        self._suspects: dict[int, int] = {}  # owner → clean entries that it owes
        self._news = trio.Event()
        self._ending = False

    def __len__(self) -> int:
        """Entries that were claimed and are not settled."""
        return sum(self._claimed.values())

    def claims(self, entry: Entry, size: int) -> bool:
        """Whether `entry`, of that size, goes apart: then it has to be given to `add` in time."""
        owner = entry.owner
        large = owner != 0 and (size > LARGE_BYTES or len(entry.changes) > LARGE_ROWS)
        claimed = large or owner in self._suspects or owner in self._claimed
        if claimed:
            self._claimed[owner] = self._claimed.get(owner, 0) + 1
        return claimed

    def add(self, entries: Sequence[Entry]) -> None:
        """Commit what was claimed, in this order."""
        self._queue += entries
        self._news.set()

    def suspect(self, owner: int) -> None:
        """Something of it was refused."""
        if owner:
            self._suspects[owner] = CLEAN_ENTRIES + 1
            if len(self._suspects) > MOST_SUSPECTS:
                del self._suspects[next(iter(self._suspects))]

    def end(self) -> None:
        """`run` ends when all is settled."""
        self._ending = True
        self._news.set()

    def abandon(self) -> Sequence[Entry]:
        """What is not settled."""
        return tuple(self._queue)

    async def run(self) -> None:
        """Commit until `end`; the one task that does."""
        while self._queue or not self._ending:
            if not self._queue:
                self._news = trio.Event()
                await self._news.wait()
                continue
            try:
                await self._settle(self._queue[0])  # cancelled, it is among what is abandoned
            except Exception:
                self._settled()
                raise
            self._settled()

    def _settled(self) -> None:
        """The first entry is."""
        owner = self._queue.popleft().owner
        left = self._claimed[owner] - 1
        if left:
            self._claimed[owner] = left
        else:
            del self._claimed[owner]
        owed = self._suspects.get(owner, 0) - 1
        if owed > 0:
            self._suspects[owner] = owed
        else:
            self._suspects.pop(owner, None)
