"""What nobody waits for: rows that are written soon, and dropped with a count when too much of them piles up.

They have a queue and a connection of their own, so that no commit has them in it or behind them. The queue
is bounded in bytes. Each charger may fill a share of what is free in it: a flood from one pushes out its own
rows, not those of others. While others commit, this rests as long as it works.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Final

import structlog
import trio
from msgspec.structs import astuple

from engine.domain.changes import Change
from engine.metrics import Metrics
from engine.store.writer import PlanError, Writer

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 32 << 20  # of memory that waiting rows may take
SHARE: Final = 0.25  # of what is free, for one charger's rows: alone it gets a fifth of all
ROW_BYTES: Final = 150  # of memory that a row takes beside its values
BATCH_ROWS: Final = 1_000  # per transaction
BATCH_BYTES: Final = 1 << 20
LINGER: Final = 0.1  # seconds that a row may wait for others, so that few transactions carry many
ATTEMPTS: Final = 16  # transactions that a refused batch may cost; what is not written by then is dropped


class Behind:
    """`append` never waits. `busy` tells whether somebody waits for a commit now."""

    def __init__(self, writer: Writer, metrics: Metrics, busy: Callable[[], object]) -> None:
        self._writer = writer
        self._metrics = metrics
        self._busy = busy
        self._queue: deque[tuple[Change, int, int]] = deque()  # with whose it is, and its size
        self._bytes = 0
        self._shares: dict[int, int] = {}  # charge point (0: none) → bytes of its rows that wait
        self._entered = 0  # rows, ever
        self._settled = 0  # rows written or dropped, ever, of those that were let in
        self._overflowing = False
        self._hurried = 0  # callers of `flush`
        self._closing = False
        self._wake_at = math.inf  # bytes in the queue for which `run` waits
        self._woken = trio.Event()
        self._progress = trio.Event()
        metrics.gauges["voltrio_journal_behind_rows"] = (
            "Rows waiting that nobody waits for",
            self._queue.__len__,
        )
        metrics.gauges["voltrio_journal_behind_bytes"] = (
            "Memory taken by rows waiting that nobody waits for",
            lambda: self._bytes,
        )

    def has_room(self, charge_point_id: int, size: int = 0) -> bool:
        """Whether a row of its of `size` bytes would be let in now."""
        share = self._shares.get(charge_point_id, 0) + size
        return not self._closing and share <= (MOST_BYTES - self._bytes) * SHARE

    def append(self, changes: Sequence[Change]) -> None:
        """Write soon. What finds no room is dropped, and counted by kind."""
        for change in changes:
            owner = getattr(change, "charge_point_id", None) or 0
            size = ROW_BYTES + sum(map(getsizeof, astuple(change)))
            if self.has_room(owner, size):
                self._queue.append((change, owner, size))
                self._bytes += size
                self._shares[owner] = self._shares.get(owner, 0) + size
                self._entered += 1
            else:
                self.drop(type(change), "closed" if self._closing else "overflow")
        if self._bytes >= self._wake_at:
            self._wake()

    def drop(self, kind: type[Change], why: str, count: int = 1) -> None:
        """Count rows that are not written; the first ones of an overflow are logged."""
        self._metrics.journal_dropped[kind.__name__, why] += count
        if why == "overflow" and not self._overflowing:
            self._overflowing = True
            log.warning("more to log than can be written, the rest is dropped", kind=kind.__name__)

    async def flush(self) -> None:
        """Return when everything appended before is written or dropped."""
        entered = self._entered
        self._hurried += 1
        self._wake()
        try:
            while self._settled < entered:
                await self._progress.wait()
        finally:
            self._hurried -= 1

    def close(self) -> None:
        """Take nothing more; `run` ends when all is written."""
        self._closing = True
        self._wake()

    def abandon(self) -> int:
        """Drop all that waits; how many rows that were."""
        for change, _, _ in self._queue:
            self.drop(type(change), "closed")
        return len(self._queue)

    async def run(self) -> None:
        """Write until `close`; the one task that does."""
        while self._queue or not self._closing:
            if not self._queue:
                await self._wait(math.inf, 1)
            await self._wait(LINGER, BATCH_BYTES)
            rows = self._take()
            began = trio.current_time()
            await self._write(rows)
            self._settled += len(rows)
            self._progress.set()
            self._progress = trio.Event()
            self._overflowing = self._overflowing and bool(self._queue)
            if self._busy():
                await self._wait(trio.current_time() - began, math.inf)
        self._writer.disconnect()

    async def _wait(self, seconds: float, size: float) -> None:
        """Until `size` bytes wait, at most so long, and not while somebody is in a hurry."""
        if self._bytes >= size or self._closing or (self._hurried and self._queue):
            return
        self._woken = trio.Event()
        self._wake_at = size
        with trio.move_on_after(seconds):
            await self._woken.wait()
        self._wake_at = math.inf

    def _wake(self) -> None:
        self._wake_at = math.inf
        self._woken.set()

    def _take(self) -> list[Change]:
        taken: list[Change] = []
        size = 0
        while self._queue and len(taken) < BATCH_ROWS and size < BATCH_BYTES:
            change, owner, its_size = self._queue.popleft()
            size += its_size
            taken.append(change)
            left = self._shares[owner] - its_size
            if left:
                self._shares[owner] = left
            else:
                del self._shares[owner]
        self._bytes -= size
        return taken

    async def _write(self, rows: Sequence[Change]) -> None:
        """One transaction. What is refused is halved, a few times; what is left then is dropped."""
        groups = deque([rows])
        for _ in range(ATTEMPTS):
            if not groups:
                return
            group = groups.popleft()
            try:
                await self._writer.write(group)
            except PlanError as refusal:
                if len(group) == 1:
                    self._refused(group, refusal)
                else:
                    middle = len(group) // 2
                    groups += (group[:middle], group[middle:])
        for group in groups:
            self._refused(group, "its batch was refused too often")

    def _refused(self, rows: Sequence[Change], why: object) -> None:
        for change in rows:
            self.drop(type(change), "refused")
        kinds = sorted({type(change).__name__ for change in rows})
        log.warning("rows refused by the database", kinds=kinds, rows=len(rows), error=str(why))
