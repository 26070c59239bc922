"""What is declared is what the migrations make: PostgreSQL compares both, made in two databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
import trio

from engine.store.cluster import Cluster
from engine.store.tables import metadata, path_to_tenant

# Each row says one thing about the schema in PostgreSQL's own words. Partitions are made as time goes on.
CATALOGUE = """
with tables as (
    select oid, relname, relkind, relpartbound from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
          and relname <> 'voltrio_migrations'
)
select 'table ' || relname || coalesce(' partition by ' || pg_get_partkeydef(oid), '') from tables
union all
select concat_ws(' ', 'column', relname, attname, format_type(atttypid, atttypmod),
                 case when attnotnull then 'not null' end, 'default ' || pg_get_expr(adbin, adrelid),
                 'identity ' || nullif(attidentity::text, ''))
from tables join pg_attribute a on attrelid = oid and attnum > 0 and not attisdropped
left join pg_attrdef on adrelid = attrelid and adnum = attnum
union all
select 'constraint ' || relname || ' ' || conname || ' ' || pg_get_constraintdef(c.oid)
from tables join pg_constraint c on conrelid = tables.oid
where contype <> 'n'  -- columns tell
union all
select pg_get_indexdef(indexrelid) from tables join pg_index on indrelid = oid
union all
select concat_ws(' ', 'sequence', sequencename, data_type, start_value, min_value, max_value, cycle)
from pg_sequences where schemaname = 'public' and sequencename like 'voltrio%'
"""


def declared() -> Sequence[str]:
    """The statements that make every declared table in an empty database."""
    statements: list[str] = []

    def collect(statement: Any, *_: Any, **__: Any) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = sa.create_mock_engine("postgresql+asyncpg://", collect)
    metadata.create_all(engine, checkfirst=False)
    return statements


async def catalogue(dsn: str, *before: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        for sql in before:
            await connection.execute(sql)
        return {row[0] for row in await connection.fetch(CATALOGUE)}
    finally:
        await connection.close()


@pytest.fixture
def empty(postgres: Cluster) -> Any:
    """Address of a database without tables."""

    async def run(sql: str) -> None:
        connection = await asyncpg.connect(postgres.dsn("postgres"))
        await connection.execute(sql)
        await connection.close()

    asyncio.run(run("create database declared"))
    yield postgres.dsn("declared")
    asyncio.run(run("drop database declared with (force)"))


async def test_the_declarations_are_the_migrated_schema(dsn: str, empty: str) -> None:
    ours = await trio.to_thread.run_sync(lambda: asyncio.run(catalogue(empty, *declared())))
    migrated = await trio.to_thread.run_sync(lambda: asyncio.run(catalogue(dsn)))
    assert sorted(ours - migrated) == []
    assert sorted(migrated - ours) == []


@pytest.mark.parametrize("name", metadata.tables)
def test_the_path_of_a_table_leads_to_its_operator(name: str) -> None:
    table = metadata.tables[name]
    path = path_to_tenant(table)
    if table.info["tenant"] is None:
        assert path == ()
    else:
        assert path[0].table is table
        last = path[-1]
        assert str(last) == "operators.id" or last.info["refers_to"] == "operators"
