"""Two hundred chargers' meter values, each durable before its answer: in groups, and one by one."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
import trio
from pytest_benchmark.fixture import BenchmarkFixture

from bench.samples import Run, filled
from engine.domain.caller import Caller, CallerKind
from engine.domain.changes import Json, MeterValueAdded
from engine.store import Store
from engine.store.database import Database
from engine.store.repositories.stations import StationPatch

pytestmark = pytest.mark.benchmark(group="200 meter values to the disk")
CALLERS = 200
CALLER: Final = Caller("bench", CallerKind.NODE)
START = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLES = Json(b'[{"value":"1204.5","measurand":"Energy.Active.Import.Register","unit":"Wh"}]')
FIELDS = MeterValueAdded.__struct_fields__
PLACES = ", ".join(f"${number}" for number in range(1, len(FIELDS) + 1))
INSERT = f"insert into meter_values ({', '.join(FIELDS)}) values ({PLACES})"  # noqa: S608 - our own names
MOMENTS = itertools.count()


def values(station: int) -> list[MeterValueAdded]:
    """New readings of a session without a row of its own: the table does not ask."""
    at = datetime.now(UTC) + timedelta(milliseconds=next(MOMENTS))
    return [
        filled(
            MeterValueAdded,
            charge_point_id=station,
            session_id=number,
            evse_number=1,
            timestamp=at,
            received_at=at,
            sample_key=number,
            energy_wh=204,
            register_wh=1_204,
            power_w=11_040.0,
            current_a=16.0,
            voltage_v=230.1,
            soc_percent=57.5,
            samples=SAMPLES,
        )
        for number in range(1, CALLERS + 1)
    ]


@pytest.fixture(scope="session")
def station(stored: tuple[Run, Store, Database]) -> int:
    run, store, _ = stored
    added: Any = run(partial(store.stations.register, CALLER, "CP1", StationPatch()))
    number: int = added.id
    return number


def timed(
    benchmark: BenchmarkFixture, run: Run, station: int, write: Callable[[MeterValueAdded], Awaitable[Any]]
) -> None:
    """All rows at once, each written by a task of its own."""

    async def write_all() -> None:
        async with trio.open_nursery() as nursery:
            for row in values(station):
                nursery.start_soon(write, row)

    untyped: Any = benchmark
    untyped.pedantic(run, (write_all,), rounds=20, warmup_rounds=2)


def test_voltrio(benchmark: BenchmarkFixture, stored: tuple[Run, Store, Database], station: int) -> None:
    run, store, _ = stored

    async def commit(row: MeterValueAdded) -> None:
        await store.journal.commit((row,))

    timed(benchmark, run, station, commit)


def test_asyncpg_one_by_one(
    benchmark: BenchmarkFixture, stored: tuple[Run, Store, Database], station: int
) -> None:
    run, _, database = stored

    async def insert(row: MeterValueAdded) -> None:
        values = (getattr(row, field) for field in FIELDS)
        await database.fetch(INSERT, *(one.decode() if isinstance(one, Json) else one for one in values))

    timed(benchmark, run, station, insert)
