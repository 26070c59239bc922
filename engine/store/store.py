"""The store as a whole: the server if it is ours, schema, pool, journal, reader, repositories."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import edit, plan, retention
from engine.store.background import beside, plain_errors
from engine.store.consumers import Consumer, Take
from engine.store.database import Database, open_database
from engine.store.duties import Duties
from engine.store.edit import Edit
from engine.store.embedded import embedded
from engine.store.fence import CHANNEL
from engine.store.follower import Follower
from engine.store.journal import Journal
from engine.store.migrate import migrate
from engine.store.nodes import Nodes, installation
from engine.store.plan import Plan, Row
from engine.store.reader import Reader
from engine.store.repositories.access import ApiTokens, AuditTrail
from engine.store.repositories.operators import Operators
from engine.store.repositories.orphans import Orphans
from engine.store.repositories.provisioning import Certificates, Configuration
from engine.store.repositories.security import StationCertificates
from engine.store.repositories.sessions import Sessions
from engine.store.repositories.stations import Stations
from engine.supervision import keep

log = structlog.get_logger(__name__)

DATABASE: Final = "voltrio"  # its name on the embedded server
ADMIN_DATABASE: Final = "postgres"
DRAIN_TIMEOUT: Final = 10.0  # seconds that closing waits for the journal when the database is away


class Store:
    """Everything that reaches the database: `journal` for what chargers do, repositories for people."""

    def __init__(
        self, database: Database, settings: Settings, metrics: Metrics, jitter: Callable[[], float]
    ) -> None:
        self._database = database
        self._metrics = metrics
        self.nodes = Nodes(database, installation(Path(settings.data)), metrics)
        self.journal = Journal(database, self.nodes.fence, metrics, jitter)
        self.reader = Reader(database, settings, metrics, self.journal.flush, self.nodes.id)
        self.duties = Duties(database, self.nodes.id)
        self.follower = Follower(database)
        self.follower.listen(CHANNEL, self.nodes.heard_of)
        self.follower.subscribe(self.reader.apply, self.reader.switch)
        settle = self.follower.settle
        self.stations = Stations(database, settle)
        self.sessions = Sessions(database, settle)
        self.orphans = Orphans(database, settle)
        self.operators = Operators(database, settle)
        self.certificates = Certificates(database, settle)
        self.station_certificates = StationCertificates(database, settle)
        self.configuration = Configuration(database, settle)
        self.api_tokens = ApiTokens(database, settle)
        self.audit = AuditTrail(database, settle)

    def consumer(self, name: str, take: Take) -> Consumer:
        """One that reads the outbox at this node, when it is this node's turn; `run` it."""
        consumer = Consumer(self._database, name, self.nodes.id, take)
        self._metrics.consumers[name] = consumer.behind
        return consumer

    async def query(self, sql: str, *arguments: object) -> Sequence[tuple[object, ...]]:
        """Rows of one reading statement, for checks and tests; raises StoreError."""
        return [tuple(row.values()) for row in await self._database.fetch(sql, *arguments)]

    async def rows(self, wanted: Plan) -> Sequence[Row]:
        """A page of a listing; raises StoreError."""
        return await plan.fetch(self._database, wanted)

    async def write(self, wanted: Edit) -> Row:
        """Change one row, and wait until this node goes by it. Raises Conflict, Invalid, NotFound."""
        row = await edit.carry_out(self._database, wanted)
        await self.follower.settle()
        return row

    async def count(self, wanted: Plan) -> int:
        """How many rows a listing has on all pages; raises StoreError."""
        return await plan.count(self._database, wanted)

    async def ping(self) -> None:
        """Ask the database for an answer; raises StoreError when it is away."""
        await self._database.fetch("select 1")


@asynccontextmanager
async def open_store(
    settings: Settings, metrics: Metrics, *, jitter: Callable[[], float] = random.random
) -> AsyncIterator[Store]:
    """A store on the database of `settings`, its schema up to date; on leaving the journal is drained.

    Raises StoreError when there is no database, SchemaError when its schema is not for this program.
    """
    with plain_errors():
        async with up_to_date(settings, metrics) as database:
            store = Store(database, settings, metrics, jitter)
            await store.nodes.enter()
            maintain = partial(retention.run, database, settings)
            tasks = (
                store.reader.run,
                partial(keep, "changes", store.follower.run, metrics.task_failures),
                store.nodes.run,
                store.journal.run,
                partial(keep, "partitions", maintain, metrics.task_failures),
            )
            async with beside(*tasks):
                try:
                    yield store
                finally:
                    await store.journal.close(DRAIN_TIMEOUT)
                    await store.nodes.leave()


@asynccontextmanager
async def visit_store(settings: Settings, metrics: Metrics) -> AsyncIterator[Store]:
    """A store for a command that is no node: what people own is read and written, no charger is taken.

    A node may run on the same data folder. Raises what `open_store` raises.
    """
    with plain_errors():
        async with up_to_date(settings, metrics) as database:
            yield Store(database, settings, metrics, random.random)


@asynccontextmanager
async def up_to_date(settings: Settings, metrics: Metrics) -> AsyncIterator[Database]:
    """The database of `settings` with its schema and partitions; the server is started if it is ours."""
    async with AsyncExitStack() as stack:
        if settings.database is None:
            server = await stack.enter_async_context(embedded(Path(settings.data), metrics))
            make = (server.dsn(ADMIN_DATABASE), DATABASE)
            opening = open_database(server.dsn(DATABASE), metrics, make=make)
        else:
            opening = open_database(settings.database, metrics)
        database = await stack.enter_async_context(opening)
        await _bring_up_to_date(database)
        await retention.maintain(database, settings, datetime.now(UTC))
        yield database


async def _bring_up_to_date(database: Database) -> None:
    connection = await database.reach(database.connect())
    try:
        done = await database.reach(migrate(connection))
        if done:
            log.info("schema brought up to date", migrations=len(done), newest=done[-1])
    finally:
        connection.terminate()
