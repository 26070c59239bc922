"""Reads on behalf of many: questions that come together become one query, answers that last are kept a while.

Nothing here knows SQL or tables.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final, Generic, TypeVar

import asyncpg
import outcome
import structlog
import trio

from engine.errors import StoreError
from engine.store.database import ASYNCPG_ERRORS, Connection, Database, passes

log = structlog.get_logger(__name__)

K = TypeVar("K")
H = TypeVar("H", bound=Hashable)
V = TypeVar("V")

BATCH: Final = 1_000  # questions per query
RETRY_DELAYS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)  # seconds; the last one repeats


class Batcher(Generic[K, V]):
    """Questions of one kind. `fetch` answers a list of them in order (asyncio flavour).

    While one query runs the next questions gather. When the database is away whoever asks waits.
    """

    def __init__(
        self, database: Database, fetch: Callable[[Connection, Sequence[K]], Awaitable[Sequence[V]]]
    ) -> None:
        self._database = database
        self._fetch = fetch
        self._queue: deque[tuple[K, list[trio.lowlevel.Task]]] = deque()
        self._idle: trio.Event | None = None

    async def ask(self, question: K) -> V:
        """The answer. Raises StoreError when this very question is one the database refuses."""
        waiting = [trio.lowlevel.current_task()]
        self._queue.append((question, waiting))
        if self._idle is not None:
            self._idle.set()

        def abandon(_: object) -> trio.lowlevel.Abort:
            waiting.clear()
            return trio.lowlevel.Abort.SUCCEEDED

        answer: V = await trio.lowlevel.wait_task_rescheduled(abandon)
        return answer

    async def run(self) -> None:
        """Answer until cancelled; the one task that does."""
        while True:
            if not self._queue:
                self._idle = trio.Event()
                await self._idle.wait()
                self._idle = None
            await trio.lowlevel.checkpoint()  # whoever is about to ask does so first
            taken = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            await self._answer([(question, waiting) for question, waiting in taken if waiting])

    async def _answer(self, asked: Sequence[tuple[K, list[trio.lowlevel.Task]]]) -> None:
        if not asked:
            return
        try:
            answers = await self._retrying([question for question, _ in asked])
        except Exception as error:
            # Whatever is wrong with one question, or with the rows that answer it, is that asker's trouble.
            if len(asked) > 1:
                middle = len(asked) // 2
                await self._answer(asked[:middle])
                await self._answer(asked[middle:])
                return
            known = isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | StoreError)
            log.warning("question not answered by the database", error=repr(error), exc_info=not known)
            _reply(asked[0][1], outcome.Error(StoreError(f"database: {error}")))
            return
        for (_, waiting), answer in zip(asked, answers, strict=True):
            _reply(waiting, outcome.Value(answer))

    async def _retrying(self, questions: Sequence[K]) -> Sequence[V]:
        failures = 0
        while True:
            try:
                return await self._database.use(lambda connection: self._fetch(connection, questions))
            except (*ASYNCPG_ERRORS, OSError, TimeoutError) as error:
                if not passes(error):
                    raise
                if failures == 0 and not self._database.lost(error):
                    log.warning("reads wait for the database", error=str(error))
            await trio.sleep(RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)])
            failures += 1


class Cache(Generic[H, V]):
    """The newest `size` answers. Usable only while `on`: while we hear of changes made elsewhere.

    What was read before a `forget` must not be kept after it: `keep` wants the `generation` from before.
    """

    def __init__(self, size: int) -> None:
        self._entries: dict[H, V] = {}
        self._size = size
        self.generation = 0
        self.on = False

    def get(self, key: H) -> V | None:
        return self._entries.get(key)

    def keep(self, key: H, value: V, generation: int) -> None:
        if not self.on or generation != self.generation:
            return
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]

    def forget(self, key: H) -> None:
        self.generation += 1
        self._entries.pop(key, None)

    def switch(self, on: bool) -> None:
        """Start anew, or stop keeping."""
        self.generation += 1
        self._entries.clear()
        self.on = on

    def __len__(self) -> int:
        return len(self._entries)


def _reply(waiting: list[trio.lowlevel.Task], answer: outcome.Value[Any] | outcome.Error) -> None:
    if waiting:
        trio.lowlevel.reschedule(waiting.pop(), answer)
