"""Migrations: run once, refused when the database went another way."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
import trio

from engine.errors import SchemaError
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store
from engine.store.embedded import Cluster
from engine.store.migrate import Applied, Migration, missing, shipped

KNOWN = [Migration(number=n, name=f"000{n}_x.sql", sql=f"select {n}") for n in (1, 2)]
OLD_WORDS = """
insert into charge_points (operator_id, name, network_id, registration_status, log_status)
select id, 'CP1', 'CP1', 'Pending', 'UploadFailure' from operators;
insert into sessions (id, operator_id, charge_point_id, evse_number, connector_number, status, reason,
                      meter_start_wh, started_at, start_received_at, offline, last_updated_at)
select w.id, c.operator_id, c.id, 1, 1, 'finished', w.reason, 0, now(), now(), false, now()
from charge_points c, (values (1, 'evdisconnected'), (2, 'local'), (3, 'expired'), (4, null)) w (id, reason);
"""


def applied(*migrations: Migration) -> list[Applied]:
    return [Applied(number=m.number, name=m.name, sha256=m.sha256) for m in migrations]


def test_only_what_is_missing_is_run() -> None:
    assert missing(KNOWN, []) == KNOWN
    assert missing(KNOWN, applied(KNOWN[0])) == KNOWN[1:]
    assert missing(KNOWN, applied(*KNOWN)) == []


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="newer"):
        missing(KNOWN[:1], applied(*KNOWN))


def test_a_changed_migration_is_refused() -> None:
    changed = Migration(number=1, name="0001_x.sql", sql="select 3")
    with pytest.raises(SchemaError, match="not the one"):
        missing(KNOWN, applied(changed))


def test_the_shipped_files_are_numbered_without_gaps() -> None:
    assert [m.number for m in shipped()] == list(range(1, len(shipped()) + 1))


async def test_opening_twice_runs_nothing_again(store: Store, settings: Settings) -> None:
    async with open_store(settings, Metrics()) as again:
        assert await again.query("select count(*) from operators") == [(1,)]


async def test_opening_refuses_a_newer_schema(store: Store, settings: Settings) -> None:
    await store.query(
        "insert into voltrio_migrations (number, name, sha256) values (9999, '9999_later.sql', 'x')"
    )
    with pytest.raises(SchemaError, match="newer"):
        async with open_store(settings, Metrics()):
            pass


async def test_opening_refuses_a_changed_migration(store: Store, settings: Settings) -> None:
    await store.query("update voltrio_migrations set sha256 = 'x' where number = 2")
    with pytest.raises(SchemaError, match="not the one"):
        async with open_store(settings, Metrics()):
            pass


async def test_stored_words_become_ours(postgres: Cluster) -> None:
    """What older versions wrote as OCPP words is read in ours, and nothing else is touched."""
    words = next(n for n, one in enumerate(shipped()) if one.name.endswith("_words.sql"))

    async def run() -> tuple[list[str], list[tuple[str, str]]]:
        owner = await asyncpg.connect(postgres.dsn("postgres"))
        await owner.execute("create database test_words")
        connection = await asyncpg.connect(postgres.dsn("test_words"))
        try:
            for one in shipped()[:words]:
                await connection.execute(one.sql)
            await connection.execute(OLD_WORDS)
            await connection.execute(shipped()[words].sql)
            reasons = await connection.fetch("select reason from sessions order by id")
            stations = await connection.fetch(
                "select registration_status, log_status from charge_points order by id"
            )
        finally:
            await connection.close()
            await owner.execute("drop database test_words with (force)")
            await owner.close()
        return [row[0] for row in reasons], [tuple(row) for row in stations]

    reasons, stations = await trio.to_thread.run_sync(lambda: asyncio.run(run()))
    assert reasons == ["ev_disconnected", "local", "timeout", None]
    assert stations == [("pending", "upload_failed")]
