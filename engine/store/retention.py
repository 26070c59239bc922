"""Time partitions: made ahead, dropped when their time is over. The plan is pure; `run` carries it out.

A partition holds one calendar month (UTC). The default partitions keep what carries an odd time stamp; their
rows go by the time of receipt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import structlog
import trio

from engine.domain.state import Frozen
from engine.errors import StoreError
from engine.settings import Settings
from engine.store.consumers import drop_read
from engine.store.database import Connection, Database
from engine.store.tables import Series, metadata

log = structlog.get_logger(__name__)

MONTHS_AHEAD: Final = 3
INTERVAL: Final = 3_600.0  # seconds
LOCK: Final = 0x766F6C75  # one node at a time
LOCK_TIMEOUT: Final = "5s"  # writers queue behind us while we wait for a table
NAME: Final = re.compile(r"(\w+)_(\d{4})_(\d{2})")


class PartitionPlan(Frozen, frozen=True):
    """Months to make, months to drop, and the moment before which stray rows go."""

    create: Sequence[date]
    drop: Sequence[date]
    cutoff: datetime


def plan(now: datetime, existing: Collection[date], keep_days: int) -> PartitionPlan:
    """Last, present and next months exist; a month goes when its last moment is older than `keep_days`."""
    cutoff = now - timedelta(days=keep_days)
    first = max(_month(now.date(), -1), _month(cutoff.date(), 0))
    wanted = [_month(first, n) for n in range(MONTHS_AHEAD + 2)]
    wanted = [month for month in wanted if month <= _month(now.date(), MONTHS_AHEAD)]
    return PartitionPlan(
        create=[month for month in wanted if month not in existing],
        drop=sorted(month for month in existing if _start(_month(month, 1)) <= cutoff),
        cutoff=cutoff,
    )


def partition(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


def month_of(name: str) -> date | None:
    """The month in a partition's name; None for the default partition and for tables of others."""
    match = NAME.fullmatch(name)
    return date(int(match[2]), int(match[3]), 1) if match else None


async def maintain(database: Database, settings: Settings, now: datetime) -> None:
    """Carry out the plan of every series, each step in its own short transaction; raises StoreError."""
    await database.translating(lambda connection: maintain_connection(connection, settings, now))


async def maintain_connection(connection: Connection, settings: Settings, now: datetime) -> None:
    """`maintain` on one connection (asyncio flavour); nothing happens while another node does it."""
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        return
    try:
        await connection.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
        for table in metadata.tables.values():
            series: Series | None = table.info["series"]
            if series is not None:
                await _maintain(connection, table.name, series, getattr(settings, series.kept), now)
        await drop_read(connection, now - timedelta(days=settings.event_days))
    finally:
        await connection.execute("reset lock_timeout")
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def run(database: Database, settings: Settings) -> None:
    """Maintain every hour; a failure is logged and tried again the next hour."""
    while True:
        await trio.sleep(INTERVAL)
        try:
            await maintain(database, settings, datetime.now(UTC))
        except StoreError as error:
            log.error("partitions were not maintained", error=str(error))


async def _maintain(connection: Connection, table: str, series: Series, days: int, now: datetime) -> None:
    names = await connection.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = $1::regclass",
        table,
    )
    months = {month for (name,) in names if (month := month_of(name)) is not None}
    steps = plan(now, months, days)
    for month in steps.create:
        await _create(connection, table, series.column, month)
        log.debug("partition made", partition=partition(table, month))
    for month in steps.drop:
        await connection.execute(f"drop table {partition(table, month)}")
        log.info("partition dropped", partition=partition(table, month))
    await connection.execute(
        f"delete from {table}_default where {series.received} < $1",  # noqa: S608 - names of our own tables
        steps.cutoff,
    )


async def _create(connection: Connection, table: str, column: str, month: date) -> None:
    """Make a month, taking over what the default partition already holds of it."""
    name, default = partition(table, month), f"{table}_default"
    bounds = (_start(month), _start(_month(month, 1)))
    span = f"{column} >= $1 and {column} < $2"
    async with connection.transaction():
        await connection.execute(f"lock table {default} in access exclusive mode")
        await connection.execute(f"create table {name} (like {table} including all excluding identity)")
        strays: asyncpg.Record | None = await connection.fetchrow(
            f"select 1 from {default} where {span} limit 1",  # noqa: S608 - names of our own tables
            *bounds,
        )
        if strays is not None:
            await connection.execute(
                f"with moved as (delete from {default} where {span} returning *) "  # noqa: S608 - as above
                f"insert into {name} select * from moved",
                *bounds,
            )
        await connection.execute(
            f"alter table {table} attach partition {name} "
            f"for values from ('{bounds[0].isoformat()}') to ('{bounds[1].isoformat()}')"
        )


def _month(day: date, offset: int) -> date:
    index = day.year * 12 + day.month - 1 + offset
    return date(index // 12, index % 12 + 1, 1)


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
