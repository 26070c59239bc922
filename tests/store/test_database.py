"""A database that goes away is told of once, and once when it is back; strangers to the log stay quiet."""

from __future__ import annotations

import logging
from pathlib import Path

import asyncpg
import pytest
import structlog
import trio
import trio.testing

from engine.domain.changes import EventPublished
from engine.errors import Conflict, DatabaseAway, Invalid, StoreError
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.database import ASYNCPG_ERRORS, Connection, is_away, translated
from engine.store.embedded import cluster

from .conftest import NOW

EVENT = EventPublished(type="x", subject="y", operator_id=None, payload=b"{}", created_at=NOW)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionRefusedError(), True),
        (FileNotFoundError(), True),
        (asyncpg.ConnectionDoesNotExistError("x"), True),
        (asyncpg.CannotConnectNowError("x"), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.InternalClientError("cannot switch to state 12"), True),  # it died between two messages
        (TimeoutError(), False),  # slow is not away
        (asyncpg.DiskFullError("x"), False),
        (asyncpg.DeadlockDetectedError("x"), False),
        (asyncpg.DataError("x"), False),
    ],
)
def test_what_counts_as_away(error: Exception, away: bool) -> None:
    assert is_away(error) is away
    assert isinstance(translated(error), DatabaseAway) is away


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (asyncpg.DataError, Invalid),
        (asyncpg.NumericValueOutOfRangeError, Invalid),
        (asyncpg.NotNullViolationError, Invalid),
        (asyncpg.ProgramLimitExceededError, Invalid),
        (asyncpg.UniqueViolationError, Conflict),
        (asyncpg.ForeignKeyViolationError, Conflict),
    ],
)
def test_values_it_never_takes_are_the_caller_s_fault(
    kind: type[asyncpg.PostgresError], said: type[Exception]
) -> None:
    error = kind('value "7" violates constraint "meter_values_pkey" of relation "meter_values"')
    error.detail = "Key (token)=(another one's) already exists."
    told = translated(error)
    assert isinstance(told, said)
    assert not any(word in str(told) for word in ("meter_values", "Key", "another", '"'))


@pytest.mark.parametrize("kind", ASYNCPG_ERRORS)
async def test_whatever_asyncpg_raises_is_told_in_our_words(store: Store, kind: type[Exception]) -> None:
    async def work(_: Connection) -> None:
        raise kind("x")

    with pytest.raises(StoreError):
        await store.sessions._database.translating(work)


async def test_away_and_back_are_one_line_each(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Readers, commits and the listening connection all notice; asyncpg's pool has nothing to say."""
    server = cluster(data)
    server.start()
    try:
        settings = Settings(data=str(data), database=server.dsn("postgres"))
        with caplog.at_level(logging.WARNING), structlog.testing.capture_logs() as lines:
            async with open_store(settings, Metrics(), jitter=lambda: 0.0) as store:
                await store.ping()
                await trio.to_thread.run_sync(server.stop)
                for _ in range(3):
                    with pytest.raises(StoreError):
                        await store.ping()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(store.journal.commit, [EVENT])
                    nursery.start_soon(store.reader.station, "CP1")
                    await trio.testing.wait_all_tasks_blocked(0.3)  # they have tried
                    await trio.to_thread.run_sync(server.start)
                await store.ping()
        said = [(line["log_level"], line["event"]) for line in lines if "database" in line["event"]]
        assert said == [
            ("warning", "the database is away, what needs it waits"),
            ("info", "the database is back"),
        ]
        assert [line for line in lines if line["log_level"] == "warning"] == [
            line for line in lines if "away" in line["event"]
        ]
        assert caplog.records == []
    finally:
        server.stop()
