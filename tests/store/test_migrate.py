"""Migrations: run once, refused when the database went another way."""

from __future__ import annotations

import pytest

from engine.errors import SchemaError
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, open_store, visit_store
from engine.store.migrate import Applied, Migration, missing, shipped

KNOWN = [Migration(number=n, name=f"000{n}_x.sql", sql=f"select {n}") for n in (1, 2)]


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
    with pytest.raises(SchemaError, match="Start with an empty data folder or database"):
        missing(KNOWN, applied(changed))


def test_a_database_from_before_the_first_release_is_refused_however_many_migrations_it_has() -> None:
    older = [Migration(number=n, name=f"000{n}_older.sql", sql="select 4") for n in range(1, 23)]
    with pytest.raises(SchemaError, match="Start with an empty data folder or database"):
        missing(KNOWN, applied(*older))


def test_the_shipped_files_are_numbered_without_gaps() -> None:
    assert [m.number for m in shipped()] == list(range(1, len(shipped()) + 1))


async def test_opening_twice_runs_nothing_again(store: Store, settings: Settings) -> None:
    async with visit_store(settings, Metrics()) as again:
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
    with pytest.raises(SchemaError, match="Start with an empty data folder or database"):
        async with open_store(settings, Metrics()):
            pass
