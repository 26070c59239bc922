"""One PostgreSQL server per test session, one migrated template, a fresh database per test."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.cluster import Cluster
from engine.store.embedded import cluster
from engine.store.migrate import migrate
from engine.store.retention import maintain_connection
from tests.proving import pytest_collection_modifyitems, pytest_runtest_call

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_call"]  # hooks: claims are watched everywhere

TEMPLATE = "voltrio_template"
# No test depends on how fast the machine is.
hypothesis.settings.register_profile(
    "voltrio", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("voltrio")
_numbers = itertools.count(1)


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a node's data.

    Not one of pytest's: those are closed to the user PostgreSQL runs as when we are root.
    """
    with tempfile.TemporaryDirectory(prefix="voltrio-test-") as folder:
        yield Path(folder)


@pytest.fixture
def data() -> Iterator[Path]:
    """A fresh data folder, for tests that start an embedded server of their own."""
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A running server of the session."""
    with data_folder() as folder, running(cluster(folder)) as server:
        yield server


@contextmanager
def running(server: Cluster) -> Iterator[Cluster]:
    server.start()
    # Nothing here has to survive a power cut; what a killed server wrote is in the system's cache.
    careless = ("alter system set fsync = off", "alter system set full_page_writes = off")
    asyncio.run(_execute(server, *careless, "select pg_reload_conf()"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(postgres: Cluster) -> str:
    """Name of a database with the schema and this month's partitions, never connected to again."""

    async def make() -> None:
        await _execute(postgres, f"create database {TEMPLATE}")
        connection = await asyncpg.connect(postgres.dsn(TEMPLATE))
        await migrate(connection)
        await maintain_connection(connection, Settings(), datetime.now(UTC))
        await connection.close()

    asyncio.run(make())
    return TEMPLATE


@pytest.fixture
def dsn(postgres: Cluster, template: str) -> Iterator[str]:
    """Address of a fresh, migrated, empty database."""
    name = f"test_{next(_numbers)}"
    asyncio.run(_execute(postgres, f"create database {name} template {template}"))
    yield postgres.dsn(name)
    asyncio.run(_execute(postgres, f"drop database {name} with (force)"))


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Settings of a node on a fresh database; every port is chosen by the system."""
    return Settings(
        data=str(tmp_path), database=dsn, ocpp_port=0, http_port=0, manage_port=0, log_level="error"
    )


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def store(settings: Settings, metrics: Metrics) -> AsyncIterator[Store]:
    """An open store on a fresh database."""
    async with open_store(settings, metrics, jitter=lambda: 0.0) as opened:
        yield opened


async def _execute(server: Cluster, *statements: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        for sql in statements:
            await connection.execute(sql)
    finally:
        await connection.close()
