"""Group commit: changes of many callers gather while a commit runs and go into the next one together.

One writer task, one connection. A caller's changes are committed whole or refused whole; what the database
will never take is found by halving the batch, so that only its own caller hears of it. While the database is
away callers wait. What nobody waits for is bounded, and dropped with a count when it piles up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec
import outcome
import structlog
import trio

from engine.domain.changes import Change
from engine.errors import ChangeRefused, StoreError
from engine.metrics import Metrics
from engine.store.background import plain_errors
from engine.store.database import ASYNCPG_ERRORS, Database, passes
from engine.store.statements import RANK, STATEMENTS, Statement

log = structlog.get_logger(__name__)

BATCH_ROWS: Final = 2_000  # per transaction; bounds memory and the time one commit takes
TOLD_AT_ONCE: Final = 32  # callers that are called back before other tasks get their turn
WRITE_BEHIND_ROWS: Final = 20_000  # rows nobody waits for
RETRY_DELAYS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # seconds, times 0.5–1.0; the last one repeats
COMMIT_TIMEOUT: Final = 30.0  # seconds; a connection that answers nothing for so long is given up
# The writer's row holds the number of its last commit. Taking a number waits for an earlier attempt whose
# server process still lives, and takes nothing if that attempt was committed: no commit is done twice.
REGISTER: Final = """
with outdated as (delete from journal_writers where updated_at < now() - interval '30 days')
insert into journal_writers default values returning id
"""
BEGIN_ONCE: Final = """
begin;
insert into journal_writers as w (id, number) values ({0}, {1})
on conflict (id) do update set number = excluded.number, updated_at = now() where w.number < excluded.number
"""
NOT_INSERTED: Final = "INSERT 0 0"  # the command tag when the number was taken already

Plan: TypeAlias = list[tuple[Statement, bytes]]
Done: TypeAlias = Callable[[ChangeRefused | None], None]


class Entry:
    """One caller's changes. `done` is None where nobody waits (any more)."""

    __slots__ = ("behind", "changes", "done")

    def __init__(self, changes: Sequence[Change], done: Done | None, behind: int = 0) -> None:
        self.changes = changes
        self.done = done
        self.behind = behind

    def settle(self, error: ChangeRefused | None) -> None:
        """Tell who waits. What goes wrong there is not the journal's, and no other caller's."""
        if self.done is not None:
            try:
                self.done(error)
            except Exception:
                log.exception("caller failed", kinds=_kinds(self.changes))
            self.done = None


class PlanError(Exception):
    """The database will never take this plan."""


class Journal:
    """`commit` waits for the database, `append` does not, `flush` waits for all that came before.

    `jitter()` gives numbers in [0, 1) that spread the retries of several nodes.
    """

    def __init__(self, database: Database, metrics: Metrics, jitter: Callable[[], float]) -> None:
        self._database = database
        self._metrics = metrics
        self._jitter = jitter
        self._queue: deque[Entry] = deque()
        self._behind = 0  # rows in the queue that nobody waits for
        self._idle: trio.Event | None = None
        # Callers to be called back; no more of them than there are callers that wait.
        self._written, self._to_tell = trio.open_memory_channel[Sequence[Entry]](math.inf)
        self._closing = False
        self._scope = trio.CancelScope(shield=True)
        self._done = trio.Event()
        self._connection: asyncpg.Connection | None = None
        self._writer = 0  # number of our row in journal_writers
        self._number = 0  # of the last commit begun
        self._encoder = msgspec.json.Encoder()
        metrics.gauges["voltrio_journal_queue"] = (
            "Callers' entries waiting for a commit",
            self._queue.__len__,
        )
        metrics.gauges["voltrio_journal_behind_rows"] = (
            "Rows waiting that nobody waits for",
            lambda: self._behind,
        )

    async def commit(self, changes: Sequence[Change]) -> None:
        """Return when the changes are on disk, all of them or none.

        Raises ChangeRefused when the database cannot take these. If cancelled they are written anyway.
        """
        await self._wait_for(changes)

    def commit_then(self, changes: Sequence[Change], done: Done) -> None:
        """As `commit`, but `done` is called, with the ChangeRefused if there is one, and no task is woken.

        For callers in thousands: waking a task costs as much as all else about a small change. `done` runs in
        the journal's task, later; it must be short. Raises StoreError when the journal is closed.
        """
        self._enter(Entry(changes, done))

    def append(self, changes: Sequence[Change]) -> None:
        """Write soon, without waiting. Over the bound they are dropped and counted by kind."""
        count = len(changes)
        if self._closing or self._behind + count > WRITE_BEHIND_ROWS:
            self._drop(changes)
            return
        self._behind += count
        self._queue.append(Entry(changes, None, count))
        self._wake()

    async def flush(self) -> None:
        """Return when everything handed in before is committed, refused or dropped."""
        await self._wait_for(())

    async def run(self) -> None:
        """Write until `close`; the one task that does. Cancelling what is around it does not end it."""
        try:
            with self._scope, plain_errors():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._tell)
                    with self._written:
                        await self._run()
        finally:
            self._done.set()
            self._disconnect()

    async def close(self, timeout: float) -> None:
        """Take nothing more, write what is there, at most `timeout` seconds; returns when `run` has ended."""
        self._closing = True
        self._wake()
        with trio.CancelScope(shield=True):
            with trio.move_on_after(timeout):
                await self._done.wait()
            self._scope.cancel()
            await self._done.wait()
        if self._queue:
            log.error("closed without the database, changes are lost", entries=len(self._queue))
            for entry in self._queue:
                self._drop(entry.changes)

    async def _run(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                self._idle = trio.Event()
                await self._idle.wait()
                self._idle = None
            await self._settle(self._take())

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

    async def _wait_for(self, changes: Sequence[Change]) -> None:
        task = trio.lowlevel.current_task()

        def wake(error: ChangeRefused | None) -> None:
            trio.lowlevel.reschedule(task, outcome.Value(None) if error is None else outcome.Error(error))

        def abandon(_: object) -> trio.lowlevel.Abort:
            entry.done = None
            return trio.lowlevel.Abort.SUCCEEDED

        entry = Entry(changes, wake)
        self._enter(entry)
        await trio.lowlevel.wait_task_rescheduled(abandon)

    def _wake(self) -> None:
        if self._idle is not None:
            self._idle.set()

    def _take(self) -> list[Entry]:
        queue, rows, taken = self._queue, 0, []
        while queue and rows < BATCH_ROWS:
            entry = queue.popleft()
            rows += len(entry.changes)
            self._behind -= entry.behind
            taken.append(entry)
        return taken

    async def _settle(self, entries: Sequence[Entry]) -> None:
        """Commit the entries together; when that is refused, each half by itself."""
        try:
            await self._write([change for entry in entries for change in entry.changes])
        except PlanError as refusal:
            if len(entries) > 1:
                middle = len(entries) // 2
                await self._settle(entries[:middle])
                await self._settle(entries[middle:])
                return
            (entry,) = entries
            log.warning("change refused by the database", kinds=_kinds(entry.changes), error=str(refusal))
            if entry.done is None:
                self._drop(entry.changes)
            else:
                entry.settle(ChangeRefused(str(refusal)))
            return
        self._written.send_nowait(entries)

    async def _write(self, changes: Sequence[Change]) -> None:
        """One transaction, repeated until its outcome is known. Raises PlanError."""
        if not changes:
            return
        plan = self._plan(changes)
        started = trio.current_time()
        failures = 0
        known = False  # the database has said itself that it is away
        self._number += 1
        while True:
            try:
                with trio.fail_after(COMMIT_TIMEOUT):
                    connection = await self._connected()
                    await self._database.run(_transact(connection, plan, self._writer, self._number))
                break
            except (*ASYNCPG_ERRORS, OSError) as error:
                if not passes(error):
                    raise PlanError(str(error)) from error
                self._disconnect()
                reason = str(error)
                known = self._database.lost(error)
            except trio.TooSlowError:
                self._disconnect()
                reason = f"no answer within {COMMIT_TIMEOUT} s"
            except MemoryError as error:
                self._disconnect()
                reason = repr(error)
            except Exception as error:
                # A bug is the trouble of these changes alone: the writer goes on with others.
                log.exception("commit failed")
                self._disconnect()
                raise PlanError(repr(error)) from error
            if failures == 0 and not known:
                log.warning("commits wait for the database", error=reason)
            await trio.sleep(
                RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)] * (0.5 + 0.5 * self._jitter())
            )
            failures += 1
        if failures and not known:
            log.info("commits go on", attempts=failures + 1)
        self._metrics.journal_rows.observe(len(changes))
        self._metrics.journal_seconds.observe(trio.current_time() - started)

    def _plan(self, changes: Sequence[Change]) -> Plan:
        try:
            return [(statement, self._encoder.encode(rows)) for statement, rows in waves(changes)]
        except Exception as error:  # also where memory is short: each half needs less
            raise PlanError(repr(error)) from error

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await self._database.run(self._database.connect())
                if self._writer == 0:
                    self._writer = await self._database.run(self._connection.fetchval(REGISTER))
            except OSError:
                raise
            except Exception as error:
                # A password changed, a database was renamed, no thread to be had: that is no change's fault.
                raise ConnectionError(str(error) or repr(error)) from error
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _drop(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._metrics.journal_dropped.add(type(change).__name__)


async def _transact(connection: asyncpg.Connection, plan: Plan, writer: int, number: int) -> None:
    """Run the plan (asyncio flavour), or nothing if an earlier attempt at it was committed after all.

    A single repeatable statement is a transaction by itself.
    """
    if len(plan) == 1 and plan[0][0].repeatable:
        await connection.execute(plan[0][0].sql, plan[0][1])
        return
    try:
        if all(statement.repeatable for statement, _ in plan):
            await connection.execute("begin")
        elif await connection.execute(BEGIN_ONCE.format(writer, number)) == NOT_INSERTED:
            await connection.execute("rollback")
            return
        for statement, rows in plan:
            await connection.execute(statement.sql, rows)
        await connection.execute("commit")
    except asyncpg.PostgresError:
        if not connection.is_closed():
            await connection.execute("rollback")
        raise


def waves(changes: Sequence[Change]) -> list[tuple[Statement, list[Change]]]:
    """Changes by statement, in the order of their kinds: parents before children.

    Where the changes of one subject come in another order than their kinds (a session is reopened, then
    closed), what comes later waits for another round.
    """
    rounds: list[dict[int, list[Change]]] = [{}]
    seen: dict[Any, tuple[int, int]] = {}  # subject → (round, rank) of its last change
    for change in changes:
        rank = RANK[type(change)]
        identify = STATEMENTS[rank].subject
        number = 0
        if identify is not None:
            subject = (identify, identify(change))
            number, last = seen.get(subject, (0, -1))
            if rank <= last:
                number += 1
                if number == len(rounds):
                    rounds.append({})
            seen[subject] = (number, rank)
        rows = rounds[number].get(rank)
        if rows is None:
            rounds[number][rank] = [change]
        else:
            rows.append(change)
    return [(STATEMENTS[rank], kinds[rank]) for kinds in rounds for rank in sorted(kinds)]


def _kinds(changes: Sequence[Change]) -> list[str]:
    return sorted({type(change).__name__ for change in changes})
