"""asyncpg on its bridge: the connection pool, and errors in our own words.

What touches asyncpg is a coroutine of asyncio flavour, handed to `Database.run`. SQL stands elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import asyncpg
import msgspec
import structlog
import trio
from asyncpg.pool import PoolConnectionProxy

from engine.errors import Conflict, DatabaseAway, Invalid, StoreError
from engine.metrics import Metrics
from engine.store.bridge import Bridge, open_bridge

log = structlog.get_logger(__name__)

T = TypeVar("T")
Connection = asyncpg.Connection | PoolConnectionProxy

POOL_SIZE: Final = 10
COMMAND_TIMEOUT: Final = 60.0  # seconds; people's queries, not the journal's
CONNECT_TIMEOUT: Final = 10.0  # seconds

# Whatever asyncpg raises; the last is what it trips over when the server dies at an awkward moment.
ASYNCPG_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# SQLSTATE classes of trouble that passes: the connection, a standby, a lost race, a full disk, a lock,
# a server that starts, stops or fails over.
PASSING_CLASSES: Final = ("08", "25", "40", "53", "55P", "57", "58")
# … and of values that the database will never take.
DATA_CLASSES: Final = ("21", "22", "23", "54")
# What is said of such values, by SQLSTATE: the database's own words name tables, columns and other rows.
UNFIT: Final = {
    "22001": "a text is too long",
    "22003": "a number is too large",
    "22008": "a time is out of range",
    "22021": "a text has a character that cannot be stored",
    "22P05": "a text has a character that cannot be stored",
    "23502": "a value is missing",
    "23514": "a value is out of bounds",
    "54000": "a value is too large or nested too deeply",
    "54001": "a value is too large or nested too deeply",
}
UNFIT_OTHERWISE: Final = "a value cannot be stored"
TWICE: Final = "there is one like it already"
DANGLING: Final = "what it refers to is not there, or is itself referred to"
# Nobody is there to ask: no connection, or a server that stops, starts or crashed.
AWAY_STATES: Final = ("08", "57P")


def passes(error: BaseException) -> bool:
    """Whether doing the same again later may succeed."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(PASSING_CLASSES)
    return isinstance(error, (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError))


def is_away(error: BaseException) -> bool:
    """Whether there is no database to speak to; slow, locked or full ones are there."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(AWAY_STATES)
    lost = isinstance(error, (OSError, asyncpg.InternalClientError))
    return lost and not isinstance(error, TimeoutError)


def translated(error: Exception) -> Exception:
    """A database error in terms of `engine.errors`, for repositories.

    Conflict and Invalid are for callers, so they are in words of ours; the others are for the log.
    """
    if isinstance(error, asyncpg.UniqueViolationError):
        return Conflict(TWICE)
    state = (error.sqlstate or "") if isinstance(error, asyncpg.PostgresError) else ""
    if state.startswith(DATA_CLASSES):
        log.warning("the database refused a value", error=str(error), sqlstate=state)
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return Conflict(DANGLING)
    if state.startswith(DATA_CLASSES):
        return Invalid(UNFIT.get(state, UNFIT_OTHERWISE))
    return (DatabaseAway if is_away(error) else StoreError)(f"database: {error}")


class Database:
    """A pool on one database. `run` bridges from Trio; the other methods are one statement each.

    That the database went away, and that it is back, is logged here: once each, whoever noticed first.
    """

    def __init__(self, dsn: str, bridge: Bridge) -> None:
        self.dsn = dsn
        self._bridge = bridge
        self._pool: asyncpg.Pool | None = None
        self._away = False

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await an asyncio-flavoured coroutine from a Trio task."""
        return await self._bridge.call(work)

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """`run` for the first contact; raises StoreError when the database cannot be reached."""
        try:
            return await self.run(work)
        except (*ASYNCPG_ERRORS, OSError, TimeoutError, ValueError) as error:
            why = str(error) or "no answer in time"
            if not isinstance(error, asyncpg.PostgresError):
                why += ". Is its address right, and does PostgreSQL listen there?"
            raise StoreError(f"cannot reach the database: {why}") from error

    async def open(self) -> None:
        """Make the pool and its first connection (asyncio flavour)."""
        self._pool = await _pool(self.dsn)
        async with self._pool.acquire():
            pass

    def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def connect(self) -> asyncpg.Connection:
        """A connection of one's own, outside the pool (asyncio flavour)."""
        with self._noticing():
            connection = await asyncpg.connect(self.dsn, timeout=CONNECT_TIMEOUT)
            try:
                await _prepare(connection)
            except BaseException:  # cancelled: nobody else could close it
                connection.terminate()
                raise
        return connection

    async def use(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` with a connection of the pool; asyncpg's errors come through."""
        if self._pool is None:
            raise StoreError("the store is closed")
        with self._noticing():
            return await self.run(_using(self._pool, work))

    def lost(self, error: BaseException) -> bool:
        """Whether `error` means that the database is away; the first one of them is logged."""
        away = is_away(error)
        if away and not self._away:
            self._away = True
            log.warning("the database is away, what needs it waits", error=str(error))
        return away

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError) as error:
            self.lost(error)
            raise
        if self._away:
            self._away = False
            log.info("the database is back")

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows of one statement; errors are translated."""

        async def work(connection: Connection) -> list[asyncpg.Record]:
            return await connection.fetch(sql, *arguments)

        return await self.translating(work)

    async def translating(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Like `use`, with errors translated."""
        try:
            return await self.use(work)
        except (*ASYNCPG_ERRORS, OSError, TimeoutError) as error:
            raise translated(error) from error


class Line:
    """A connection for what must not wait behind others; lost, it is made anew for the next statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: asyncpg.Connection | None = None
        self._turn = trio.Lock()

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """All rows of one short statement; errors are translated."""
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._database.run(self._database.connect())
                work = self._connection.fetch(sql, *arguments, timeout=CONNECT_TIMEOUT)
                rows: list[asyncpg.Record] = await self._database.run(work)
            except (*ASYNCPG_ERRORS, OSError, TimeoutError) as error:
                self._database.lost(error)
                self.close()
                raise translated(error) from error
        return rows

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _pool(dsn: str) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        dsn,
        min_size=0,  # it would go on trying for one by itself, with a traceback each time
        max_size=POOL_SIZE,
        init=_prepare,
        reset=_leave,
        command_timeout=COMMAND_TIMEOUT,
        timeout=CONNECT_TIMEOUT,
    )


async def _leave(_: Connection) -> None:
    """Before others use a connection, asyncpg ends a transaction that was left open, and that is all.

    By default it also undoes settings, locks and subscriptions, for a round trip after each use; here nobody
    makes any on a connection of the pool.
    """


async def _using(pool: asyncpg.Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    async with pool.acquire() as connection:
        return await work(connection)


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        encoder=lambda value: msgspec.json.encode(value).decode(),
        decoder=msgspec.json.decode,
        schema="pg_catalog",
    )


async def _ensure(admin: str, name: str) -> None:
    connection = await asyncpg.connect(admin, timeout=CONNECT_TIMEOUT)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another node was faster
    finally:
        await connection.close()


@asynccontextmanager
async def open_database(
    dsn: str, metrics: Metrics, *, make: tuple[str, str] | None = None
) -> AsyncIterator[Database]:
    """A bridge to asyncio and a pool on `dsn`, closed on leaving.

    `make`: address of a database from which to create the one of this name if missing. Raises StoreError.
    """
    async with open_bridge(metrics.task_failures) as bridge:
        database = Database(dsn, bridge)
        if make is not None:
            await database.reach(_ensure(*make))
        await database.reach(database.open())
        try:
            yield database
        finally:
            database.close()
