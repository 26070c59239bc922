"""Two hundred chargers' meter values, each durable before its answer: in groups, and one by one."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import trio
from pytest_benchmark.fixture import BenchmarkFixture

from bench.samples import Run
from engine.domain.changes import MeterValueAdded
from engine.store import Store
from engine.store.embedded import cluster
from engine.store.repositories.stations import StationPatch
from engine.store.store import DATABASE

pytestmark = pytest.mark.benchmark(group="200 meter values to the disk")
CALLERS = 200
CONNECTIONS = 10  # of the pool that commits one by one
START = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLES = '[{"value":"1204.5","measurand":"Energy.Active.Import.Register","unit":"Wh"}]'
INSERT = """
insert into meter_values (charge_point_id, session_id, evse_number, timestamp, received_at, sample_key,
                          energy_wh, register_wh, resets, power_w, current_a, voltage_v, soc_percent, samples)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
MOMENTS = itertools.count()


def values(station: int) -> list[MeterValueAdded]:
    """New readings of a session without a row of its own: the table does not ask."""
    at = datetime.now(UTC) + timedelta(milliseconds=next(MOMENTS))
    return [
        MeterValueAdded(
            charge_point_id=station,
            session_id=number,
            evse_number=1,
            timestamp=at,
            received_at=at,
            sample_key=7,
            energy_wh=204,
            register_wh=1_204,
            resets=0,
            power_w=11_040.0,
            current_a=16.0,
            voltage_v=230.1,
            soc_percent=57.5,
            samples=SAMPLES,
        )
        for number in range(1, CALLERS + 1)
    ]


@pytest.fixture(scope="session")
def station(trio_store: tuple[Run, Store]) -> int:
    loop, store = trio_store
    added: Any = loop(partial(store.stations.register, "CP1", StationPatch(), actor="bench"))
    number: int = added.id
    return number


def test_voltrio(benchmark: BenchmarkFixture, trio_store: tuple[Run, Store], station: int) -> None:
    loop, store = trio_store

    async def commit_all() -> None:
        async with trio.open_nursery() as nursery:
            for row in values(station):
                nursery.start_soon(store.journal.commit, (row,))

    benchmark.pedantic(loop, (commit_all,), rounds=30, warmup_rounds=3)  # type: ignore[no-untyped-call]  # theirs


def test_asyncpg_one_by_one(
    benchmark: BenchmarkFixture, asyncio_loop: Run, data: Path, trio_store: object, station: int
) -> None:
    async def open_pool() -> asyncpg.Pool:
        return await asyncpg.create_pool(
            cluster(data).dsn(DATABASE), min_size=CONNECTIONS, max_size=CONNECTIONS
        )

    async def insert_all() -> None:
        await asyncio.gather(
            *(
                pool.execute(INSERT, *(getattr(row, f) for f in row.__struct_fields__))
                for row in values(station)
            )
        )

    pool = asyncio_loop(open_pool)
    try:
        benchmark.pedantic(asyncio_loop, (insert_all,), rounds=10, warmup_rounds=1)  # type: ignore[no-untyped-call]  # theirs
    finally:
        asyncio_loop(pool.close)
