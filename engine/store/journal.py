"""Group commit: changes of many callers gather while a commit runs and go into the next one together.

One task that commits, over one connection. A caller's changes are committed whole or refused whole; what the
database will never take is found by halving the batch, so that only its own caller hears of it. Apart from
the others, one by one over a connection of its own, goes what would hold them up: large entries, and those of
suspects, whose changes were refused before. While the database is away callers wait. What nobody waits for
has a queue and a connection of its own (`behind`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import outcome
import structlog
import trio

from engine.domain.changes import Change
from engine.errors import ChangeRefused, StoreError, Superseded
from engine.metrics import Metrics
from engine.store.apart import Apart
from engine.store.background import plain_errors
from engine.store.behind import Behind
from engine.store.database import Database
from engine.store.entries import Done, Entry
from engine.store.fence import Fence, GivenUp
from engine.store.writer import FenceMoved, PlanError, Writer
from engine.supervision import keep

log = structlog.get_logger(__name__)

BATCH_ROWS: Final = 2_000  # per transaction; bounds memory and the time one commit takes
BATCH_BYTES: Final = 4 << 20  # the same for large rows, which are rare
TOLD_AT_ONCE: Final = 32  # callers that are called back before other tasks get their turn
# A crash of the database may take the last moments of what nobody waits for; so nobody waits for the disk.
LOOK_AGAIN: Final = 0.5  # seconds until the takeovers are asked for again that could not be read
UNHURRIED: Final = "set synchronous_commit = off"


class Journal:
    """`commit` waits for the database, `append` does not, `flush` waits for what was committed before.

    What was handed in for a charge point that has connected to another node is refused (`fence`). `jitter()`
    gives numbers in [0, 1) that spread the retries of several nodes.
    """

    def __init__(
        self, database: Database, fence: Fence, metrics: Metrics, jitter: Callable[[], float]
    ) -> None:
        self._metrics = metrics
        self._fence = fence
        self._writer = Writer(database, jitter, "commits", fence)
        self._writer_apart = Writer(database, jitter, "commits apart", fence)
        self._queue: deque[Entry] = deque()
        self._apart = Apart(self._settle_apart)
        self._idle: trio.Event | None = None
        # Callers to be called back; no more of them than there are callers that wait.
        self._written, self._to_tell = trio.open_memory_channel[Sequence[Entry]](math.inf)
        self._closing = False
        self._scope = trio.CancelScope(shield=True)
        self._done = trio.Event()
        unhurried = Writer(database, jitter, "log rows", settings=UNHURRIED)
        self._behind = Behind(unhurried, metrics, busy=lambda: self._idle is None)
        metrics.gauges["voltrio_journal_queue"] = (
            "Callers' entries waiting for a commit",
            lambda: len(self._queue) + len(self._apart),
        )

    async def commit(self, changes: Sequence[Change], owner: int = 0, generation: int = 0) -> None:
        """Return when the changes are on disk, all of them or none.

        `owner` is the charge point that caused them, if one did: its changes are written in their order.
        `generation` is that of its connection, if they come over one: Superseded is raised when another node
        has a newer one. Raises ChangeRefused when the database cannot take these. If cancelled they are
        written anyway.
        """
        await self._wait_for(changes, owner, generation)

    def commit_then(self, changes: Sequence[Change], done: Done, owner: int = 0, generation: int = 0) -> None:
        """As `commit`, but `done` is called, with the ChangeRefused if there is one, and no task is woken.

        For callers in thousands: waking a task costs as much as all else about a small change. `done` runs in
        the journal's task, later; it must be short. Raises StoreError when the journal is closed.
        """
        self._enter(Entry(changes, done, owner, generation))

    def append(self, changes: Sequence[Change]) -> None:
        """Write soon, without waiting. What is too much is dropped and counted by kind.

        For rows that no state is loaded from: later commits may be written before them.
        """
        self._behind.append(changes)

    def has_room(self, charge_point_id: int) -> bool:
        """Whether something of this charge point could be appended now, be it small."""
        return self._behind.has_room(charge_point_id)

    def drop(self, kind: type[Change]) -> None:
        """Count a row for which there was no room, and which was not even made."""
        self._behind.drop(kind, "overflow")

    async def flush(self, owner: int = 0, *, behind: bool = False) -> None:
        """Return when what was handed in before is committed or refused: of `owner`, and what is not apart.

        With `behind` also what was appended is written or dropped.
        """
        await self._wait_for((), owner, 0)
        if behind:
            await self._behind.flush()

    async def run(self) -> None:
        """Write until `close`; the one task that does. Cancelling what is around it does not end it."""
        try:
            with self._scope, plain_errors():
                async with trio.open_nursery() as nursery:
                    failures = self._metrics.task_failures
                    nursery.start_soon(keep, "journal", self._tell, failures)
                    nursery.start_soon(keep, "journal", self._behind.run, failures)
                    with self._written:
                        async with trio.open_nursery() as lanes:
                            lanes.start_soon(keep, "journal", self._apart.run, failures)
                            await keep("journal", self._run, failures)
                            self._apart.end()
        finally:
            self._done.set()
            self._writer.disconnect()
            self._writer_apart.disconnect()

    async def close(self, timeout: float) -> None:
        """Take nothing more, write what is there, at most `timeout` seconds; returns when `run` has ended."""
        self._closing = True
        self._wake()
        self._behind.close()
        with trio.CancelScope(shield=True):
            with trio.move_on_after(timeout):
                await self._done.wait()
            self._scope.cancel()
            await self._done.wait()
        rows = self._behind.abandon()
        entries = [*self._apart.abandon(), *self._queue]
        for entry in entries:
            for change in entry.changes:
                self._behind.drop(type(change), "closed")
        if entries or rows:
            log.error("closed without the database, changes are lost", entries=len(entries), rows=rows)

    async def _run(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._idle = trio.Event()
                await self._idle.wait()
                self._idle = None
            taken, apart = self._take()
            try:
                await self._settle_all(taken, self._writer)
            finally:
                # Not before: something of the same owners may have been in this batch.
                self._apart.add(apart)

    async def _settle_apart(self, entry: Entry) -> None:
        await self._settle_all((entry,), self._writer_apart)

    async def _tell(self) -> None:
        """Call back whose changes are on disk, while the next commit is under way.

        Were they told first, all that they hand in then would wait for one commit, with nothing to do for us
        meanwhile and then nothing for the database.
        """
        async for entries in self._to_tell:
            for number, entry in enumerate(entries, 1):
                entry.settle(None)
                if number % TOLD_AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()

    def _enter(self, entry: Entry) -> None:
        if self._closing:
            raise StoreError("the journal is closed")
        self._queue.append(entry)
        self._wake()

    async def _wait_for(self, changes: Sequence[Change], owner: int, generation: int) -> None:
        task = trio.lowlevel.current_task()

        def wake(error: ChangeRefused | None) -> None:
            trio.lowlevel.reschedule(task, outcome.Value(None) if error is None else outcome.Error(error))

        def abandon(_: object) -> trio.lowlevel.Abort:
            entry.done = None
            return trio.lowlevel.Abort.SUCCEEDED

        entry = Entry(changes, wake, owner, generation)
        self._enter(entry)
        await trio.lowlevel.wait_task_rescheduled(abandon)

    def _wake(self) -> None:
        if self._idle is not None:
            self._idle.set()

    def _take(self) -> tuple[list[Entry], list[Entry]]:
        """What is to be committed now, together; and what apart, after that."""
        queue, rows, size = self._queue, 0, 0
        taken: list[Entry] = []
        apart: list[Entry] = []
        while queue and rows < BATCH_ROWS and size < BATCH_BYTES:
            entry = queue.popleft()
            its_size = entry.size()
            if self._apart.claims(entry, its_size):
                apart.append(entry)
                continue
            rows += len(entry.changes)
            size += its_size
            taken.append(entry)
        return taken, apart

    async def _settle_all(self, entries: Sequence[Entry], writer: Writer) -> None:
        """Nobody waits for ever, whatever goes wrong."""
        try:
            if entries:
                await self._settle(entries, writer)
        except Exception as error:
            for entry in entries:
                entry.settle(ChangeRefused(repr(error)))
            raise

    async def _settle(self, entries: Sequence[Entry], writer: Writer) -> None:
        """Commit the entries together; when that is refused, each half by itself."""
        entries = self._admitted(entries)
        changes = [change for entry in entries for change in entry.changes]
        began = trio.current_time()
        try:
            await writer.write(changes)
        except FenceMoved:
            try:
                await self._fence.look()
            except GivenUp:
                pass  # nothing is admitted any more
            except StoreError:
                await trio.sleep(LOOK_AGAIN)
            await self._settle(entries, writer)
            return
        except PlanError as refusal:
            if len(entries) > 1:
                middle = len(entries) // 2
                await self._settle(entries[:middle], writer)
                await self._settle(entries[middle:], writer)
                return
            (entry,) = entries
            log.warning("change refused by the database", kinds=entry.kinds(), error=str(refusal))
            self._apart.suspect(entry.owner)
            entry.settle(ChangeRefused(str(refusal)))
            return
        if changes:
            self._metrics.journal_rows.observe(len(changes))
            self._metrics.journal_seconds.observe(trio.current_time() - began)
        self._written.send_nowait(entries)

    def _admitted(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Without what is late; who has handed that in is told."""
        if not self._fence.moved:
            return entries
        admitted = []
        for entry in entries:
            if not entry.changes or self._fence.admits(entry.owner, entry.generation):
                admitted.append(entry)
            else:
                self._metrics.superseded.add()
                entry.settle(Superseded(f"charge point {entry.owner} is another node's"))
        return admitted
