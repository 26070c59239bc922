"""Consumers of the outbox: each reads all events, in one order, from where it was, one node at a time.

A consumer is a row with a cursor and a lease. The order is that of the transactions that wrote the events:
one that runs longer is waited for, so the cursor passes none. What is taken is taken at least once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeAlias

import structlog
import trio

from engine.domain.state import Frozen
from engine.errors import StoreError
from engine.store.database import Connection, Database

log = structlog.get_logger(__name__)

AT_ONCE: Final = 500  # events
LEASE: Final = 30.0  # seconds; who takes longer for what it was given may see another one take it too
POLL: Final = 1.0  # seconds between looks where nothing is new
RETRY_DELAYS: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds; the last one repeats

# A new consumer begins with what is written from now on.
CLAIM: Final = """
insert into consumers as c (name, holder, leased_until)
values ($1, $2, now() + $3 * interval '1 second')
on conflict (name) do update set holder = excluded.holder, leased_until = excluded.leased_until
where coalesce(c.leased_until < now(), true) or c.holder = excluded.holder
returning xid::text, event_id
"""
READ: Final = """
select id, xid::text, type, subject, operator_id, payload::text, created_at from events
where (xid, id) > ($1::text::xid8, $2) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by events.xid, id limit $3
"""
ADVANCE: Final = """
update consumers set xid = $3::text::xid8, event_id = $4, leased_until = now() + $5 * interval '1 second'
where name = $1 and holder = $2 returning 1
"""
RELEASE: Final = "update consumers set leased_until = now() where name = $1 and holder = $2"
DROP: Final = """
delete from events where id in (
    select e.id from events e
    where e.created_at < $1 and not exists (select from consumers c where (c.xid, c.event_id) < (e.xid, e.id))
    order by e.xid, e.id limit $2
)
"""


class Published(Frozen, frozen=True):
    """An event as it was written; `payload` is JSON."""

    id: int
    xid: str
    type: str
    subject: str
    operator_id: int | None
    payload: str
    created_at: datetime


Take: TypeAlias = Callable[[Sequence[Published]], Awaitable[None]]


class Consumer:
    """One of `name`, at this node. `take` is awaited with what is new; what it raises has it given again.

    `holder` names this node.
    """

    def __init__(self, database: Database, name: str, holder: str, take: Take) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._take = take
        self._behind_since: datetime | None = None

    def behind(self) -> float:
        """Age of the oldest event not taken, seconds; 0 where there is none, or another node takes them."""
        since = self._behind_since
        return 0.0 if since is None else (datetime.now(UTC) - since).total_seconds()

    async def run(self) -> None:
        """Consume until cancelled; then let another node go on at once."""
        failures = 0
        try:
            while True:
                delay = 0.0
                try:
                    delay = await self._turn()
                    failures = 0
                except Exception as error:
                    if not isinstance(error, StoreError):
                        log.exception("events were not taken", consumer=self._name)
                    delay = RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)]
                    failures += 1
                await trio.sleep(delay)
        finally:
            with suppress(StoreError), trio.move_on_after(1, shield=True):
                await self._database.fetch(RELEASE, self._name, self._holder)

    async def _turn(self) -> float:
        """Take what is new, if it is ours to take; how long to wait then."""
        position = await self._database.fetch(CLAIM, self._name, self._holder, LEASE)
        if not position:
            self._behind_since = None
            return LEASE / 4
        xid, event_id = position[0]
        events = [Published(**row) for row in await self._database.fetch(READ, xid, event_id, AT_ONCE)]
        self._behind_since = events[0].created_at if events else None
        if not events:
            return POLL
        with trio.fail_after(LEASE / 2):
            await self._take(events)
        last = events[-1]
        await self._database.fetch(ADVANCE, self._name, self._holder, last.xid, last.id, LEASE)
        self._behind_since = None
        return 0.0 if len(events) == AT_ONCE else POLL


async def drop_read(connection: Connection, before: datetime, at_once: int = 10_000) -> int:
    """Drop events older than that which all consumers have taken; how many (asyncio flavour)."""
    dropped = 0
    while True:
        status: str = await connection.execute(DROP, before, at_once)
        number = int(status.rpartition(" ")[2])
        dropped += number
        if number < at_once:
            return dropped
