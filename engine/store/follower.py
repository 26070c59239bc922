"""What people change, heard by this node: every event of theirs, once it is committed, whoever wrote it.

The database records each change of a row that people own as an event, in the same transaction (migration
`changes`). A notification wakes us; what is read is what the cursor has not passed yet, so a connection that
was lost misses nothing. Events of transactions that run longer come later, not never: the cursor stops at the
oldest transaction that was running.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import asyncpg
import msgspec
import structlog
import trio

from engine.domain.events import Event
from engine.store.database import ASYNCPG_ERRORS, Database

log = structlog.get_logger(__name__)

CHANNEL: Final = "voltrio_changes"
AT_ONCE: Final = 1_000  # events of one look
LOOK_EVERY: Final = 5.0  # seconds: whether the connection still lives, and whether a notification was lost
RETRY: Final = 1.0  # seconds
SETTLED_WITHIN: Final = 5.0  # seconds that a writer waits for what follows from its change
FLOOR: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text as floor"
LOOK: Final = f"""
select floor, e.* from ({FLOOR}) f left join lateral (
    select xid::text, id, type, subject, operator_id, payload::text from events
    where by_people and xid >= $1::text::xid8 and id <> all($2::bigint[])
    order by events.xid, id limit $3
) e on true
"""  # noqa: S608 - a constant


Apply: TypeAlias = Callable[[Sequence[Event]], Awaitable[None]]


class Follower:
    """Gives its subscribers each event; `hearing` is called when events can be heard, and when not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: list[Apply] = []
        self._hearing: list[Callable[[bool], None]] = []
        self._cursor: str | None = None  # the oldest transaction whose events we may not have seen
        self._seen: dict[int, str] = {}  # event → transaction, of those behind the cursor
        self._wake = trio.Event()
        self._waiting: list[trio.Event] = []
        self._hears = False
        self._others: dict[str, Callable[[str], None]] = {}

    def subscribe(self, apply: Apply, hearing: Callable[[bool], None] | None = None) -> None:
        """Have `apply` awaited with what is new, in its order. It handles what goes wrong by itself."""
        self._subscribers.append(apply)
        if hearing is not None:
            self._hearing.append(hearing)

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Have `heard` called with what is said on another channel; what is missed there is not repeated."""
        self._others[channel] = heard

    async def settle(self) -> None:
        """Return when what was committed before has been applied here, or cannot be heard at present."""
        if self._hears:
            done = trio.Event()
            self._waiting.append(done)
            self._wake.set()
            with trio.move_on_after(SETTLED_WITHIN):
                await done.wait()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._database.run(self._database.connect())
                await self._database.run(self._listen(connection))
                await self._follow(connection)
            except (*ASYNCPG_ERRORS, OSError, TimeoutError, trio.TooSlowError) as error:
                if not self._database.lost(error):
                    log.info("not listening for changes, caches are off", error=str(error))
            finally:
                self._switch(False)
                if connection is not None:
                    connection.terminate()
            await trio.sleep(RETRY)

    async def _listen(self, connection: asyncpg.Connection) -> None:
        def ended(_: object) -> None:
            self._switch(False)
            self._wake.set()

        connection.add_termination_listener(ended)
        await connection.add_listener(CHANNEL, lambda *_: self._wake.set())
        for channel in self._others:
            await connection.add_listener(channel, self._hear)

    def _hear(self, _: object, __: int, channel: str, payload: object) -> None:
        self._others[channel](str(payload))

    async def _follow(self, connection: asyncpg.Connection) -> None:
        while True:
            self._wake = trio.Event()
            waiting, self._waiting = self._waiting, []
            try:
                with trio.fail_after(LOOK_EVERY):
                    found = await self._look(connection)
                for apply in self._subscribers if found else ():
                    await apply(found)
            finally:
                for done in waiting:
                    done.set()
            if not self._hears:
                self._switch(True)
            if len(found) < AT_ONCE:
                with trio.move_on_after(LOOK_EVERY):
                    await self._wake.wait()

    async def _look(self, connection: asyncpg.Connection) -> list[Event]:
        if self._cursor is None:
            self._cursor = await self._database.run(connection.fetchval(FLOOR))
        rows = await self._database.run(connection.fetch(LOOK, self._cursor, list(self._seen), AT_ONCE))
        floor = rows[0]["floor"]
        events = sorted((row for row in rows if row["id"]), key=lambda row: (int(row["xid"]), row["id"]))
        self._seen |= {row["id"]: row["xid"] for row in events}
        reached = int(floor)
        if len(events) == AT_ONCE:  # there are more
            reached = min(reached, int(events[-1]["xid"]))
        self._cursor = str(reached)
        self._seen = {id: xid for id, xid in self._seen.items() if int(xid) >= reached}
        return [
            Event(
                id=row["id"],
                type=row["type"],
                subject=row["subject"],
                operator_id=row["operator_id"],
                payload=msgspec.json.decode(row["payload"]),
            )
            for row in events
        ]

    def _switch(self, on: bool) -> None:
        self._hears = on
        for hearing in self._hearing:
            hearing(on)
        if not on:
            for done in self._waiting:
                done.set()
            self._waiting.clear()
